"""``torchserve --check``: what is found before the frontend, and what it is asked to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_java import FakeJava, Run


def values(words: list[str], option: str) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words) if word == option]


def test_check_asks_the_frontend_and_starts_nothing(
    run: Run, java: FakeJava, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java.does(prints="Works: 0 fail, 0 differ, 1 work.", exits=0)
    monkeypatch.delenv("LOG_LOCATION", raising=False)

    outcome = run("--check", "--json", "--model-store", "store", "--models", "a.mar", "--ncs")

    assert (outcome.status, outcome.out) == (0, "Works: 0 fail, 0 differ, 1 work.\n")
    words = java.words()
    assert "--check" in words
    assert "--json" in words
    assert "-ncs" in words
    assert values(words, "-m") == ["a.mar"]
    assert "--status-file" not in words
    assert values(words, "--check-problem") == []
    assert not (place / "logs").exists()


def test_check_has_the_exit_status_of_the_frontend(run: Run, java: FakeJava) -> None:
    java.does(prints="fails", exits=1)

    assert run("--check", "--model-store", "store").status == 1


def test_all_that_would_refuse_the_start_is_told_at_once(
    run: Run, java: FakeJava, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java.does(exits=1)
    (place / "file").touch()
    monkeypatch.setenv("LOG_LOCATION", str(place / "file" / "logs"))
    monkeypatch.setenv("TEMP", "/no/such/folder")
    (place / "c.properties").write_text('vmargs=-Xmx1g "-Dopen\n')

    run("--check", "--ts-config", "c.properties", "--workflow-store", "nowhere")

    told = values(java.words(), "--check-problem")
    for part, problem in zip(
        (
            "--workflow-store directory not found: nowhere",
            "Missing mandatory parameter --model-store",
            "No closing quotation",
            "Invalid temp directory: /no/such/folder",
            f"Logs cannot be written to {place / 'file' / 'logs'}",
        ),
        told,
        strict=True,
    ):
        assert part in problem


def test_file_that_is_not_there_is_for_the_frontend_to_tell(run: Run, java: FakeJava) -> None:
    java.does(exits=1)

    run("--check", "--ts-config", "no.properties", "--model-store", "store", "--log-config", "no")

    words = java.words()
    assert values(words, "-f")[0].endswith("/no.properties")
    assert values(words, "--check-log-config")[0].endswith("/no")


@pytest.mark.parametrize("option", [(), ("--log-config", "mine.xml")])
def test_log_config_is_the_one_that_the_start_would_use(
    run: Run, java: FakeJava, place: Path, option: tuple[str, ...]
) -> None:
    java.does(exits=0)
    (place / "mine.xml").touch()
    (place / "c.properties").write_text("vmargs=-Dlog4j.configurationFile=file:///other.xml\n")

    run("--check", "--ts-config", "c.properties", "--model-store", "store", *option)

    mine = (place / "mine.xml").resolve().as_uri()
    assert values(java.words(), "--check-log-config") == [mine if option else "file:///other.xml"]
    assert not any("configurationFile" in word for word in java.words() if word.startswith("-D"))


@pytest.mark.parametrize(
    "words",
    [("--check", "--stop"), ("--check", "--version"), ("--check", "--print-config"), ("--json",)],
)
def test_check_goes_with_no_other_action(run: Run, java: FakeJava, words: tuple[str, ...]) -> None:
    assert run(*words).status == 2
    assert java.records() == []


def test_missing_java_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    outcome = run("--check", "--model-store", "store")

    assert outcome.status == 1
    assert "java not found, please make sure JAVA_HOME is set properly." in outcome.out

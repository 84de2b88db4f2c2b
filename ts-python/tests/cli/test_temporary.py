"""TEMP and TMPDIR: one folder for the command, the JVM and Python."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from fake_java import FakeJava, Run, kill
from ts._cli import temporary
from ts._cli.errors import Refusal
from ts._cli.temporary import named_folder, usable_folder


@pytest.fixture
def other(tmp_path: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    return folder


def registry_in(folder: Path) -> Path:
    return folder / f".torchserve-next-{os.getuid()}"


@pytest.mark.parametrize("name", ["TEMP", "TMPDIR", "TMP"])
def test_folder_is_the_same_for_command_jvm_and_python(
    java: FakeJava, run: Run, other: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setenv(name, str(other))

    assert run("--model-store", "store").status == 0

    assert f"-Djava.io.tmpdir={other}" in java.words()
    assert registry_in(other).is_dir()
    assert java.records()[-1]["temporary"] == {"TEMP": str(other), "TMPDIR": str(other)}


def test_temp_wins_over_tmpdir_for_all_of_them(
    java: FakeJava, run: Run, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMP", str(other))

    assert run("--model-store", "store").status == 0

    assert f"-Djava.io.tmpdir={other}" in java.words()
    assert java.records()[-1]["temporary"] == {"TEMP": str(other), "TMPDIR": str(other)}
    assert registry_in(other).is_dir()
    assert not registry_in(Path(tempfile.gettempdir())).exists()


@pytest.mark.parametrize("name", ["TEMP", "TMPDIR", "TMP"])
@pytest.mark.parametrize("folder", ["/no/such/folder", "/proc"])
def test_unusable_folder_names_the_setting(
    java: FakeJava, run: Run, monkeypatch: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setenv(name, folder)

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert outcome.out.startswith(
        f"Invalid temp directory: {folder}, please check {name} environment variable."
    )
    assert java.records() == []


def test_folder_of_vmargs_is_checked_and_holds_for_python(
    java: FakeJava, run: Run, other: Path
) -> None:
    settings = Path("config.properties")
    settings.write_text("vmargs=-Djava.io.tmpdir=/no/such/folder\n")
    outcome = run("--model-store", "store")
    assert outcome.status == 1
    assert "/no/such/folder, please check -Djava.io.tmpdir in vmargs." in outcome.out

    settings.write_text(f"vmargs=-Djava.io.tmpdir={other}\n")
    assert run("--model-store", "store").status == 0
    assert java.records()[-1]["temporary"] == {"TEMP": str(other), "TMPDIR": str(other)}


def test_without_any_writable_folder_the_message_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(temporary, "_USUAL", ("/proc", "/no/such/folder"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Refusal, match="Set TEMP to a folder in which this user can write"):
        usable_folder({})
    assert named_folder({}) == Path("/proc")


def test_working_folder_serves_where_no_usual_one_is_writable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(temporary, "_USUAL", ("/no/such/folder",))
    assert usable_folder({}) == Path.cwd()


def test_server_of_another_temporary_folder_is_stopped_from_its_working_folder(
    java: FakeJava, run: Run, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--model-store", "store")
    monkeypatch.setenv("TMPDIR", str(other))

    assert run("--stop").out == "TorchServe has stopped.\n"

    assert list(registry_in(Path(tempfile.gettempdir())).iterdir()) == []
    assert not Path(tempfile.gettempdir(), ".model_server.pid").exists()
    assert not registry_in(other).exists()


def test_server_of_another_temporary_folder_is_stopped_by_its_config(
    java: FakeJava, run: Run, place: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("my.properties").touch()
    run("--model-store", "store", "--ts-config", "my.properties")
    monkeypatch.setenv("TMPDIR", str(other))
    monkeypatch.chdir(other)

    assert run("--stop", "--ts-config", str(place / "my.properties")).status == 0

    assert run("--stop").out == "TorchServe is not currently running.\n"


def test_server_whose_folders_are_gone_is_listed_with_what_still_stops_it(
    java: FakeJava, run: Run, place: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--model-store", "store")
    pid = java.records()[-1]["pid"]
    temporary = tempfile.gettempdir()
    monkeypatch.setenv("TMPDIR", str(other))
    monkeypatch.chdir(other)
    shutil.rmtree(temporary)

    try:
        (told,) = lines_about(pid, run("--stop").err)
        assert f"its temporary folder is gone: kill {pid}" in told
        assert "TEMP=" not in told
        kill(pid)
        assert lines_about(pid, run("--stop").err) == []
    finally:
        Path(temporary).mkdir()


def lines_about(pid: int, told: str) -> list[str]:
    """What is told about one server: others may run here, such as those of other tests."""
    return [line for line in told.splitlines() if f"pid {pid}," in line]


def test_server_of_another_temporary_folder_that_is_not_meant_is_listed(
    java: FakeJava, run: Run, place: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--model-store", "store")
    pid = java.records()[-1]["pid"]
    monkeypatch.setenv("TMPDIR", str(other))
    monkeypatch.chdir(other)

    outcome = run("--stop")

    assert outcome.out == "TorchServe is not currently running.\n"
    assert f"pid {pid}, http://127.0.0.1:8080, started in {place}" in outcome.err
    os.kill(pid, 0)

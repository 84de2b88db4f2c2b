"""Standard streams that are closed, full, or lead to a reader that has gone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_java import FakeJava

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]

CODE = """
import sys
from pathlib import Path
from ts._cli.last_line import LastLine
from ts._cli.main import main
from ts._cli.streams import run_command
line = LastLine()
home = Path(sys.argv[1])
run_command("torchserve", lambda: main(sys.argv[2:], home=home, say_last=line.say), line)
"""
ALL = (
    "",
    "<&-",
    ">&-",
    "2>&-",
    ">&- 2>&-",
    "<&- >&- 2>&-",
    ">/dev/full",
    "2>/dev/full",
    ">/dev/full 2>&1",
    "<&- >/dev/full 2>&-",
    "<&- >&- 2>/dev/full",
    ">/dev/null 1<&0",  # open, but not for writing
)
SOME = ("<&- >&- 2>&-", ">/dev/full 2>&1", "<&- >&- 2>/dev/full")
pytestmark = pytest.mark.skipif(
    not Path("/dev/full").exists() or not Path("/proc/self/fd").exists(), reason="needs Linux"
)


@pytest.fixture
def command(home: Path) -> Command:
    """Run the command in a process of its own, with redirections of a shell."""

    def run(redirections: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        script = f'exec "$@" {redirections}'
        return subprocess.run(
            ["/bin/sh", "-c", script, "sh", sys.executable, "-c", CODE, str(home), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            check=False,
            timeout=60,
        )

    return run


def targets(pid: int) -> list[str]:
    return [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)]


def files_of_ours() -> list[Path]:
    return [path for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file()]


@pytest.mark.parametrize("redirections", ALL)
def test_exit_code_says_whether_the_server_runs(
    java: FakeJava, command: Command, redirections: str
) -> None:
    started = command(redirections, "--start", "--model-store", "store")

    assert started.returncode == 0, started.stderr
    assert b"Traceback" not in started.stderr
    assert b"Exception" not in started.stderr
    (record,) = java.records()
    stdin, stdout, stderr = targets(record["pid"])
    assert stdin == "/dev/null"
    assert stdout == stderr
    assert stdout.endswith(".out"), "the server's output has a file of its own"
    # Beside the standard streams: the two files that it has locked, and the listing itself.
    assert set(record["files"]) <= {"0", "1", "2", "3", "4", "5"}

    stopped = command(redirections, "--stop")

    assert stopped.returncode == 0, stopped.stderr
    assert b"Traceback" not in stopped.stderr
    assert not Path(f"/proc/{record['pid']}/fd").exists() or not targets_exist(record["pid"])


def targets_exist(pid: int) -> bool:
    """Return whether a process is more than a zombie."""
    try:
        return bool(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


@pytest.mark.parametrize("redirections", SOME)
def test_failed_start_is_status_1_and_leaves_nothing(
    java: FakeJava, command: Command, redirections: str
) -> None:
    java.does(exits=3)

    failed = command(redirections, "--start", "--model-store", "store")

    assert failed.returncode == 1
    assert b"Traceback" not in failed.stderr
    assert files_of_ours() == []


@pytest.mark.parametrize("redirections", SOME)
def test_server_in_the_foreground_never_gets_a_closed_descriptor(
    java: FakeJava, command: Command, redirections: str
) -> None:
    java.does(exits=0)

    ended = command(redirections, "--foreground", "--model-store", "store")

    # It prints; where that fails, this fake of a JVM ends with an error of its own.
    expected = (0, 1, 120) if "full" in redirections or "1<&0" in redirections else (0,)
    assert ended.returncode in expected, ended.stderr
    (record,) = java.records()
    assert {"0", "1", "2"} <= set(record["files"])


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("--print-config",)])
def test_text_that_was_asked_for_and_is_lost_is_an_error(
    java: FakeJava, command: Command, words: tuple[str, ...]
) -> None:
    java.does(prints="job_queue_size = 100 (default)", exits=0)
    full = command(">/dev/full", *words)
    assert full.returncode == 1
    assert full.stderr == (
        b"torchserve: standard output cannot be written: No space left on device.\n"
    )
    for closed in ("<&- >&- 2>&-", "2>/dev/full", "| head -c 1"):
        assert command(closed, *words).returncode == 0, closed


@pytest.mark.parametrize("redirections", SOME)
def test_wrong_usage_is_status_2(command: Command, redirections: str) -> None:
    assert command(redirections, "--no-such-option").returncode == 2


def test_reader_that_has_gone_is_no_error(java: FakeJava, command: Command) -> None:
    started = command("| true", "--start", "--model-store", "store")
    assert (started.returncode, started.stderr) == (0, b"")
    assert command("", "--stop").stdout == b"TorchServe has stopped.\n"


def test_terminal_in_non_blocking_mode_gets_the_whole_report(home: Path) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    code = (
        "from ts._cli.streams import run_command\n"
        "run_command('x', lambda: print('line\\n' * 100_000) or 0)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=write_end,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    ) as process:
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            text = pipe.read()
    assert process.returncode == 0
    assert text == b"line\n" * 100_000 + b"\n"

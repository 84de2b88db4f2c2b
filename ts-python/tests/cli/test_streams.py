"""Standard streams that are closed, full, or lead to a reader that has gone."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_java import FakeJava, Run
from fake_server import FakeServer, description, serving

Done = subprocess.CompletedProcess[bytes]
Command = Callable[..., Done]

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
EACH = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "<&- >/dev/full 2>/dev/full")
SOME = ("<&- >&- 2>&-", ">/dev/full 2>&1", "<&- >&- 2>/dev/full")
pytestmark = pytest.mark.skipif(
    not Path("/dev/full").exists() or not Path("/proc/self/fd").exists(), reason="needs Linux"
)


@pytest.fixture
def command(home: Path) -> Command:
    """Run the command in a process of its own, with redirections of a shell."""

    def run(redirections: str, *words: str) -> Done:
        return run_python(redirections, "-c", CODE, str(home), *words)

    return run


def run_python(redirections: str, *words: str) -> Done:
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        check=False,
        timeout=120,
    )


def with_each(run: Callable[[str], Done]) -> dict[str, Done]:
    """Run something with each kind of streams at once, and return how it ended."""
    with ThreadPoolExecutor(len(EACH)) as threads:
        ended = dict(zip(EACH, threads.map(run, EACH)))
    for redirections, done in ended.items():
        assert b"Traceback" not in done.stderr, (redirections, done.stderr)
    return ended


@pytest.fixture
def server(java: FakeJava, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A server that was started from here, and a handler's file."""
    monkeypatch.setenv("TS_INFERENCE_TOKEN", "given")
    Path("echo.py").write_text("def handle(data, context):\n    return data and ['text']\n")
    Path("logs").mkdir()
    Path("logs", "ts_log.log").write_text("a line\n")
    with serving() as fake:
        java.starts({"inference": fake.url, "management": fake.url})
        assert run("--start", "--model-store", "store").status == 0
        fake.has_models(description("digits"))
        fake.answer("/predictions/digits", {"class": 7})
        fake.answer("/metrics", b"")
        yield fake


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


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("--print-config",),
        ("--check", "--model-store", "store"),
        ("dev", "--help"),
    ],
)
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


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "models digits",
        "predict digits -",
        "logs",
        "token",
        "top --once --interval 0.2",
        "completion bash",
        "try echo.py --input -",
    ],
)
def test_command_whose_text_is_the_result_fails_where_that_is_lost(
    server: FakeServer, command: Command, words: str
) -> None:
    for redirections, done in with_each(lambda each: command(each, *words.split())).items():
        assert done.returncode == int("full" in redirections), (redirections, done.stderr)
        assert bool(done.stdout) == (redirections in ("<&-", "2>&-")), redirections
        if redirections == ">/dev/full":
            assert b"cannot be written: No space left on device.\n" in done.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("wait", 0),
        ("wait broken", 1),
        ("predict digits --data x --output answer", 0),
        ("predict digit --data x", 1),
        ("try echo.py", 0),
        ("try missing.py", 1),
        ("dev missing.py", 1),
    ],
)
def test_command_says_by_its_exit_code_what_it_has_done(
    server: FakeServer, command: Command, words: str, status: int
) -> None:
    server.answer("/models/broken", [description("broken", "FAILED", reason="no handler")])

    for redirections, done in with_each(lambda each: command(each, *words.split())).items():
        assert done.returncode == status, (redirections, done.stderr)

    assert "answer" not in words or Path("answer").read_bytes() == b'{"class": 7}'


@pytest.mark.parametrize("words", [("stop",), ("stop", "--json")])
def test_server_has_been_stopped_though_nobody_reads_it(
    server: FakeServer, command: Command, words: tuple[str, ...]
) -> None:
    assert command(">/dev/full", *words).returncode == 0
    assert command("", "status").returncode == 3


@pytest.mark.parametrize("redirections", [">/dev/full", "| head -n 1"])
@pytest.mark.parametrize("words", ["logs -f -n 1", "top --interval 0.2 --json"])
def test_command_that_goes_on_ends_when_nothing_more_can_be_written(
    server: FakeServer, command: Command, redirections: str, words: str
) -> None:
    stop = threading.Event()

    def write_on() -> None:
        with Path("logs", "ts_log.log").open("a", buffering=1) as log:
            while not stop.wait(0.05):
                log.write("one more line\n")

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        ended = command(redirections, *words.split())
    finally:
        stop.set()
        writer.join()

    assert ended.returncode == int("full" in redirections), ended.stderr
    assert ended.stdout.count(b"\n") == int("full" not in redirections)
    assert command("", "status").returncode == 0, "the server, which it showed, runs on"


def test_stream_of_a_model_ends_when_its_reader_has_gone(
    java: FakeJava, run: Run, command: Command
) -> None:
    def answer_without_end() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while True:
                connection.sendall(b"5\r\npart\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        java.starts({"inference": f"http://127.0.0.1:{listener.getsockname()[1]}"})
        assert run("--start", "--model-store", "store").status == 0
        model = threading.Thread(target=answer_without_end, daemon=True)
        model.start()

        ended = command("| head -n 1", "predict", "digits", "--data", "x")

        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"part\n", b"")
        model.join(60)
        assert not model.is_alive(), "the model works on for a client that has gone"


def test_help_of_the_launcher_of_language_models_is_written_or_an_error(place: Path) -> None:
    ended = with_each(lambda each: run_python(each, "-m", "ts.llm_launcher", "--help"))
    for redirections, done in ended.items():
        assert done.returncode == int("full" in redirections), (redirections, done.stderr)
        assert (b"--model_id" in done.stdout) == (redirections in ("<&-", "2>&-"))


@pytest.mark.parametrize("redirections", SOME)
def test_wrong_usage_is_status_2(command: Command, redirections: str) -> None:
    assert command(redirections, "--no-such-option").returncode == 2
    assert command(redirections, "no-such-command").returncode == 2


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

"""`torchserve top`, as a person and as a program run it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe

BETWEEN_SEC = 0.05
HANDLER = """
def handle(data, context):
    if data is None:
        return None
    body = data[0].get("body") or data[0].get("data")
    if bytes(body) == b"fail":
        raise ValueError("no")
    return ["ok" for _ in data]
"""


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with two models, of which one is asked all the time."""
    server = TorchServe(tmp_path_factory.mktemp("top"))
    server.store.write_handler("echo", HANDLER)
    server.store.write_handler("a_model_with_a_very_long_name_indeed", HANDLER)
    server.start("echo", "a_model_with_a_very_long_name_indeed")
    server.wait_ready("echo")
    server.wait_ready("a_model_with_a_very_long_name_indeed")
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.wait(BETWEEN_SEC):
            for body in (b"ok", b"ok", b"fail"):
                requests.post(f"{server.inference}/predictions/echo", data=body, timeout=60)

    client = threading.Thread(target=ask)
    client.start()
    yield server
    stopped.set()
    client.join()
    server.stop()
    server.assert_nothing_left()


def top(server: TorchServe, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        server.command("top", *words, "--interval", "1"),
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_json_has_the_figures_of_each_model(busy: TorchServe) -> None:
    done = top(busy, "--once", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["seconds"] >= 1
    echo, other = said["models"]
    assert echo["model"] == "echo"
    assert echo["version"] == "1.0"
    assert echo["state"] == "READY"
    assert echo["requestsPerSecond"] > 1
    assert 0 < echo["errorsPerSecond"] < echo["requestsPerSecond"]
    assert 0 < echo["p50Seconds"] <= echo["p99Seconds"] < 60
    assert (echo["readyWorkers"], echo["minWorkers"], echo["restarts"]) == (1, 1, 0)
    assert other["requestsPerSecond"] == 0
    assert other["p50Seconds"] is None


def test_lines_are_plain_where_there_is_no_terminal(busy: TorchServe) -> None:
    done = top(busy, "--once")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    head, first, second = done.stdout.splitlines()
    assert head.split()[:4] == ["MODEL", "VERSION", "STATE", "WORKERS"]
    assert first.split()[:4] == ["echo", "1.0", "READY", "1/1"]
    assert second.startswith("a_model_with_a_very_long_name_indeed")


class Terminal:
    """The command on a terminal of a size."""

    def __init__(self, server: TorchServe, columns: int, rows: int) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {
            name: value
            for name, value in server.environment.items()
            if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        self.process = subprocess.Popen(
            server.command("top", "--interval", "0.5"),
            env={**environment, "TERM": "xterm"},
            cwd=server.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # It is the terminal of the command, so that Ctrl-C reaches that.
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def read_until(self, pattern: str, limit_sec: float = 60) -> str:
        """Reads until the pattern is there, or the end."""
        end = time.monotonic() + limit_sec
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, f"no {pattern!r} in {self.seen!r}"
            if not select.select([self.ours], [], [], 1)[0]:
                continue
            try:
                piece = os.read(self.ours, 65536)
            except OSError:  # the other end is closed
                piece = b""
            if not piece:
                break
            self.seen += piece.decode()
        return self.seen

    def press(self, key: bytes) -> int:
        """Presses a key and returns the exit status."""
        os.write(self.ours, key)
        self.read_until(r"\x1b\[\?1049l")
        return self.process.wait(60)


def test_terminal_is_drawn_again_and_left_as_it_was(busy: TorchServe) -> None:
    with Terminal(busy, 120, 30) as terminal:
        seen = terminal.read_until(r"(?s)req/s.*\x1b\[H\x1b\[J.*req/s")
        assert seen.startswith("\x1b[?1049h\x1b[?25l")
        assert "\x1b[32mREADY" in seen
        assert "RESTARTS" in seen
        assert terminal.press(b"q") == 0
        assert terminal.seen.rstrip().endswith("\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize(("columns", "rows"), [(40, 10), (20, 3), (10, 1)])
def test_small_terminal_gets_what_fits(busy: TorchServe, columns: int, rows: int) -> None:
    with Terminal(busy, columns, rows) as terminal:
        seen = terminal.read_until(r"(?s)\x1b\[J.*\x1b\[J")
        frame = seen.split("\x1b[H\x1b[J")[1]
        lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in frame.split("\r\n")]
        assert len(lines) <= rows
        assert all(len(line) <= columns for line in lines), lines
        assert terminal.press(b"\x03") == 130


def test_server_without_metrics_is_told(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server", config={"enable_metrics_api": "false"})
    server.start()
    try:
        done = top(server, "--once")
        assert done.returncode == 1
        assert "enable_metrics_api=false" in done.stderr
    finally:
        server.stop()


def test_without_a_server_the_status_says_so(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server")
    assert top(server, "--once").returncode == 3


def test_server_that_goes_away_is_told_on_a_terminal_as_it_was(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server")
    server.start()
    try:
        with Terminal(server, 100, 20) as terminal:
            terminal.read_until(r"No model is registered")
            server.stop()
            after = terminal.read_until(r"\x1b\[\?1049l(?s:.)*\S\r\n").split("\x1b[?1049l")[1]
            assert "Traceback" not in after
            assert "No response from" in after
            assert terminal.process.wait(60) != 0
    finally:
        server.stop()


def test_command_that_is_terminated_leaves_the_terminal_as_it_was(busy: TorchServe) -> None:
    with Terminal(busy, 100, 20) as terminal:
        terminal.read_until(r"req/s")
        terminal.process.terminate()
        terminal.read_until(r"\x1b\[\?25h\x1b\[\?1049l")
        assert terminal.process.wait(60) != 0


def test_reader_that_has_enough_ends_the_command_without_a_word(busy: TorchServe) -> None:
    with subprocess.Popen(
        busy.command("top", "--interval", "0.2"),
        env=busy.environment,
        cwd=busy.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("MODEL")
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.wait(60)

"""The reaper of a worker: its parent process, which ends everything that the worker started.

The kernel gives the orphans among a reaper's descendants to the reaper, whatever they did to detach
themselves: sessions of their own, double forks, another environment. So what came from a worker is
known by descent alone, no number is ever mistaken for another process's, and it works while
``init`` is gone as well. There is a reaper per worker, and one per template process, whose workers
have reapers of their own and are spared.

On systems without subreapers (macOS) the reaper ends the worker's process group and no more.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ts._zygote import children, linux
from ts._zygote.descriptors import close_all_but, wait_for_input

_GRACE_SEC = 0.5
"""For what a worker leaves behind, to clean up: shared memory, temporary files."""
_KILL_LIMIT_SEC = 5.0
_LOOK_AGAIN_SEC = 0.01
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)


def fork_with_reaper(channel: int, name: str, announced: int) -> None:
    """Fork a worker and return in it; the caller becomes its reaper, which never returns.

    Args:
        channel: To ``init``, an end of `ReaperChannel`.
        name: Of the worker.
        announced: Written to as soon as ``init`` can know the worker, and closed.
    """
    _lead_session(name)
    worker = os.fork()
    if worker == 0:
        return
    try:
        _close_all_but(channel, announced)
        reaper = Reaper(worker, socket.socket(fileno=channel))
        reaper.announce()
        os.write(announced, b"x")
        os.close(announced)
        reaper.run()
    finally:
        os._exit(1)


def start_with_reaper(
    channel: socket.socket, name: str, kept: Sequence[int], start: Callable[[], int]
) -> int:
    """Fork a reaper that starts a program, and return its pid. Raises `OSError`.

    Args:
        channel: To ``init``; whether the program could be started is told there.
        name: Of the worker.
        kept: Descriptors that `start` uses.
        start: Starts the program and returns its pid; raises `OSError` or `ValueError`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    try:
        children.forget_handlers_of_parent()
        # Above all the lifelines of others: they must close with init.
        _close_all_but(channel.fileno(), *kept)
        _lead_session(name)
        try:
            worker = start()
        except (OSError, ValueError) as error:
            channel.sendall(_line({"error": str(error)}))
            os._exit(0)
        _close_all_but(channel.fileno())
        reaper = Reaper(worker, channel)
        reaper.announce()
        reaper.run()
    finally:
        os._exit(1)


class Reaper:
    """The loop of a reaper process.

    Args:
        worker: A child.
        channel: To ``init``. When ``init`` closes it while the worker lives, the worker goes.
    """

    def __init__(self, worker: int, channel: socket.socket) -> None:
        self._worker = worker
        self._channel = channel
        self._lines = LineReader(channel)
        self._spared: set[int] | None = None
        self._wake, wake_write = os.pipe()
        for end in (self._wake, wake_write):
            os.set_blocking(end, False)
        channel.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        # Handlers know the pid of their parent: signals that they send to it change nothing here.
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)

    def announce(self) -> None:
        """Tell ``init`` the pids."""
        self._send({"pid": self._worker, "reaper": os.getpid()})

    def run(self) -> NoReturn:
        """Wait for the worker's end, end what came from it, tell ``init``, and exit."""
        try:
            self._run()
        except BaseException:
            self._send({"fault": traceback.format_exc()})
        os._exit(0)

    def _run(self) -> None:
        status = self._wait_for_worker()
        self._send({"ending": True})
        while self._spared is None and not self._lines.at_end:
            self._wait(None)
        left = self._end_all(self._spared or set())
        self._send({"ended": status, "left": left})
        # Until init has taken note, the number must not become another process's.
        while not self._lines.at_end:
            self._wait(None)

    def _wait_for_worker(self) -> dict[str, int]:
        while True:
            ended = children.peek()
            if ended is None:
                self._wait(None)
                if self._lines.at_end:
                    self._signal_worker(signal.SIGKILL)
            elif ended[0] == self._worker:
                return ended[1]
            else:
                children.reap(ended[0])

    def _end_all(self, spared: set[int]) -> list[int]:
        """End the descendants, politely first; return those that could not be ended in time."""
        kept = spared | {self._worker}
        asked: set[int] = set()
        grace = 0.0 if self._lines.at_end else _GRACE_SEC
        for number, limit_sec in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILL_LIMIT_SEC)):
            self._signal_worker(number)  # what is in its group still
            deadline = time.monotonic() + limit_sec
            while left := self._others(kept):
                if time.monotonic() >= deadline:
                    break
                for pid in left - asked if number == signal.SIGTERM else left:
                    children.signal_group(pid, number)
                asked |= left
                self._wait(_LOOK_AGAIN_SEC)
            else:
                return []
        return sorted(left)

    def _others(self, kept: set[int]) -> set[int]:
        """Reap children that have ended, and return the others but those to be kept."""
        found: set[int] = set()
        # The kernel's list may miss one while others end.
        for _ in range(2):
            for pid in set(linux.children_of(os.getpid())) - kept:
                with contextlib.suppress(ChildProcessError):
                    if os.waitpid(pid, os.WNOHANG)[0] == 0:
                        found.add(pid)
            if found:
                break
        return found

    def _signal_worker(self, number: int) -> None:
        try:
            os.killpg(self._worker, number)
        except ProcessLookupError:
            # Just forked: it does not lead a group yet. Or it has ended, and so has its group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._worker, number)
        except PermissionError:
            pass  # every process of the group changed its user

    def _wait(self, limit_sec: float | None) -> None:
        """Wait for the end of a child, a message of `init`, or the time; obey the messages."""
        sources: list[Any] = [self._wake]
        if not self._lines.at_end:
            sources.append(self._channel)
        wait_for_input(sources, limit_sec)
        self._drain_wake()
        for message in self._lines.receive():
            if "signal" in message:
                self._signal_worker(message["signal"])
            elif "spare" in message:
                self._spared = set(message["spare"])

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake, 4096):
                pass

    def _send(self, fields: dict[str, Any]) -> None:
        # The few bytes fit. If init is gone, the end of the channel tells.
        with contextlib.suppress(OSError):
            self._channel.send(_line(fields))


class ReaperChannel:
    """``init``'s end of the channel to a reaper: a JSON object per line, either way.

    Attributes:
        theirs: The reaper's end, until it was handed over.
    """

    def __init__(self) -> None:
        self.socket, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self._lines = LineReader(self.socket)

    @property
    def at_end(self) -> bool:
        """Whether the reaper is gone."""
        return self._lines.at_end

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages of the reaper."""
        return self._lines.receive()

    def signal(self, number: int) -> None:
        """Have the worker's group signalled by the process that knows that it is still there."""
        self._send({"signal": number})

    def spare(self, pids: list[int]) -> None:
        """Tell a reaper whose worker has ended which of its children are not to be ended."""
        self._send({"spare": pids})

    def handed_over(self) -> None:
        """Close init's copy of the reaper's end."""
        self.theirs.close()

    def close(self) -> None:
        """Let go: if the worker still lives, it is ended with all that came from it."""
        self.theirs.close()
        self.socket.close()

    def _send(self, fields: dict[str, Any]) -> None:
        # A reaper that does not read is stopped; its lifeline works all the same.
        with contextlib.suppress(OSError):
            self.socket.send(_line(fields))


class LineReader:
    """Reads JSON objects, one a line, from a non-blocking socket."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._partial = b""
        self.at_end = False

    def receive(self) -> list[dict[str, Any]]:
        """Return what has come."""
        while not self.at_end:
            try:
                data = self._channel.recv(64 * 1024)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.at_end = not data
            self._partial += data
        *lines, self._partial = self._partial.split(b"\n")
        return [json.loads(line) for line in lines]


def _lead_session(name: str) -> None:
    """Leave the caller's group, which is not to be the worker's, and take in its orphans."""
    os.setsid()
    linux.become_subreaper()
    linux.set_process_name(f"ts-reaper-{name}")


def _close_all_but(*kept: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        if number not in kept:
            os.dup2(null, number)
    close_all_but(kept)


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode("utf-8") + b"\n"

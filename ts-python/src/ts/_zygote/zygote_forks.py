"""The zygote as ``init`` keeps it: it is started again when it ends, and forks one at a time."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import selectors
import signal
import time
from collections import deque
from importlib import metadata
from typing import Any, Protocol

from ts._protocol.errors import ProtocolError
from ts._protocol.frames import FrameType
from ts._zygote.fork_requests import request_fork
from ts._zygote.frontend_channel import ZYGOTE_ID, FrontendChannel
from ts._zygote.managed_process import ManagedProcess, send_signal
from ts._zygote.output import LinePump
from ts._zygote.reapers import REAPER_LOST, Reapers
from ts._zygote.zygote_process import ZygoteProcess, restart_delay


class ProgramStarter(Protocol):
    """Starts processes without the zygote. Implemented by ``Init``."""

    def spawn_instead(self, process: ManagedProcess, reason: str) -> None:
        """Start a process that cannot be forked as a program, and log why."""

    def drop_attempt(self, process: ManagedProcess) -> None:
        """Abandon a fork that was begun: its processes die with its lifeline."""


class ZygoteForks:
    """Keeps a zygote running, and has it fork the processes that wait for it.

    Args:
        starter: Starts what cannot be forked.
        frontend: Where to report, and whose pumps take what the processes print.
        reapers: Of the processes that are forked.
        selector: The loop's.
        can_fork: Whether this system can have a zygote.
    """

    def __init__(
        self,
        starter: ProgramStarter,
        frontend: FrontendChannel,
        reapers: Reapers,
        selector: selectors.BaseSelector,
        *,
        can_fork: bool,
    ) -> None:
        self._starter = starter
        self._frontend = frontend
        self._reapers = reapers
        self._selector = selector
        self._can_fork = can_fork
        self._zygote: ZygoteProcess | None = None
        self._pumps: list[LinePump] = []
        self._failures = 0
        self._start_at = math.inf
        self._usable = can_fork
        self._waiting: deque[ManagedProcess] = deque()
        self._forking: ManagedProcess | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the zygote, if there is one now."""
        return self._zygote.pid if self._zygote is not None else None

    def start(self) -> None:
        """Start the first zygote, or report that this system has none."""
        if self._can_fork:
            self._start()
        else:
            self._report_no_fork()

    def submit(self, process: ManagedProcess) -> None:
        """Have a process forked as soon as the zygote can, or started as a program."""
        if self._usable:
            self._waiting.append(process)
            self._fork_next()
        else:
            self._starter.spawn_instead(process, "there is no zygote")

    def is_forking(self, process: ManagedProcess) -> bool:
        """Return whether the zygote has been asked to fork this process."""
        return process is self._forking

    def cancel(self, process: ManagedProcess) -> bool:
        """Forget a process that waits to be forked; return whether it did."""
        if process not in self._waiting:
            return False
        self._waiting.remove(process)
        return True

    def due_at(self) -> float:
        """Return when `start_or_kill_due` is to be called, in `time.monotonic` seconds."""
        return self._zygote.response_deadline if self._zygote else self._start_at

    def kill(self) -> None:
        """Kill the zygote, for good."""
        if self._zygote is not None:
            send_signal(self._zygote.pid, signal.SIGKILL)
            self._zygote.close()

    def _fork_next(self) -> None:
        """Send the zygote the next spawn request, if it is ready and has none."""
        zygote = self._zygote
        if zygote is None or not zygote.ready or self._forking or not self._waiting:
            return
        process = self._forking = self._waiting.popleft()
        # An error here is the end of the zygote, which is noticed when it is reaped.
        with contextlib.suppress(OSError):
            sent = request_fork(zygote, process, self._frontend, self._reapers)
            self._watch_channel(zygote, writable=not sent)

    def start_or_kill_due(self) -> None:
        """Start a zygote when it is due, or kill one that hangs; its exit decides what follows."""
        zygote = self._zygote
        if zygote is None:
            if time.monotonic() >= self._start_at:
                self._start()
        elif time.monotonic() >= zygote.response_deadline:
            zygote.response_deadline = math.inf
            self._frontend.log("The zygote did not respond in time and is killed")
            send_signal(zygote.pid, signal.SIGKILL)

    def _start(self) -> None:
        self._start_at = math.inf
        self._pumps, ends = self._frontend.open_pumps(ZYGOTE_ID)
        try:
            zygote = ZygoteProcess(*ends)
        except OSError as error:
            self._frontend.log(f"The zygote cannot be started: {error}")
            self._frontend.end_pumps(self._pumps)
            self._lost("it cannot be started", usable=False)
            return
        finally:
            for end in ends:
                os.close(end)
        self._zygote = zygote
        self._selector.register(zygote.channel, selectors.EVENT_READ, self.receive)

    def receive(self) -> None:
        """Take in all that the zygote reports; request the next fork."""
        zygote = self._zygote
        if zygote is None:
            return
        with contextlib.suppress(OSError):
            self._watch_channel(zygote, writable=not zygote.flush())
        for frame_type, spawn_id, fields in zygote.receive():
            if frame_type == FrameType.READY:
                zygote.ready = True
                self._usable = True
                self._frontend.send(FrameType.READY, 0, fields)
            else:
                self._on_forked(spawn_id, fields)
        if zygote.at_end:
            # Its exit is on its way; until then there is nothing to wait for here.
            self._unwatch_channel(zygote)
        self._fork_next()

    def _on_forked(self, spawn_id: int, fields: dict[str, Any]) -> None:
        process, self._forking = self._forking, None
        if process is None or process.id != spawn_id:
            raise ProtocolError(f"the zygote reports worker {spawn_id}, which was not requested")
        self._reapers.receive()
        if "error" in fields or (not process.pid and process.reaper is None):
            self._starter.drop_attempt(process)
            self._starter.spawn_instead(process, str(fields.get("error", REAPER_LOST)))

    def exited(self, fields: dict[str, int]) -> None:
        """Report that the zygote was reaped, and plan the next one."""
        zygote = self._zygote
        if zygote is None:
            raise RuntimeError("a zygote was reaped, but none is running")
        self.receive()
        self._unwatch_channel(zygote)
        zygote.close()
        self._zygote = None
        self._frontend.end_pumps(self._pumps)
        self._frontend.send(FrameType.ZYGOTE_EXITED, 0, fields)
        if zygote.is_stable():
            self._failures = 0
        how = ", ".join(f"{name} {value}" for name, value in fields.items())
        self._lost(f"the zygote ended with {how}", usable=zygote.ready)

    def _lost(self, reason: str, *, usable: bool) -> None:
        """Plan the next start; workers that cannot wait for it are spawned."""
        self._usable = usable
        self._start_at = time.monotonic() + restart_delay(self._failures)
        self._failures += 1
        orphaned, self._forking = self._forking, None
        if orphaned is not None:
            self._reapers.receive()
            if not orphaned.pid:
                self._starter.drop_attempt(orphaned)
                self._starter.spawn_instead(orphaned, reason)
        if not usable:
            while self._waiting:
                self._starter.spawn_instead(self._waiting.popleft(), reason)

    def _watch_channel(self, zygote: ZygoteProcess, *, writable: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        key = self._selector.get_map().get(zygote.channel)
        if key is not None and key.events != events:
            self._selector.modify(zygote.channel, events, self.receive)

    def _unwatch_channel(self, zygote: ZygoteProcess) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(zygote.channel)

    def _report_no_fork(self) -> None:
        try:
            torch: str | None = metadata.version("torch")
        except metadata.PackageNotFoundError:
            torch = None
        python = platform.python_version()
        ready = {"python": python, "torch": torch, "fork": False, "import_ms": 0, "pid": 0}
        self._frontend.send(FrameType.READY, 0, ready)

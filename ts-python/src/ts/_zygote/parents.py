"""What ``init`` does about parents: processes that have a model loaded and fork its workers.

A parent is started for the first worker that wants it, as workers are: forked from the zygote, or
as a program of its own. It lives until the frontend releases it. If its model cannot be loaded, it
forks workers that say so for those that wait, and ends; the next worker gets a new one.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from ts._protocol.errors import ProtocolError
from ts._protocol.frames import FrameType
from ts._zygote import lifeline
from ts._zygote.fork_channel import ForkChannel
from ts._zygote.frontend_channel import ZYGOTE_LAUNCH, FrontendChannel
from ts._zygote.launches import Launch
from ts._zygote.reapers import Reapers

_END_LIMIT_SEC = 10.0
"""For a parent that was asked to end; what its model registered for its end takes time."""


class Starter(Protocol):
    """How processes come to be. Implemented by ``Init``."""

    def start(self, launch: Launch) -> None:
        """Fork a launch from the zygote, or start it as a program."""

    def started(self, launch: Launch, pid: int) -> None:
        """A launch has a process."""

    def not_started(self, launch: Launch, ending: Mapping[str, Any]) -> None:
        """A launch never gets a process: forget it, and tell the frontend how that ended."""

    def withdraw(self, launch: Launch) -> None:
        """End a launch that has no process yet."""


class ParentProcess(ForkChannel):
    """One parent.

    Attributes:
        number: What the frontend calls it.
        launch: Its process.
        waiting: Workers to be forked.
        forking: The one that it was told to fork.
        retired: Whether it ends as soon as no worker waits for it.
    """

    def __init__(self, first: Launch) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        super().__init__(ours)
        assert first.spawn.parent is not None
        self.number: int = first.spawn.parent
        self.launch = Launch(first.id, first.spawn, is_parent=True, channel=theirs.detach())
        self.waiting = deque([first])
        self.forking: Launch | None = None
        self.retired = False

    @property
    def is_wanted(self) -> bool:
        """Whether a worker waits for it."""
        return bool(self.waiting) or self.forking is not None


class Parents:
    """All parents of a server.

    Args:
        starter: Starts their processes and takes note of the workers they fork.
        frontend: Where to report, and whose pumps take what they print.
        reapers: Of their workers, and of themselves.
        selector: The loop's.
    """

    def __init__(
        self,
        starter: Starter,
        frontend: FrontendChannel,
        reapers: Reapers,
        selector: selectors.BaseSelector,
    ) -> None:
        self._starter = starter
        self._frontend = frontend
        self._reapers = reapers
        self._selector = selector
        self._current: dict[int, ParentProcess] = {}
        self._all: list[ParentProcess] = []

    def give_up(self) -> list[Launch]:
        """Expect all parents to end; return their processes."""
        self._current.clear()
        return [parent.launch for parent in self._all]

    def order(self, launch: Launch) -> None:
        """Have a worker forked by its parent, which is started if need be."""
        assert launch.spawn.parent is not None
        parent = self._current.get(launch.spawn.parent)
        if parent is not None:
            parent.waiting.append(launch)
            self._fork_next(parent)
            return
        parent = self._current[launch.spawn.parent] = ParentProcess(launch)
        self._all.append(parent)
        self._watch(parent, writable=False)
        self._starter.start(parent.launch)

    def take_back(self, launch: Launch) -> bool:
        """Let a worker wait no more; return whether it did. A load without waiting worker ends."""
        for parent in list(self._all):
            if launch in parent.waiting:
                parent.waiting.remove(launch)
                if not parent.ready and not parent.is_wanted:
                    self._kill(parent)
                elif parent.retired:
                    self._end_if_idle(parent)
                return True
        return False

    def release(self, number: int) -> None:
        """End a parent; one that is unknown has ended already."""
        parent = self._current.get(number)
        if parent is None:
            return
        while parent.waiting:
            ending = {"code": 127, "error": "its model is no longer served"}
            self._starter.not_started(parent.waiting.popleft(), ending)
        if parent.ready:
            self._retire(parent)
        else:
            self._kill(parent)

    def not_started(self, launch: Launch, ending: Mapping[str, Any]) -> None:
        """The process of a parent could not be started."""
        self._lost(self._of(launch), ending)

    def exited(self, launch: Launch, ending: Mapping[str, Any]) -> None:
        """The process of a parent has ended: so do those that wait for it, in the same way.

        What it printed was taken in before.
        """
        parent = self._of(launch)
        self._on_channel(parent)
        if self._current.get(parent.number) is parent and parent.ready:
            words = ", ".join(f"{name} {value}" for name, value in ending.items())
            self._frontend.log(
                f"The parent of worker {launch.spawn.worker} and its like ended ({words});"
                " the next worker has the model loaded again"
            )
        self._lost(parent, ending)

    def receive(self) -> None:
        """Take in all answers that have come."""
        for parent in list(self._all):
            self._on_channel(parent)

    def due_at(self) -> float:
        """Return when `end_overdue` is to be called, in `time.monotonic` seconds."""
        return min((parent.answer_by for parent in self._all), default=math.inf)

    def end_overdue(self) -> None:
        """Kill parents that have not answered, or ended, in time."""
        now = time.monotonic()
        for parent in list(self._all):
            if now >= parent.answer_by:
                parent.answer_by = math.inf
                self._frontend.log(
                    f"The parent of worker {parent.launch.spawn.worker} and its like"
                    " has not answered in time and is killed"
                )
                self._kill(parent)

    def _fork_next(self, parent: ParentProcess) -> None:
        if not parent.ready or parent.forking is not None or not parent.waiting:
            return
        launch = parent.forking = parent.waiting.popleft()
        launch.pumps, ends = self._frontend.open_pumps(launch.id)
        read_end, launch.lifeline_end = lifeline.create()
        # An error here is the end of the parent, which is noticed when it is reaped.
        with contextlib.suppress(OSError):
            files = (self._reapers.open(launch), *ends, read_end)
            sent = parent.order_fork(launch.id, launch.spawn, files)
            self._watch(parent, writable=not sent)

    def _on_channel(self, parent: ParentProcess) -> None:
        if parent.channel.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self._watch(parent, writable=not parent.flush())
        for frame_type, launch_id, fields in parent.receive():
            if frame_type == FrameType.READY:
                self._loaded(parent, failed=fields.get("failed") is not False)
            else:
                self._on_forked(parent, launch_id, fields)
        if parent.at_end:
            # Its exit is on its way.
            self._unwatch(parent)
            return
        self._fork_next(parent)
        if parent.retired:
            self._end_if_idle(parent)

    def _loaded(self, parent: ParentProcess, *, failed: bool) -> None:
        parent.ready = True
        # So far its lines were those of the worker for which it was started.
        self._frontend.relabel(parent.launch.pumps, ZYGOTE_LAUNCH)
        if failed:
            self._retire(parent)

    def _on_forked(self, parent: ParentProcess, launch_id: int, fields: dict[str, Any]) -> None:
        launch, parent.forking = parent.forking, None
        if launch is None or launch.id != launch_id:
            raise ProtocolError(f"a parent answers launch {launch_id}, which it was not given")
        self._reapers.receive()
        if "error" in fields or (not launch.pid and launch.reaper is None):
            error = str(fields.get("error", "its reaper ended before it was started"))
            self._starter.not_started(launch, {"code": 127, "error": error})

    def _retire(self, parent: ParentProcess) -> None:
        """Give it no more work than it has."""
        parent.retired = True
        if self._current.get(parent.number) is parent:
            del self._current[parent.number]
        self._end_if_idle(parent)

    def _end_if_idle(self, parent: ParentProcess) -> None:
        if not parent.is_wanted and parent.channel.fileno() >= 0:
            self._unwatch(parent)
            parent.close()
            parent.answer_by = time.monotonic() + _END_LIMIT_SEC

    def _kill(self, parent: ParentProcess) -> None:
        if self._current.get(parent.number) is parent:
            del self._current[parent.number]
        parent.retired = True
        if parent.launch.pid and parent.launch.reaper is not None:
            parent.launch.reaper.signal(signal.SIGKILL)
        else:
            self._starter.withdraw(parent.launch)

    def _lost(self, parent: ParentProcess, ending: Mapping[str, Any]) -> None:
        self._all.remove(parent)
        if self._current.get(parent.number) is parent:
            del self._current[parent.number]
        if parent.channel.fileno() >= 0:
            self._unwatch(parent)
            parent.close()
        forking, parent.forking = parent.forking, None
        if forking is not None:
            self._reapers.receive()
            if not forking.pid:
                # A half-started worker dies with its lifeline.
                parent.waiting.appendleft(forking)
        while parent.waiting:
            self._starter.not_started(parent.waiting.popleft(), ending)

    def _of(self, launch: Launch) -> ParentProcess:
        return next(parent for parent in self._all if parent.launch is launch)

    def _watch(self, parent: ParentProcess, *, writable: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        key = self._selector.get_map().get(parent.channel)
        if key is None:
            self._selector.register(parent.channel, events, lambda: self._on_channel(parent))
        elif key.events != events:
            self._selector.modify(parent.channel, events, key.data)

    def _unwatch(self, parent: ParentProcess) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(parent.channel)


def copies_for(launch: Launch) -> tuple[int, ...]:
    """Return a copy of a parent's end of its channel, for an order that closes what it sends."""
    return (os.dup(launch.channel),) if launch.is_parent else ()

"""What all template processes have in common for ``init``: channels, forks one at a time, ends."""

from __future__ import annotations

import contextlib
import math
import selectors
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

from ts._protocol.control import Spawn
from ts._protocol.errors import ProtocolError
from ts._protocol.frames import FrameType
from ts._zygote.fork_channel import ForkChannel
from ts._zygote.fork_requests import request_fork
from ts._zygote.frontend_channel import FrontendChannel
from ts._zygote.managed_process import ManagedProcess
from ts._zygote.reapers import REAPER_LOST, Reapers

_END_LIMIT_SEC = 10.0
"""For a template process that was asked to end; the model's exit functions take time."""


class ProcessStarter(Protocol):
    """Starts processes. Implemented by ``Init``."""

    def start(self, process: ManagedProcess) -> None:
        """Fork a process, or start it as a program."""

    def fork_from_zygote(self, process: ManagedProcess) -> None:
        """Fork a process from the zygote, or start it as a program if there is none."""

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A process could not be started: forget it, and report its end to the frontend."""

    def cancel_start(self, process: ManagedProcess) -> None:
        """Cancel the start of a process that has no pid yet."""

    def drop_attempt(self, process: ManagedProcess) -> None:
        """Abandon a fork that was begun: its processes die with its lifeline."""


class TemplateProcess(ForkChannel):
    """One template process.

    Args:
        pool: Takes note of its end.
        process_id: For its spawn request.
        spawn: How it is started.
        output_id: Under which number its output goes out.

    Attributes:
        process: Its process.
        waiting: Processes to be forked.
        forking: The process that it was asked to fork.
        draining: Whether it ends as soon as no process waits for it.
    """

    def __init__(
        self, pool: TemplatePool[Any], process_id: int, spawn: Spawn, output_id: int
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        super().__init__(ours)
        self.process = ManagedProcess(
            process_id, spawn, owner=pool, channel=theirs.detach(), output_id=output_id
        )
        self.waiting: deque[ManagedProcess] = deque()
        self.forking: ManagedProcess | None = None
        self.draining = False

    @property
    def is_wanted(self) -> bool:
        """Whether a process waits for it."""
        return bool(self.waiting) or self.forking is not None


TemplateT = TypeVar("TemplateT", bound=TemplateProcess)


class TemplatePool(ABC, Generic[TemplateT]):
    """Template processes of one kind.

    Args:
        starter: Starts their processes and takes note of the processes they fork.
        frontend: Where to report, and whose pumps take what they print.
        reapers: Of their forks, and of themselves.
        selector: The loop's.
    """

    def __init__(
        self,
        starter: ProcessStarter,
        frontend: FrontendChannel,
        reapers: Reapers,
        selector: selectors.BaseSelector,
    ) -> None:
        self._starter = starter
        self._frontend = frontend
        self._reapers = reapers
        self._selector = selector
        self._all: list[TemplateT] = []

    def abandon(self) -> list[ManagedProcess]:
        """Expect all template processes to end; return them."""
        return [template.process for template in self._all]

    def receive(self) -> None:
        """Take in all responses that have come."""
        for template in list(self._all):
            self._on_channel(template)

    def due_at(self) -> float:
        """Return when `do_due` is to be called, in `time.monotonic` seconds."""
        return min((template.response_deadline for template in self._all), default=math.inf)

    def do_due(self) -> None:
        """Kill template processes that have not responded, or ended, in time."""
        now = time.monotonic()
        for template in list(self._all):
            if now >= template.response_deadline:
                template.response_deadline = math.inf
                self._frontend.log(f"{self._name(template)} did not respond in time and is killed")
                self._kill(template)

    def started(self, process: ManagedProcess) -> None:
        """A template process has a pid; see `ProcessOwner`."""

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A template process could not be started; see `ProcessOwner`."""
        self._remove(self._of(process), ending)

    def exited(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A template process has ended; what it printed was taken in before. See `ProcessOwner`."""
        template = self._of(process)
        self._on_channel(template)
        self._remove(template, ending)

    @abstractmethod
    def _on_ready(self, template: TemplateT, fields: dict[str, Any]) -> None:
        """A template process has done what it was started for, or says why not."""

    @abstractmethod
    def _on_not_forked(self, template: TemplateT, process: ManagedProcess, reason: str) -> None:
        """A template process could not fork a process."""

    @abstractmethod
    def _on_lost(self, template: TemplateT, ending: Mapping[str, Any]) -> None:
        """A template process has ended; what waits for it is in `waiting`."""

    @abstractmethod
    def _forget(self, template: TemplateT) -> None:
        """Give a template process no further processes to fork."""

    @abstractmethod
    def _name(self, template: TemplateT) -> str:
        """Return what the log calls a template process, as the beginning of a sentence."""

    def _add(self, template: TemplateT) -> None:
        self._all.append(template)
        self._watch(template, writable=False)

    def _fork_next(self, template: TemplateT) -> None:
        if not template.ready or template.forking is not None or not template.waiting:
            return
        process = template.forking = template.waiting.popleft()
        # An error here is the end of the template process, which is noticed when it is reaped.
        with contextlib.suppress(OSError):
            sent = request_fork(template, process, self._frontend, self._reapers)
            self._watch(template, writable=not sent)

    def _on_channel(self, template: TemplateT) -> None:
        if template.channel.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self._watch(template, writable=not template.flush())
        for frame_type, spawn_id, fields in template.receive():
            if frame_type == FrameType.READY:
                template.ready = True
                self._on_ready(template, fields)
            else:
                self._on_forked(template, spawn_id, fields)
        if template.at_end:
            # Its exit is on its way.
            self._unwatch(template)
            return
        self._fork_next(template)
        if template.draining:
            self._end_if_idle(template)

    def _on_forked(self, template: TemplateT, spawn_id: int, fields: dict[str, Any]) -> None:
        process, template.forking = template.forking, None
        if process is None or process.id != spawn_id:
            raise ProtocolError(
                f"a template process reports worker {spawn_id}, which was not requested"
            )
        self._reapers.receive()
        if "error" in fields or (not process.pid and process.reaper is None):
            self._on_not_forked(template, process, str(fields.get("error", REAPER_LOST)))

    def _drain(self, template: TemplateT) -> None:
        """Send it no further requests; it ends when it is idle."""
        template.draining = True
        self._forget(template)
        self._end_if_idle(template)

    def _end_if_idle(self, template: TemplateT) -> None:
        if not template.is_wanted and template.channel.fileno() >= 0:
            self._unwatch(template)
            template.close()
            template.response_deadline = time.monotonic() + _END_LIMIT_SEC

    def _kill(self, template: TemplateT) -> None:
        self._forget(template)
        template.draining = True
        if template.process.pid and template.process.reaper is not None:
            template.process.reaper.signal(signal.SIGKILL)
        else:
            self._starter.cancel_start(template.process)

    def _remove(self, template: TemplateT, ending: Mapping[str, Any]) -> None:
        self._all.remove(template)
        if template.channel.fileno() >= 0:
            self._unwatch(template)
            template.close()
        forking, template.forking = template.forking, None
        if forking is not None:
            self._reapers.receive()
            if not forking.pid:
                # A half-started process dies with its lifeline.
                template.waiting.appendleft(forking)
        self._on_lost(template, ending)

    def _of(self, process: ManagedProcess) -> TemplateT:
        return next(template for template in self._all if template.process is process)

    def _watch(self, template: TemplateT, *, writable: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        key = self._selector.get_map().get(template.channel)
        if key is None:
            self._selector.register(template.channel, events, lambda: self._on_channel(template))
        elif key.events != events:
            self._selector.modify(template.channel, events, key.data)

    def _unwatch(self, template: TemplateT) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(template.channel)


def how_it_ended(ending: Mapping[str, Any]) -> str:
    """Return ``code 1`` or ``signal 9``."""
    return ", ".join(f"{name} {value}" for name, value in ending.items())

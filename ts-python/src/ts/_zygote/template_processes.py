"""The template processes as ``init`` sees them: each has a model loaded and forks its workers.

A template process is started for the first worker that needs it, as workers are: forked from the
zygote, or as a program of its own. It runs until the frontend releases it. If its model cannot be
loaded, it forks workers that report this for those that wait, and ends; the next worker gets a new
template process.
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
from ts._zygote.frontend_channel import ZYGOTE_ID, FrontendChannel
from ts._zygote.managed_process import ManagedProcess
from ts._zygote.reapers import REAPER_LOST, Reapers

_END_LIMIT_SEC = 10.0
"""For a template process that was asked to end; the model's exit functions take time."""


class ProcessStarter(Protocol):
    """Starts processes. Implemented by ``Init``."""

    def start(self, process: ManagedProcess) -> None:
        """Fork a process from the zygote, or start it as a program."""

    def started(self, process: ManagedProcess, pid: int) -> None:
        """A process has a pid."""

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A process could not be started: forget it, and report its end to the frontend."""

    def cancel_start(self, process: ManagedProcess) -> None:
        """Cancel the start of a process that has no pid yet."""


class TemplateProcess(ForkChannel):
    """One template process.

    Attributes:
        number: The frontend's number of it.
        process: Its process.
        waiting: Workers to be forked.
        forking: The worker that it was asked to fork.
        draining: Whether it ends as soon as no worker waits for it.
    """

    def __init__(self, first: ManagedProcess) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        super().__init__(ours)
        if first.spawn.template is None:
            raise RuntimeError("the worker is not forked from a template process")
        self.number: int = first.spawn.template
        self.process = ManagedProcess(
            first.id, first.spawn, is_template=True, channel=theirs.detach()
        )
        self.waiting = deque([first])
        self.forking: ManagedProcess | None = None
        self.draining = False

    @property
    def is_wanted(self) -> bool:
        """Whether a worker waits for it."""
        return bool(self.waiting) or self.forking is not None


class TemplateProcesses:
    """All template processes of a server.

    Args:
        starter: Starts their processes and takes note of the workers they fork.
        frontend: Where to report, and whose pumps take what they print.
        reapers: Of their workers, and of themselves.
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
        self._current: dict[int, TemplateProcess] = {}
        self._all: list[TemplateProcess] = []

    def abandon(self) -> list[ManagedProcess]:
        """Expect all template processes to end; return them."""
        self._current.clear()
        return [template.process for template in self._all]

    def submit(self, process: ManagedProcess) -> None:
        """Have a worker forked by its template process, which is started if need be."""
        if process.spawn.template is None:
            raise RuntimeError("the worker is not forked from a template process")
        template = self._current.get(process.spawn.template)
        if template is not None:
            template.waiting.append(process)
            self._fork_next(template)
            return
        template = self._current[process.spawn.template] = TemplateProcess(process)
        self._all.append(template)
        self._watch(template, writable=False)
        self._starter.start(template.process)

    def cancel(self, process: ManagedProcess) -> bool:
        """Remove a worker that waits; return whether it did. A load without waiting worker ends."""
        for template in list(self._all):
            if process in template.waiting:
                template.waiting.remove(process)
                if not template.ready and not template.is_wanted:
                    self._kill(template)
                elif template.draining:
                    self._end_if_idle(template)
                return True
        return False

    def release(self, number: int) -> None:
        """End a template process; one that is unknown has ended already."""
        template = self._current.get(number)
        if template is None:
            return
        while template.waiting:
            ending = {"code": 127, "error": "its model is no longer served"}
            self._starter.not_started(template.waiting.popleft(), ending)
        if template.ready:
            self._drain(template)
        else:
            self._kill(template)

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A template process could not be started."""
        self._lost(self._of(process), ending)

    def exited(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A template process has ended: the workers that wait for it end in the same way.

        What it printed was taken in before.
        """
        template = self._of(process)
        self._on_channel(template)
        if self._current.get(template.number) is template and template.ready:
            how = ", ".join(f"{name} {value}" for name, value in ending.items())
            self._frontend.log(
                f"The template process of worker {process.spawn.worker} ended ({how});"
                " the model is loaded again for the next worker"
            )
        self._lost(template, ending)

    def receive(self) -> None:
        """Take in all responses that have come."""
        for template in list(self._all):
            self._on_channel(template)

    def due_at(self) -> float:
        """Return when `kill_overdue` is to be called, in `time.monotonic` seconds."""
        return min((template.response_deadline for template in self._all), default=math.inf)

    def kill_overdue(self) -> None:
        """Kill template processes that have not responded, or ended, in time."""
        now = time.monotonic()
        for template in list(self._all):
            if now >= template.response_deadline:
                template.response_deadline = math.inf
                self._frontend.log(
                    f"The template process of worker {template.process.spawn.worker}"
                    " did not respond in time and is killed"
                )
                self._kill(template)

    def _fork_next(self, template: TemplateProcess) -> None:
        if not template.ready or template.forking is not None or not template.waiting:
            return
        process = template.forking = template.waiting.popleft()
        process.pumps, ends = self._frontend.open_pumps(process.id)
        read_end, process.lifeline_end = lifeline.create()
        # An error here is the end of the template process, which is noticed when it is reaped.
        with contextlib.suppress(OSError):
            files = (self._reapers.open(process), *ends, read_end)
            sent = template.request_fork(process.id, process.spawn, files)
            self._watch(template, writable=not sent)

    def _on_channel(self, template: TemplateProcess) -> None:
        if template.channel.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self._watch(template, writable=not template.flush())
        for frame_type, spawn_id, fields in template.receive():
            if frame_type == FrameType.READY:
                self._loaded(template, failed=fields.get("failed") is not False)
            else:
                self._on_forked(template, spawn_id, fields)
        if template.at_end:
            # Its exit is on its way.
            self._unwatch(template)
            return
        self._fork_next(template)
        if template.draining:
            self._end_if_idle(template)

    def _loaded(self, template: TemplateProcess, *, failed: bool) -> None:
        template.ready = True
        # So far its lines were those of the worker for which it was started.
        self._frontend.relabel(template.process.pumps, ZYGOTE_ID)
        if failed:
            self._drain(template)

    def _on_forked(self, template: TemplateProcess, spawn_id: int, fields: dict[str, Any]) -> None:
        process, template.forking = template.forking, None
        if process is None or process.id != spawn_id:
            raise ProtocolError(
                f"a template process reports worker {spawn_id}, which was not requested"
            )
        self._reapers.receive()
        if "error" in fields or (not process.pid and process.reaper is None):
            error = str(fields.get("error", REAPER_LOST))
            self._starter.not_started(process, {"code": 127, "error": error})

    def _drain(self, template: TemplateProcess) -> None:
        """Send it no further requests; it ends when it is idle."""
        template.draining = True
        if self._current.get(template.number) is template:
            del self._current[template.number]
        self._end_if_idle(template)

    def _end_if_idle(self, template: TemplateProcess) -> None:
        if not template.is_wanted and template.channel.fileno() >= 0:
            self._unwatch(template)
            template.close()
            template.response_deadline = time.monotonic() + _END_LIMIT_SEC

    def _kill(self, template: TemplateProcess) -> None:
        if self._current.get(template.number) is template:
            del self._current[template.number]
        template.draining = True
        if template.process.pid and template.process.reaper is not None:
            template.process.reaper.signal(signal.SIGKILL)
        else:
            self._starter.cancel_start(template.process)

    def _lost(self, template: TemplateProcess, ending: Mapping[str, Any]) -> None:
        self._all.remove(template)
        if self._current.get(template.number) is template:
            del self._current[template.number]
        if template.channel.fileno() >= 0:
            self._unwatch(template)
            template.close()
        forking, template.forking = template.forking, None
        if forking is not None:
            self._reapers.receive()
            if not forking.pid:
                # A half-started worker dies with its lifeline.
                template.waiting.appendleft(forking)
        while template.waiting:
            self._starter.not_started(template.waiting.popleft(), ending)

    def _of(self, process: ManagedProcess) -> TemplateProcess:
        return next(template for template in self._all if template.process is process)

    def _watch(self, template: TemplateProcess, *, writable: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        key = self._selector.get_map().get(template.channel)
        if key is None:
            self._selector.register(template.channel, events, lambda: self._on_channel(template))
        elif key.events != events:
            self._selector.modify(template.channel, events, key.data)

    def _unwatch(self, template: TemplateProcess) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(template.channel)


def copies_for(process: ManagedProcess) -> tuple[int, ...]:
    """Return a copy of a template process's end of its channel: requests close what they send."""
    return (os.dup(process.channel),) if process.is_template else ()

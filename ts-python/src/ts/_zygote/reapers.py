"""The reapers as ``init`` sees them: opens their channels, and takes over from lost ones."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ts._zygote import children, linux
from ts._zygote.descriptors import wait_for_input
from ts._zygote.managed_process import ManagedProcess, start_program
from ts._zygote.reaper import ReaperChannel, start_with_reaper

_SIGKILL = {"signal": 9}

REAPER_LOST = "its reaper ended before it was started"
"""Why a process was not started."""


class ReaperListener(Protocol):
    """Takes the events that reapers report. Implemented by ``Init``."""

    def started(self, process: ManagedProcess, pid: int) -> None:
        """A process has a pid."""

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A process could not be started."""

    def reaper_lost(self, process: ManagedProcess) -> None:
        """A reaper has ended before it had a program."""

    def ended(self, process: ManagedProcess, status: Mapping[str, int]) -> None:
        """A process has ended, with all that came from it."""

    def log(self, text: str) -> None:
        """Tell the model log."""


class Reapers:
    """All reapers of a server.

    Args:
        listener: Takes the events.
        selector: The loop's.
    """

    def __init__(self, listener: ReaperListener, selector: selectors.BaseSelector) -> None:
        self._listener = listener
        self._selector = selector
        self._processes: list[ManagedProcess] = []
        self._strays = False

    def open(self, process: ManagedProcess) -> int:
        """Open a process's channel; return the reaper's end, a descriptor to be sent or closed."""
        return self._open(process).theirs.detach()

    def start_program(
        self, process: ManagedProcess, stdout: int, stderr: int, lifeline_read: int
    ) -> None:
        """Start a process as a program below a reaper. Raises `OSError`."""
        channel = self._open(process)
        kept = [stdout, stderr, lifeline_read]
        if process.is_template:
            kept.append(process.channel)
        process.reaper_pid = start_with_reaper(
            channel.theirs,
            process.spawn.worker,
            kept,
            lambda: start_program(process, stdout, stderr, lifeline_read),
        )
        channel.theirs.close()

    def close(self, process: ManagedProcess) -> None:
        """Close the channel to a reaper: what still runs of its process is ended."""
        if process.reaper is not None:
            self._processes.remove(process)
            self._selector.unregister(process.reaper.socket)
            process.reaper.close()
            process.reaper = None

    def receive(self) -> None:
        """Take in all messages that have come."""
        for process in list(self._processes):
            self._on_channel(process)

    def wait(self, deadline: float) -> bool:
        """Wait for messages of reapers whose workers are to end; return False if none is left.

        Also false when it is `deadline`, in `time.monotonic` seconds.
        """
        limit_sec = deadline - time.monotonic()
        if not self._processes or limit_sec <= 0:
            return False
        reapers = [process.reaper for process in self._processes]
        wait_for_input([reaper.socket for reaper in reapers if reaper is not None], limit_sec)
        self.receive()
        return True

    def lost(self) -> None:
        """A process that had others below it has ended without a reaper: they are ours now."""
        self._strays = True

    def kill_strays(self, known: set[int], before: Callable[[], None]) -> None:
        """Kill unknown children of `init`: what came from workers without a reaper.

        Those of a worker with a reaper are its reaper's children. Called after each end of a
        child, until there are no more: the children of those that are killed come to light then.

        Args:
            known: Children that stay, besides reapers.
            before: Receives the messages about new processes; they were announced before they
                became children of ``init``.
        """
        if not self._strays:
            return
        found = set(linux.children_of(os.getpid()))
        before()
        self.receive()
        strays = found - known - {process.reaper_pid for process in self._processes}
        children.kill_all(strays)
        self._strays = bool(strays)

    def _open(self, process: ManagedProcess) -> ReaperChannel:
        channel = process.reaper = ReaperChannel()
        process.reaper_pid = 0
        self._processes.append(process)
        self._selector.register(
            channel.socket, selectors.EVENT_READ, lambda: self._on_channel(process)
        )
        return channel

    def _on_channel(self, process: ManagedProcess) -> None:
        channel = process.reaper
        if channel is None:
            return
        for message in channel.receive():
            if process.reaper is not channel:
                return
            self._on_message(process, channel, message)
        if channel.at_end and process.reaper is channel:
            self._on_lost(process)

    def _on_message(
        self, process: ManagedProcess, channel: ReaperChannel, message: dict[str, Any]
    ) -> None:
        if "pid" in message:
            process.reaper_pid = message["reaper"]
            self._listener.started(process, message["pid"])
        elif "error" in message:
            self.close(process)
            reason = f"{process.spawn.python} cannot be started: {message['error']}"
            self._listener.not_started(process, {"code": 127, "error": reason})
        elif "ending" in message:
            channel.spare(self._spared_by(process))
        elif "ended" in message:
            if message["left"]:
                pids = ", ".join(map(str, message["left"]))
                self._listener.log(f"Processes of {process.spawn.worker} cannot be ended: {pids}")
            self._listener.ended(process, message["ended"])
        else:
            self._listener.log(
                f"The reaper of {process.spawn.worker} failed: {message.get('fault')}"
            )

    def _spared_by(self, process: ManagedProcess) -> list[int]:
        """Return the reapers of a template process's workers, which are below its own reaper."""
        if not process.is_template:
            return []
        self.receive()
        return [other.reaper_pid for other in self._processes if other.reaper_pid]

    def _on_lost(self, process: ManagedProcess) -> None:
        """A reaper has ended before its worker, which the closing lifeline kills now."""
        self.close(process)
        self.lost()
        if process.pid:
            self._listener.ended(process, _SIGKILL)
        elif process.reaper_pid:
            self._listener.reaper_lost(process)
        # Else a fork did not come about: the answer of what forks, or the end of that, decides.

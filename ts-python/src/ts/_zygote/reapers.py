"""What ``init`` does about reapers: opens their channels, hears them, stands in for lost ones."""

from __future__ import annotations

import os
import select
import selectors
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ts._zygote import children, linux
from ts._zygote.launches import Launch, start_program
from ts._zygote.reaper import ReaperChannel, start_with_reaper

_SIGKILL = {"signal": 9}


class Hearer(Protocol):
    """Who is told what reapers say. Implemented by ``Init``."""

    def started(self, launch: Launch, pid: int) -> None:
        """A launch has a process."""

    def not_started(self, launch: Launch, ending: Mapping[str, Any]) -> None:
        """A launch never gets a process."""

    def reaper_lost(self, launch: Launch) -> None:
        """A reaper has ended before it had a program."""

    def ended(self, launch: Launch, status: Mapping[str, int]) -> None:
        """A process has ended, with all that came from it."""

    def log(self, text: str) -> None:
        """Tell the model log."""


class Reapers:
    """All reapers of a server.

    Args:
        hearer: Is told.
        selector: The loop's.
    """

    def __init__(self, hearer: Hearer, selector: selectors.BaseSelector) -> None:
        self._hearer = hearer
        self._selector = selector
        self._launches: list[Launch] = []
        self._strays = False

    def open(self, launch: Launch) -> int:
        """Open a launch's channel; return the reaper's end, a descriptor to be sent or closed."""
        return self._open(launch).theirs.detach()

    def start_program(self, launch: Launch, stdout: int, stderr: int, lifeline_read: int) -> None:
        """Start a launch as a program below a reaper. Raises `OSError`."""
        channel = self._open(launch)
        kept = [stdout, stderr, lifeline_read]
        if launch.is_parent:
            kept.append(launch.channel)
        launch.reaper_pid = start_with_reaper(
            channel.theirs,
            launch.spawn.worker,
            kept,
            lambda: start_program(launch, stdout, stderr, lifeline_read),
        )
        channel.theirs.close()

    def close(self, launch: Launch) -> None:
        """Let go of a launch: what still lives of it is ended."""
        if launch.reaper is not None:
            self._launches.remove(launch)
            self._selector.unregister(launch.reaper.socket)
            launch.reaper.close()
            launch.reaper = None

    def receive(self) -> None:
        """Take in all that has been said."""
        for launch in list(self._launches):
            self._on_channel(launch)

    def wait(self, deadline: float) -> bool:
        """Wait for a word of reapers whose workers were told to end; return False if none is left.

        Also false when it is `deadline`, in `time.monotonic` seconds.
        """
        limit_sec = deadline - time.monotonic()
        if not self._launches or limit_sec <= 0:
            return False
        poll = select.poll()
        for launch in self._launches:
            if launch.reaper is not None:
                poll.register(launch.reaper.socket, select.POLLIN)
        poll.poll(limit_sec * 1000)
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
            before: Takes in what is said of new processes; they were announced before they became
                children of ``init``.
        """
        if not self._strays:
            return
        found = set(linux.children_of(os.getpid()))
        before()
        self.receive()
        strays = found - known - {launch.reaper_pid for launch in self._launches}
        children.kill_all(strays)
        self._strays = bool(strays)

    def _open(self, launch: Launch) -> ReaperChannel:
        channel = launch.reaper = ReaperChannel()
        launch.reaper_pid = 0
        self._launches.append(launch)
        self._selector.register(
            channel.socket, selectors.EVENT_READ, lambda: self._on_channel(launch)
        )
        return channel

    def _on_channel(self, launch: Launch) -> None:
        channel = launch.reaper
        if channel is None:
            return
        for said in channel.receive():
            if launch.reaper is not channel:
                return
            self._on_said(launch, channel, said)
        if channel.at_end and launch.reaper is channel:
            self._on_lost(launch)

    def _on_said(self, launch: Launch, channel: ReaperChannel, said: dict[str, Any]) -> None:
        if "pid" in said:
            launch.reaper_pid = said["reaper"]
            self._hearer.started(launch, said["pid"])
        elif "error" in said:
            self.close(launch)
            reason = f"{launch.spawn.python} cannot be started: {said['error']}"
            self._hearer.not_started(launch, {"code": 127, "error": reason})
        elif "ending" in said:
            channel.spare(self._spared_by(launch))
        elif "ended" in said:
            if said["left"]:
                pids = ", ".join(map(str, said["left"]))
                self._hearer.log(f"Processes of {launch.spawn.worker} cannot be ended: {pids}")
            self._hearer.ended(launch, said["ended"])
        else:
            self._hearer.log(f"The reaper of {launch.spawn.worker} failed: {said.get('fault')}")

    def _spared_by(self, launch: Launch) -> list[int]:
        """Return the reapers of a template's workers, which are below the template's reaper."""
        if not launch.is_parent:
            return []
        self.receive()
        return [other.reaper_pid for other in self._launches if other.reaper_pid]

    def _on_lost(self, launch: Launch) -> None:
        """A reaper has ended before its worker, which the closing lifeline kills now."""
        self.close(launch)
        self.lost()
        if launch.pid:
            self._hearer.ended(launch, _SIGKILL)
        elif launch.reaper_pid:
            self._hearer.reaper_lost(launch)
        # Else a fork did not come about: the answer of what forks, or the end of that, decides.

"""The processes that ``init`` starts: from the spawn request to the exit code."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from ts._protocol.control import Spawn
from ts._zygote import lifeline
from ts._zygote.child import _START_FILE, worker_environment
from ts._zygote.output import LinePump
from ts._zygote.reaper import ReaperChannel

_DESCRIPTORS_PER_PROCESS = 6
"""Its output, its lifeline, its channels, and the other ends of these while it starts."""
_DESCRIPTORS_KEPT = 48
"""For the frontend, the zygote and its next one, so that `init` never ends for want of one."""


def process_limit() -> int:
    """Return how many processes at a time ``init`` has file descriptors for."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(1, (limit - _DESCRIPTORS_KEPT) // _DESCRIPTORS_PER_PROCESS)


class ProcessOwner(Protocol):
    """Takes note of what becomes of template processes."""

    def started(self, process: ManagedProcess) -> None:
        """A template process has a pid."""

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A template process could not be started."""

    def exited(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A template process has ended; what it printed was taken in before."""

    def receive(self) -> None:
        """Take in all responses that have come."""


@dataclass(slots=True, eq=False)
class ManagedProcess:
    """One worker process or template process, from the spawn request on.

    Attributes:
        pid: Process id, which is also its group's; 0 until it is known.
        lifeline_end: Write end of the worker's lifeline, -1 when it is closed.
        pumps: Its stdout and stderr.
        signal: To be sent as soon as the pid is known.
        owner: Of a template process, takes note of its end; None for a worker.
        output_id: The number under which its output goes out; that of the process by default.
        channel: The template process's end of its channel, until it has it; else -1.
        reaper: The channel to its reaper, from the start on until its end is known.
        reaper_pid: Process id of its reaper; 0 until it is known.
        plain_fork: Why it is not forked from a template process with its imports, if it was to be.
    """

    id: int
    spawn: Spawn
    pid: int = 0
    lifeline_end: int = -1
    pumps: list[LinePump] = field(default_factory=list)
    signal: int | None = None
    owner: ProcessOwner | None = None
    output_id: int = -1
    channel: int = -1
    reaper: ReaperChannel | None = None
    reaper_pid: int = 0
    plain_fork: str | None = None

    def __post_init__(self) -> None:
        if self.output_id < 0:
            self.output_id = self.id

    @property
    def is_template(self) -> bool:
        """Whether it is a template process."""
        return self.owner is not None

    def copied_channel(self) -> tuple[int, ...]:
        """Return a copy of a template process's end: fork requests close what they send."""
        return (os.dup(self.channel),) if self.channel >= 0 else ()

    def close_channel(self) -> None:
        """Close init's copy of the template process's end of the channel."""
        if self.channel >= 0:
            os.close(self.channel)
            self.channel = -1

    def close_lifeline(self) -> None:
        """Let go of the process: the kernel kills it if it still lives."""
        if self.lifeline_end >= 0:
            os.close(self.lifeline_end)
            self.lifeline_end = -1


def send_signal(pid: int, number: int) -> None:
    """Signal the process group of a process that was not reaped yet."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # Just forked: it does not lead a group yet. Not reaped, so the pid is still its own.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    except PermissionError:
        pass  # every process of the group changed its user


def start_program(process: ManagedProcess, stdout: int, stderr: int, lifeline_read: int) -> int:
    """Start a process as a program of its own and return its pid. Raises `OSError`."""
    spawn = process.spawn
    spec = {
        "launch": process.id,
        "worker": spawn.worker,
        "address": spawn.address,
        "secret": spawn.secret,
        "threads": spawn.threads,
        "lifeline": None if spawn.prefix else lifeline_read,
    }
    pass_fds = [lifeline_read]
    if process.is_template:
        spec |= {"channel": process.channel, "load": spawn.load}
        pass_fds.append(process.channel)
    with _spec_file(spec) as stdin:
        popen = subprocess.Popen(
            [spawn.python, *spawn.prefix, _START_FILE],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=spawn.cwd,
            env=worker_environment(spawn),
            start_new_session=True,
            pass_fds=pass_fds,
        )
    # It will be reaped with all others, not by this object.
    popen.returncode = 0
    # The worker arms it too; until then, and for a launcher, this does.
    lifeline.arm(lifeline_read, popen.pid)
    return popen.pid


def _spec_file(spec: dict[str, Any]) -> IO[bytes]:
    """Return a file without a name that holds the specification: a secret is in it."""
    file: IO[bytes]
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("ts-spawn", os.MFD_CLOEXEC), "w+b")
    else:
        file = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - the caller closes it
    file.write(json.dumps(spec).encode("utf-8"))
    file.flush()
    return file

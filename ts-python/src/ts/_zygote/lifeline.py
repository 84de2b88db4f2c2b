"""A pipe whose closing kills: workers never outlive ``init``, however it ends.

The worker holds the read end, ``init`` the only write end. When ``init`` ends, the kernel closes
the write end and sends SIGKILL to the worker's process group by itself, also while the worker
hangs in C code and no Python thread can run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys
import threading

_F_SETSIG = getattr(fcntl, "F_SETSIG", 10)


def kernel_can_kill() -> bool:
    """Return whether the kernel itself can watch a lifeline."""
    return sys.platform == "linux"


def create() -> tuple[int, int]:
    """Return read and write end, neither inherited by a new program."""
    return os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()


def arm(read_end: int, process_group: int) -> None:
    """Have the kernel kill a process group when the write end is closed.

    May be called by any process that has the read end open, and stays in force while any process
    does. Does nothing where the kernel cannot do it.
    """
    if kernel_can_kill():
        fcntl.fcntl(read_end, _F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(read_end, fcntl.F_SETOWN, -process_group)
        flags = fcntl.fcntl(read_end, fcntl.F_GETFL)
        fcntl.fcntl(read_end, fcntl.F_SETFL, flags | os.O_ASYNC)


def watch_own(read_end: int) -> None:
    """Tie the calling process, the leader of its group, to a lifeline.

    Ends the process at once if the lifeline is closed already. Where the kernel cannot watch, a
    thread does, as long as Python threads run.
    """
    arm(read_end, os.getpgrp())
    if _is_closed(read_end):
        _kill_own_group()
    if not kernel_can_kill():
        threading.Thread(
            target=_wait_and_kill, args=(read_end,), name="lifeline", daemon=True
        ).start()


def _is_closed(read_end: int) -> bool:
    poll = select.poll()
    poll.register(read_end, select.POLLIN)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def _wait_and_kill(read_end: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(read_end, 1):
            pass
    _kill_own_group()


def _kill_own_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)

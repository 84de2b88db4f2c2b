"""Children that have ended: which they are, before their pids can be reused."""

from __future__ import annotations

import contextlib
import os
import signal

_CAN_PEEK = hasattr(os, "waitid")


def forget_handlers_of_parent() -> None:
    """In a fork of ``init``: have signals do what they do by default."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def peek() -> tuple[int, dict[str, int]] | None:
    """Return pid and ``code`` or ``signal`` of a child that has ended, or None.

    It keeps its pid until `reap`, so that its group can still be signalled; where the system
    cannot do that (macOS), it is reaped at once. Raises `ChildProcessError` without children.
    """
    if not _CAN_PEEK:
        pid, status = os.waitpid(-1, os.WNOHANG)
        return (pid, _fields(os.waitstatus_to_exitcode(status))) if pid else None
    info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if info is None:
        return None
    ended = info.si_code == os.CLD_EXITED
    return info.si_pid, _fields(info.si_status if ended else -info.si_status)


def reap(pid: int) -> None:
    """Let the system forget a child that has ended."""
    if _CAN_PEEK:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def signal_group(pid: int, number: int) -> None:
    """Signal the process group of a child that was not reaped, and not the caller's own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(pid)
        if group != os.getpgrp():
            # Kills what forks faster than it could be looked for: nothing of a group escapes.
            os.killpg(group, number)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_all(pids: set[int]) -> None:
    """Kill children with their groups."""
    for pid in pids:
        signal_group(pid, signal.SIGKILL)


def _fields(exit_code: int) -> dict[str, int]:
    return {"code": exit_code} if exit_code >= 0 else {"signal": -exit_code}

"""What the Linux kernel offers and Python does not: `prctl`. Elsewhere the calls return False."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Have the orphans among this process's descendants become its children."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """Have the kernel kill this process when its parent ends."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def set_process_name(name: str) -> bool:
    """Set the name that `ps` and `top` show, at most 15 bytes of it."""
    return _prctl(_PR_SET_NAME, ctypes.create_string_buffer(name.encode("utf-8")[:15]))


def children_of(pid: int) -> list[int]:
    """Return the direct children of a process, as far as the kernel tells."""
    children: list[int] = []
    try:
        paths = list(Path(f"/proc/{pid}/task").glob("*/children"))
        for path in paths:
            children += map(int, path.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return children  # it ended meanwhile, or this is not Linux
    return children if paths else _children_by_search(pid)


def _children_by_search(pid: int) -> list[int]:
    """Do the same where the kernel was built without lists of children."""
    children: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        # It may have ended meanwhile.
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in brackets may hold anything.
            if int(path.read_bytes().rpartition(b")")[2].split()[1]) == pid:
                children.append(int(path.parent.name))
    return children


def _prctl(option: int, argument: object) -> bool:
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    result: int = library.prctl(option, argument, 0, 0, 0)
    return result == 0

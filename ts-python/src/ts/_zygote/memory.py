"""Gives back memory that a process which only forks does not need."""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_MADV_DONTNEED = 4
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ \S+ (\d+)")


def release_file_pages() -> int:
    """Unmap the pages of libraries that an import has read; return the mappings that were.

    The kernel keeps them in its cache, and maps one again when it is touched. Importing torch reads
    200 MB that its forks never look at. Only mappings without a page of the process's own are
    touched: nothing is lost. Does nothing where the kernel does not tell.
    """
    if sys.platform != "linux":
        return 0
    with contextlib.suppress(OSError, ValueError):
        text = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
        library = ctypes.CDLL(None, use_errno=True)
        library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        ranges = list(unmodified_files(text.splitlines()))
        return sum(
            library.madvise(start, end - start, _MADV_DONTNEED) == 0 for start, end in ranges
        )
    return 0


def unmodified_files(lines: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of mappings of files that hold what the files hold, from ``smaps``.

    See proc_pid_smaps(5). Pages that were written to, such as addresses that were relocated
    and are read-only now, are dirty; a mapping that may be written to is left alone.
    """
    current: tuple[int, int] | None = None
    for line in lines:
        mapping = _MAPPING.match(line)
        if mapping is not None:
            start, end, access, inode = mapping.groups()
            is_file = inode != "0" and "w" not in access and access.endswith("p")
            current = (int(start, 16), int(end, 16)) if is_file else None
        elif current is not None:
            name, _, value = line.partition(":")
            if name in ("Private_Dirty", "Shared_Dirty", "Anonymous", "Swap", "Locked"):
                if value.split()[0] != "0":
                    current = None
            elif name == "VmFlags":
                yield current
                current = None

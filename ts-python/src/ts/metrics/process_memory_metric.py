"""Memory of the workers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_MAX_PIDS = 4096


def get_cpu_usage(pid: int | str) -> int:
    """Return the resident memory of a process in bytes, 0 if there is no such process.

    The name is the one that existing collectors import.
    """
    try:
        pages = Path(f"/proc/{int(pid)}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return 0
    import psutil

    try:
        return int(psutil.Process(int(pid)).memory_info().rss)
    except psutil.Error:
        return 0


def check_process_mem_usage(stdin: Iterable[str]) -> None:
    """Print ``<pid>:<bytes>`` for each process of the first line of `stdin`.

    The line holds process ids joined by commas. Processes that have ended, and words that are no
    ids, are left out.
    """
    line = next(iter(stdin), "")
    for word in line.strip().split(",")[:_MAX_PIDS]:
        if word.strip().isdigit():
            usage = get_cpu_usage(word.strip())
            if usage:
                print(f"{word.strip()}:{usage}")

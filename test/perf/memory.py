"""Memory of the processes of a server, by the pages that each of them has alone or shares."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psutil


def pss_mb(pid: int) -> float:
    """Return a process's share of memory in MB: pages that n processes share count 1/n.

    Raises:
        OSError: There is no such process, or it may not be looked at.
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return parse_pss_kb(text) / 1000


def shares_of(processes: Sequence[psutil.Process]) -> list[tuple[str, float]]:
    """Return name and share of memory in MB of those that still run when they are looked at.

    A process from which workers are forked may just have been replaced.
    """
    shares = []
    for process in processes:
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            shares.append((process.name(), pss_mb(process.pid)))
    return shares


def parse_pss_kb(text: str) -> float:
    """Return the kilobytes of the line ``Pss:``.

    Raises:
        ValueError: There is none.
    """
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "Pss:":
            return float(words[1]) * 1.024
    raise ValueError(f"no line Pss: in {text[:200]!r}")

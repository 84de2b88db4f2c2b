"""The file descriptors of this process, as the kernel counts them."""

from __future__ import annotations

import os
from collections.abc import Iterable


def open_descriptors() -> list[int]:
    """Return the numbers of all that are open; Linux only."""
    # One that is listed was that of the listing.
    return [number for number in map(int, os.listdir("/proc/self/fd")) if _is_open(number)]


def close_all_but(kept: Iterable[int]) -> None:
    """Close everything but the standard streams and what is kept."""
    low = 3
    for number in sorted(number for number in kept if number >= low):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

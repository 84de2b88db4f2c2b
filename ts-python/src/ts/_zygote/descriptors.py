"""The file descriptors of this process, whose numbers may be large."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike


def wait_for_input(sources: Iterable[FileDescriptorLike], limit_sec: float | None) -> bool:
    """Wait until there is something to read, or an end; return False if nothing came in time.

    Args:
        sources: Descriptors, of any number: ``select.select`` takes those below 1024 only.
        limit_sec: None for no limit.
    """
    poll = select.poll()
    for source in sources:
        poll.register(source, select.POLLIN)
    return bool(poll.poll(None if limit_sec is None else limit_sec * 1000))


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

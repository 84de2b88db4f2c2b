"""What a worker itself prints: to the model log, whatever a handler did with its streams."""

from __future__ import annotations

import contextlib
import sys

from ts._worker.following import with_trace_ids


def report(text: str) -> None:
    """Print lines to stderr. A handler may have closed or replaced it: then they are lost."""
    with contextlib.suppress(Exception):
        text = with_trace_ids(text)
        print(text, end="" if text.endswith("\n") else "\n", file=sys.stderr, flush=True)


def announce(text: str) -> None:
    """Print a line to stdout; as `report`."""
    with contextlib.suppress(Exception):
        print(text, flush=True)

"""What a model prints goes to standard error: standard output is for its answers."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_OF_WORKER = re.compile(
    r"\[PID\]\d+|Torch worker started\.|Python runtime: \S+|model_name: .*, batchSize: \d+"
    r"|Frontend disconnected\."
)


class _ModelOutput:
    """A text stream that leaves out what each worker prints about itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._left_out = False

    def write(self, text: str) -> int:
        lines = text.split("\n")
        if all(_OF_WORKER.fullmatch(line) for line in lines):
            self._left_out = True
        elif self._left_out and text == "\n":
            self._left_out = False
        else:
            self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def output_to_stderr() -> Iterator[None]:
    """Redirect descriptor 1 and `sys.stdout` to standard error for a while."""
    sys.stdout.flush()
    before, kept = sys.stdout, os.dup(1)
    os.dup2(2, 1)
    sys.stdout = _ModelOutput(sys.stderr)
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stdout = before
        os.dup2(kept, 1)
        os.close(kept)

"""What a person sees: colours on terminals only, and tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum
from typing import TextIO


class Colour(Enum):
    """The colours of a terminal, by their number."""

    RED = 31
    GREEN = 32
    YELLOW = 33
    GREY = 90


def shows_colours(stream: TextIO) -> bool:
    """Return whether a stream is a terminal, and ``NO_COLOR`` does not forbid colours."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def is_terminal(stream: TextIO) -> bool:
    """Return whether lines of a stream may be written over."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def paint(text: str, colour: Colour, stream: TextIO) -> str:
    """Return the text in a colour, if the stream shows any."""
    return f"\x1b[{colour.value}m{text}\x1b[0m" if shows_colours(stream) else text


def of_state(state: str) -> Colour:
    """Return the colour of a model's state."""
    if state == "READY":
        return Colour.GREEN
    return Colour.RED if state in ("FAILED", "RECOVERING") else Colour.YELLOW


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, its columns as wide as needed."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines
    ]


def printable(text: str) -> str:
    """Return text of others such that it cannot steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)

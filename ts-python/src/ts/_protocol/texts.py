"""Texts of errors on their way out of a worker."""

from __future__ import annotations

import re
from typing import Any

_ADDRESS = re.compile(
    r" at 0x[0-9A-Fa-f]{4,16}\b"  # <Weird object at 0x7f3c2d1e0a90>
    r"|(?<=\()0x[0-9A-Fa-f]{8,16}(?: in )?"  # torch's frames: (0x7f3c2d1e0a90 in /usr/lib/...)
    r"|(?<=[Tt]hread) 0x[0-9A-Fa-f]{8,16}\b"  # faulthandler's
)


def without_addresses(text: str) -> str:
    """Return `text` without addresses of memory: they tell nothing to a client, and help attacks.

    ``<_io.BytesIO object at 0x7f3c2d1e0a90>`` becomes ``<_io.BytesIO object>``. The model's log
    keeps them.
    """
    return _ADDRESS.sub("", text) if "0x" in text else text


def header_text(value: Any) -> str:
    """Return ``str(value)``; of an object that is no text, without its address."""
    return value if isinstance(value, str) else without_addresses(str(value))

"""Texts in binary messages: UTF-8 after their length in bytes."""

from __future__ import annotations

import struct

from ts._protocol.errors import ProtocolError

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")


def check_u16(size: int, what: str) -> None:
    """Raise `ValueError` where a size does not fit a u16."""
    if size > 0xFFFF:
        raise ValueError(f"{what} is {size}, the limit is 65535")


def str16(value: str) -> bytes:
    """Encode a text with its length as a u16. Raises `ValueError` where it is too long."""
    encoded = value.encode("utf-8")
    check_u16(len(encoded), "length of a text")
    return _U16.pack(len(encoded)) + encoded


def str32(value: str) -> bytes:
    """Encode a text with its length as a u32."""
    encoded = value.encode("utf-8")
    return _U32.pack(len(encoded)) + encoded


def text(view: memoryview, at: int, size: int) -> str:
    """Return a text of that many bytes. Raises `ProtocolError` where it goes over the end."""
    if at + size > len(view):
        raise ProtocolError(f"text of {size} bytes at {at} goes over the end, {len(view)}")
    return str(view[at : at + size], "utf-8")


def read_str16(view: memoryview, at: int) -> tuple[str, int]:
    """Return a text with its length as a u16, and where it ends."""
    (size,) = _U16.unpack_from(view, at)
    return text(view, at + 2, size), at + 2 + size


def read_str32(view: memoryview, at: int) -> tuple[str, int]:
    """Return a text with its length as a u32, and where it ends."""
    (size,) = _U32.unpack_from(view, at)
    return text(view, at + 4, size), at + 4 + size

"""The body of HANDLED: when the handler of an item ran."""

from __future__ import annotations

import struct

from ts._protocol.errors import ProtocolError
from ts._protocol.frames import Buffer

_BODY = struct.Struct(">QQ")


def encode_handled(began_ns: int, ended_ns: int) -> bytes:
    """Encode the two moments, in nanoseconds since 1970."""
    return _BODY.pack(began_ns, ended_ns)


def decode_handled(body: Buffer) -> tuple[int, int]:
    """Decode a body; the frontend does this, and the tests' double of it."""
    if len(body) != _BODY.size:
        raise ProtocolError(f"HANDLED has {len(body)} bytes, expected {_BODY.size}")
    began_ns, ended_ns = _BODY.unpack(body)
    return began_ns, ended_ns

"""The frame: one header, its limits, and how a message is cut into frames.

See ``docs/worker-protocol.md``. Nothing here does I/O.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping, Sequence

from ts._protocol.errors import ProtocolError

PROTOCOL_VERSION = 1

HEADER = struct.Struct(">IBBHI")
HEADER_SIZE = HEADER.size
TOTAL = struct.Struct(">I")

MAX_FRAME_LENGTH = 524288
"""Largest value of the length field."""
LENGTH_OVERHEAD = HEADER_SIZE - 4
"""Bytes of the header that the length field counts."""
MAX_FRAME_BODY = MAX_FRAME_LENGTH - LENGTH_OVERHEAD

ALL_ITEMS = 0xFFFF
MAX_BATCH_ITEMS = 4096
MAX_HEADERS = 1024
MAX_PARTS = 1024
MAX_TRACEBACK = 64 * 1024
MEBIBYTE = 1 << 20


class FrameType(enum.IntEnum):
    """Type byte of a frame; 1 to 28 belong to the worker channel, 32 to 41 to the init channel."""

    HELLO = 1
    LOAD = 2
    LOADED = 3
    FAILED = 4
    PREDICT = 16
    RESPONSE = 17
    CHUNK = 18
    ERROR = 19
    CANCEL = 20
    PING = 21
    PONG = 22
    METRIC = 23
    UNUSABLE = 24
    HANDLED = 25
    WITHDRAW = 26
    WITHDRAWN = 27
    BEGUN = 28
    SPAWN = 32
    SIGNAL = 33
    SHUTDOWN = 34
    READY = 35
    SPAWNED = 36
    EXITED = 37
    OUTPUT = 38
    ZYGOTE_EXITED = 39
    RELEASE = 40
    IMPORTED = 41


FLAG_MORE = 0x01
FLAG_CONTINUED = 0x02
FLAG_LAST_ITEM = 0x04
FLAG_STDERR = 0x08

FLAGS_OF_CUT = FLAG_MORE | FLAG_CONTINUED
ALLOWED_FLAGS: Mapping[int, int] = {
    **dict.fromkeys(FrameType, FLAGS_OF_CUT),
    FrameType.HELLO: 0,
    FrameType.HANDLED: 0,
    FrameType.WITHDRAW: 0,
    FrameType.WITHDRAWN: 0,
    FrameType.BEGUN: 0,
    FrameType.PREDICT: FLAGS_OF_CUT | FLAG_LAST_ITEM,
    FrameType.OUTPUT: FLAGS_OF_CUT | FLAG_STDERR,
}
"""Frame type to the flags it may have."""


def max_frames(total: int) -> int:
    """Return how many frames a message of `total` bytes may have."""
    return 16 + total // 65536


Limits = Mapping[int, int]
"""Frame type to the largest message body, in bytes. A type that is missing is refused."""


def worker_limits(max_request_size: int) -> Limits:
    """What a worker accepts from the frontend; before LOAD, call it with 0."""
    return {
        FrameType.LOAD: MEBIBYTE,
        FrameType.PREDICT: max_request_size + MEBIBYTE,
        FrameType.CANCEL: 0,
        FrameType.PING: 0,
    }


CONTROL_LIMITS: Limits = {FrameType.WITHDRAW: 0}
"""What a worker accepts on its control connection."""


def frontend_limits(max_response_size: int) -> Limits:
    """What the frontend accepts from a worker."""
    return {
        FrameType.HELLO: 4096,
        FrameType.LOADED: MEBIBYTE,
        FrameType.FAILED: MEBIBYTE,
        FrameType.RESPONSE: max_response_size + MEBIBYTE,
        FrameType.CHUNK: max_response_size + MEBIBYTE,
        FrameType.ERROR: MEBIBYTE,
        FrameType.PONG: 0,
        FrameType.METRIC: 64 * 1024,
        FrameType.UNUSABLE: MEBIBYTE,
        FrameType.HANDLED: 16,
        FrameType.WITHDRAWN: 0,
        FrameType.BEGUN: 0,
    }


INIT_LIMITS: Limits = {
    FrameType.SPAWN: MEBIBYTE,
    FrameType.SIGNAL: MEBIBYTE,
    FrameType.SHUTDOWN: 0,
    FrameType.RELEASE: 0,
    FrameType.IMPORTED: MEBIBYTE,
}
"""What ``init`` accepts from the frontend."""

INIT_SENT_LIMITS: Limits = {
    FrameType.READY: MEBIBYTE,
    FrameType.SPAWNED: MEBIBYTE,
    FrameType.EXITED: MEBIBYTE,
    FrameType.OUTPUT: MEBIBYTE,
    FrameType.ZYGOTE_EXITED: MEBIBYTE,
}
"""What the frontend accepts from ``init``."""

Buffer = bytes | bytearray | memoryview


def encode_message(
    frame_type: int,
    message_id: int,
    item: int = 0,
    body: Sequence[Buffer] = (),
    *,
    flags: int = 0,
    max_frame_length: int = MAX_FRAME_LENGTH,
) -> list[Buffer]:
    """Return the bytes of one message as buffers to be sent in order.

    Large bodies are not copied: the result holds views of them, so they must not change before
    they are sent. ``flags`` go on the last frame, STDERR on all. Raises `ProtocolError` where the
    message cannot be expressed.
    """
    total = 0
    for part in body:
        total += len(part)
    if total + LENGTH_OVERHEAD <= max_frame_length:
        header = HEADER.pack(total + LENGTH_OVERHEAD, frame_type, flags, item, message_id)
        if total <= _JOIN_BELOW:
            return [b"".join((header, *body))]
        return [header, *body]
    if total > 0xFFFFFFFF:
        raise ProtocolError(f"a message of {total} bytes cannot be sent, the most is {0xFFFFFFFF}")
    return _cut(frame_type, message_id, item, body, total, flags, max_frame_length)


_JOIN_BELOW = 16 * 1024


def _cut(
    frame_type: int,
    message_id: int,
    item: int,
    body: Sequence[Buffer],
    total: int,
    last_flags: int,
    max_frame_length: int,
) -> list[Buffer]:
    buffers: list[Buffer] = []
    parts = [memoryview(part) for part in body if len(part)]
    left = total
    first = True
    while left:
        overhead = LENGTH_OVERHEAD + (TOTAL.size if first else 0)
        size = min(left, max_frame_length - overhead)
        left -= size
        flags = (0 if first else FLAG_CONTINUED) | (
            FLAG_MORE | (last_flags & FLAG_STDERR) if left else last_flags
        )
        header = HEADER.pack(size + overhead, frame_type, flags, item, message_id)
        buffers.append(header + TOTAL.pack(total) if first else header)
        first = False
        while size:
            piece = parts[0][:size]
            buffers.append(piece)
            size -= len(piece)
            if len(piece) == len(parts[0]):
                parts.pop(0)
            else:
                parts[0] = parts[0][len(piece) :]
    return buffers

"""The requests of one call of the handler, on their way to the followers."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

from ts._protocol.errors import ProtocolError
from ts._protocol.messages import decode_predict, encode_predict
from ts._worker.inbox import Batch, PendingRequest

_SIZE = struct.Struct(">Q")


def wanted(requests: Sequence[PendingRequest]) -> list[PendingRequest]:
    """Return those that are to run, and make that final: every rank has to run the same.

    They have no deadline any more, so that none of them expires between here and the call.
    """
    now = time.monotonic()
    found = []
    for request in requests:
        if not request.cancelled and (request.deadline is None or request.deadline > now):
            request.deadline = None
            found.append(request)
    return found


def encode_run(requests: Sequence[PendingRequest]) -> bytes:
    """Encode requests whose parts are still there."""
    pieces: list[bytes] = []
    for request in requests:
        body = b"".join(encode_predict(request.input))
        pieces += (_SIZE.pack(len(body)), body)
    return b"".join(pieces)


def decode_run(number: int, body: bytearray) -> list[PendingRequest]:
    """Decode them, as one batch. Raises `ProtocolError`."""
    batch = Batch(number)
    at = 0
    while at < len(body):
        try:
            (size,) = _SIZE.unpack_from(body, at)
        except struct.error as error:
            raise ProtocolError(f"RUN of {len(body)} bytes is cut at {at}") from error
        at += _SIZE.size
        if size > len(body) - at:
            raise ProtocolError(f"a request of {size} bytes in a RUN with {len(body) - at} left")
        item = decode_predict(body[at : at + size])
        item.time_left_ms = 0
        batch.requests.append(PendingRequest(batch, len(batch.requests), item))
        at += size
    batch.complete = True
    return batch.requests

"""Bodies of the binary messages: PREDICT, RESPONSE, CHUNK and ERROR."""

from __future__ import annotations

import enum
import re
import struct
from collections.abc import Sequence
from typing import NamedTuple

from ts._protocol.errors import ProtocolError
from ts._protocol.frames import MAX_HEADERS, MAX_PARTS, MAX_TRACEBACK, MEBIBYTE, Buffer
from ts._protocol.text_fields import check_u16, read_str16, read_str32, str16, str32, text
from ts._protocol.texts import without_addresses

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_PREDICT_HEAD = struct.Struct(">BIH")
_PREDICT_HEADERS = struct.Struct(">HI")
_RESPONSE_HEAD = struct.Struct(">HBH")

_FOR_TENSORS = 0x80
"""Stands with the kind of a request for `PredictItem.tensors`."""
_FOLLOWED = 0x40
"""Stands with the kind of a request that has a `PredictItem.context`."""

Headers = Sequence[tuple[str, str]]

_TAKE_OVER_ABOVE = 64 * 1024
"""Values larger than this, at the end of a message, are cut out of it instead of copied."""


class RequestKind(enum.IntEnum):
    """What a request asks for."""

    PREDICT = 0
    EXPLAIN = 1
    DESCRIBE = 2


class BodyKind(enum.IntEnum):
    """What the handler returned; decides the default content type."""

    BYTES = 0
    TEXT = 1
    JSON = 2
    TENSOR = 3
    NONE = 4
    """Of a RESPONSE: a stream has ended, and its last part was a CHUNK."""


class Part(NamedTuple):
    """One named input of a request."""

    name: str
    content_type: str
    value: bytearray


_new_tuple = tuple.__new__


class EncodedHeaders(NamedTuple):
    """Headers as they came: few handlers look at them, so they are decoded when one does."""

    number: int
    encoded: bytes | bytearray

    def decode(self) -> list[tuple[str, str]]:
        """Return names and values. Raises `ProtocolError` where they are malformed."""
        data, at, headers = self.encoded, 0, []
        try:
            for _ in range(self.number):
                # A u16 by two indices is faster than by struct.
                size = data[at] << 8 | data[at + 1]
                at += 2
                name = data[at : at + size].decode("utf-8")
                at += size
                (size,) = _U32.unpack_from(data, at)
                at += 4
                headers.append((name, data[at : at + size].decode("utf-8")))
                at += size
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise ProtocolError(f"headers of a PREDICT are malformed: {error}") from error
        if at != len(data):
            raise ProtocolError(f"{len(data)} bytes of headers in a PREDICT take {at}")
        return headers


class PredictItem:
    """One request of a batch.

    Attributes:
        kind: A `RequestKind`.
        time_left_ms: Milliseconds to the deadline, 0 where there is none.
        request_id: The request's id.
        parts: Its inputs, in order.
        tensors: Whether the frontend reads tensors from the JSON of the answer, in which numbers
            need not be finite.
        context: The W3C ``traceparent`` of what its handler does, an empty text if only the times
            of that are wanted, or None if the request is not followed.
    """

    __slots__ = ("_headers", "context", "kind", "parts", "request_id", "tensors", "time_left_ms")

    def __init__(
        self,
        kind: int,
        time_left_ms: int,
        request_id: str,
        headers: EncodedHeaders | list[tuple[str, str]],
        parts: list[Part],
        tensors: bool = False,
        context: str | None = None,
    ) -> None:
        self.kind = kind
        self.time_left_ms = time_left_ms
        self.request_id = request_id
        self._headers = headers
        self.parts = parts
        self.tensors = tensors
        self.context = context

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values, in order. Raises `ProtocolError` where they are malformed."""
        headers = self._headers
        if isinstance(headers, EncodedHeaders):
            headers = self._headers = headers.decode()
        return headers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PredictItem) and all(
            getattr(self, name) == getattr(other, name) for name in (*self.__slots__[1:], "headers")
        )

    __hash__ = None  # type: ignore[assignment]


def decode_predict(body: memoryview | bytearray) -> PredictItem:
    """Decode one PREDICT message. A `bytearray` is taken over and must not be used afterwards."""
    data: bytes | bytearray
    if isinstance(body, bytearray):
        data = body
    elif len(body) <= _TAKE_OVER_ABOVE:
        data = bytes(body)
    else:
        data = bytearray(body)
    try:
        return _decode_predict(data)
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise ProtocolError(f"PREDICT of {len(body)} bytes is malformed: {error}") from error


def _decode_predict(data: bytes | bytearray) -> PredictItem:
    # The hottest code of a worker: a u16 by two indices is faster than by struct. A slice over the
    # end is short without an error, which the comparison with the length at the end finds.
    end = len(data)
    unpack_u32 = _U32.unpack_from
    kind, time_left_ms, size = _PREDICT_HEAD.unpack_from(data)
    at = _PREDICT_HEAD.size
    request_id = data[at : at + size].decode("utf-8")
    at += size
    tensors = kind >= _FOR_TENSORS
    if tensors:
        kind -= _FOR_TENSORS
    context = None
    if kind >= _FOLLOWED:
        kind -= _FOLLOWED
        size = data[at] << 8 | data[at + 1]
        at += 2
        context = _checked_context(data[at : at + size].decode("utf-8"))
        at += size
    count, size = _PREDICT_HEADERS.unpack_from(data, at)
    at += _PREDICT_HEADERS.size
    if kind > RequestKind.DESCRIBE or count > MAX_HEADERS:
        raise ProtocolError(f"PREDICT of kind {kind} with {count} headers")
    headers = _new_tuple(EncodedHeaders, (count, data[at : at + size]))
    at += size
    count = data[at] << 8 | data[at + 1]
    at += 2
    if count > MAX_PARTS:
        raise ProtocolError(f"PREDICT with {count} parts, the limit is {MAX_PARTS}")
    parts = []
    for _ in range(count):
        size = data[at] << 8 | data[at + 1]
        at += 2
        name = data[at : at + size].decode("utf-8")
        at += size
        size = data[at] << 8 | data[at + 1]
        at += 2
        content_type = data[at : at + size].decode("utf-8")
        at += size
        (size,) = unpack_u32(data, at)
        at += 4
        if size > _TAKE_OVER_ABOVE and at + size == end and isinstance(data, bytearray):
            # The start of a bytearray moves without copying the rest.
            del data[:at]
            value = data
        else:
            value = bytearray(data[at : at + size])
        at += size
        parts.append(_new_tuple(Part, (name, content_type, value)))
        if at >= end:
            break
    if at != end or len(parts) != count:
        raise ProtocolError(f"PREDICT has {end} bytes where its fields take {at} or more")
    return PredictItem(kind, time_left_ms, request_id, headers, parts, tensors, context)


_CONTEXT = re.compile(r"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?")


def _checked_context(context: str) -> str:
    if not _CONTEXT.fullmatch(context):
        raise ProtocolError(f"PREDICT with the handler context {context!r}, expected a traceparent")
    return context


def encode_predict(item: PredictItem) -> list[Buffer]:
    """Encode one PREDICT message; the frontend does this, and the tests' double of it."""
    headers = b"".join(str16(name) + str32(value) for name, value in item.headers)
    out: list[Buffer] = [
        struct.pack(
            ">BI",
            item.kind
            | (_FOR_TENSORS if item.tensors else 0)
            | (0 if item.context is None else _FOLLOWED),
            item.time_left_ms,
        ),
        str16(item.request_id),
        b"" if item.context is None else str16(item.context),
        _PREDICT_HEADERS.pack(len(item.headers), len(headers)),
        headers,
        _U16.pack(len(item.parts)),
    ]
    for part in item.parts:
        out += (str16(part.name), str16(part.content_type), _U32.pack(len(part.value)))
        out.append(part.value)
    return out


class Response(NamedTuple):
    """A decoded RESPONSE or CHUNK."""

    status: int
    kind: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


PLAIN_HEADS = tuple(_RESPONSE_HEAD.pack(0, kind, 0) + _U16.pack(0) for kind in BodyKind)
"""Heads without status, reason and headers, by body kind."""


def encode_response_head(status: int, kind: int, reason: str, headers: Headers) -> bytes:
    """Encode what stands before the body of a RESPONSE or CHUNK.

    Raises `ValueError` where a value does not fit: status not 0 or 100 to 999, too many headers,
    a name or reason over 65535 bytes.
    """
    if not (status == 0 or 100 <= status <= 999):
        raise ValueError(f"response status {status} is not between 100 and 999")
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"{len(headers)} response headers, the limit is {MAX_HEADERS}")
    encoded_reason = reason.encode("utf-8")
    check_u16(len(encoded_reason), "reason phrase")
    out = [
        _RESPONSE_HEAD.pack(status, kind, len(encoded_reason)),
        encoded_reason,
        _U16.pack(len(headers)),
    ]
    for name, value in headers:
        out += (str16(name), str32(value))
    head = b"".join(out)
    if len(head) > MEBIBYTE:
        raise ValueError(f"response headers take {len(head)} bytes, the limit is {MEBIBYTE}")
    return head


def decode_response(body: Buffer) -> Response:
    """Decode a RESPONSE or CHUNK; the frontend does this, and the tests' double of it."""
    view = memoryview(body)
    try:
        status, kind, size = _RESPONSE_HEAD.unpack_from(view)
        at = _RESPONSE_HEAD.size
        reason = text(view, at, size)
        at += size
        if kind > BodyKind.NONE:
            raise ProtocolError(f"response of body kind {kind}")
        headers, at = _decode_headers(view, at)
    except (struct.error, UnicodeDecodeError) as error:
        raise ProtocolError(f"response of {len(view)} bytes is malformed: {error}") from error
    return Response(status, kind, reason, headers, bytes(view[at:]))


class ErrorResponse(NamedTuple):
    """The end of an item, or of a batch, by an error. ``code`` is like an HTTP status."""

    code: int
    message: str
    detail: str = ""
    traceback: str = ""
    headers: Headers = ()


_MAX_ERROR_TEXT = 8 * 1024
_MAX_ERROR_HEADERS = 64 * 1024


def encode_error(error: ErrorResponse) -> bytes:
    """Encode an ERROR body; long texts are cut, of the traceback the end is kept.

    No text has an address of memory. Raises `ValueError` where the headers do not fit.
    """
    traceback = without_addresses(error.traceback).encode("utf-8", "backslashreplace")
    if len(traceback) > MAX_TRACEBACK:
        traceback = traceback[-MAX_TRACEBACK:].decode("utf-8", "ignore").encode("utf-8")
    message = _cut_text(without_addresses(error.message))
    detail = _cut_text(without_addresses(error.detail))
    return b"".join(
        (
            _U16.pack(error.code),
            _U16.pack(len(message)),
            message,
            _U32.pack(len(detail)),
            detail,
            _U32.pack(len(traceback)),
            traceback,
            _encode_headers(error.headers),
        )
    )


def _encode_headers(headers: Headers) -> bytes:
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"{len(headers)} response headers, the limit is {MAX_HEADERS}")
    encoded = b"".join(str16(name) + str32(value) for name, value in headers)
    if len(encoded) > _MAX_ERROR_HEADERS:
        raise ValueError(
            f"response headers take {len(encoded)} bytes, the limit is {_MAX_ERROR_HEADERS}"
        )
    return _U16.pack(len(headers)) + encoded


def _decode_headers(view: memoryview, at: int) -> tuple[list[tuple[str, str]], int]:
    (count,) = _U16.unpack_from(view, at)
    at += 2
    if count > MAX_HEADERS:
        raise ProtocolError(f"{count} headers, the limit is {MAX_HEADERS}")
    headers = []
    for _ in range(count):
        name, at = read_str16(view, at)
        value, at = read_str32(view, at)
        headers.append((name, value))
    return headers, at


def decode_error(body: Buffer) -> ErrorResponse:
    """Decode an ERROR body."""
    view = memoryview(body)
    try:
        (code,) = _U16.unpack_from(view)
        message, at = read_str16(view, 2)
        detail, at = read_str32(view, at)
        traceback, at = read_str32(view, at)
        headers, at = _decode_headers(view, at)
    except (struct.error, UnicodeDecodeError) as error:
        raise ProtocolError(f"ERROR of {len(view)} bytes is malformed: {error}") from error
    if at != len(view):
        raise ProtocolError(f"ERROR has {len(view)} bytes where its fields take {at}")
    return ErrorResponse(code, message, detail, traceback, headers)


def _cut_text(text: str) -> bytes:
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= _MAX_ERROR_TEXT:
        return encoded
    return encoded[: _MAX_ERROR_TEXT - 3].decode("utf-8", "ignore").encode("utf-8") + b"..."

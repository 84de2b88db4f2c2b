"""What the rows of a batch hold, whichever way the client sent it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from ts.utils.util import PredictionException

_DATA_URI = "data:"


def file_content(value: Any) -> Any:
    """Return the bytes of a file that came as Base64 or as a data URI; other values as they are.

    Raises:
        PredictionException: 400, the text is not Base64.
    """
    if isinstance(value, (bytes, bytearray)) and value[:5].lower() == _DATA_URI.encode():
        # No file of an image begins so.
        value = value.decode("latin-1")
    return decode_base64(value) if isinstance(value, str) else value


def payload_of(row: Any) -> Any:
    """Return the payload of a row: its ``data`` or else ``body``.

    A row that is not a dict, as an envelope gives it, is the payload. A JSON payload of the form
    ``{"data": ...}`` stands for what is inside.
    """
    value = row
    if isinstance(row, Mapping):
        value = row.get("data")
        if value is None or (isinstance(value, (str, bytes, bytearray)) and not value):
            value = row.get("body")
    if isinstance(value, Mapping) and "data" in value:
        return value["data"]
    return value


def decode_base64(text: str) -> bytes:
    """Decode Base64 that a client sent, also as a data URI (RFC 2397).

    Raises:
        PredictionException: 400, it is not Base64.
    """
    if text[:5].lower() == _DATA_URI:
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise PredictionException(
                f"The input begins with {head[:60]!r}, expected data:<type>;base64,<Base64>", 400
            )
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError) as e:
        raise PredictionException(f"The text is not Base64: {e}", 400) from e


def checked_target(target: int | tuple[int, ...], shape: Sequence[int]) -> Any:
    """Return the class to explain, counted from the first one.

    Args:
        target: As `target_of` returns it. Negative, it counts from the last class, as in Python.
        shape: Of the scores of one request.

    Raises:
        PredictionException: 400, there is no such class.
    """
    indices = target if isinstance(target, tuple) else (target,)
    if len(indices) != len(shape) or any(
        not -size <= index < size for index, size in zip(indices, shape)
    ):
        raise PredictionException(
            f"target {target!r}, expected the index of a class, for scores of the shape"
            f" {list(shape)}",
            400,
        )
    counted = tuple(index % size for index, size in zip(indices, shape))
    return counted if isinstance(target, tuple) else counted[0]


def target_of(row: Any) -> int | tuple[int, ...]:
    """Return the class to explain: ``target`` of the row or of its JSON body, else 0.

    Raises:
        PredictionException: 400, it is not the index of a class.
    """
    target = None
    if isinstance(row, Mapping):
        target = row.get("target")
        if target is None:
            body = row.get("data") or row.get("body")
            target = body.get("target") if isinstance(body, Mapping) else None
    if target is None:
        return 0
    try:
        if isinstance(target, (list, tuple)):
            return tuple(int(index) for index in target)
        return int(target.decode() if isinstance(target, (bytes, bytearray)) else target)
    except (TypeError, ValueError, OverflowError) as e:
        raise PredictionException(f"target {target!r}, expected the index of a class", 400) from e

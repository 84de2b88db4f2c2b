"""Between bytes and the values that handlers take and return."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

from ts._protocol.frames import Buffer
from ts._protocol.messages import BodyKind, Part, PredictItem
from ts._worker.json_text import dumps_indented
from ts._worker.non_finite import JsonNan
from ts.context import RequestHeaders, RequestProcessor

logger = logging.getLogger(__name__)

_BINARY = "application/octet-stream"


def decode_request(request: PredictItem, decode: bool) -> tuple[dict[str, Any], RequestProcessor]:
    """Return the handler's dict of one request, and its headers.

    Without `decode` every value stays a `bytearray`. Of values with one name the last is in the
    dict; `RequestProcessor.get_all_values` has all. Headers get an entry per part that tells its
    content type, unless the request has a header of that name.
    """
    data: dict[str, Any] = {}
    values: list[tuple[str, Any]] = []
    types: list[tuple[str, str]] = []
    for part in request.parts:
        name, content_type, value = part
        if decode and content_type and content_type != _BINARY:
            value = decode_part(part)
        data[name] = value
        values.append((name, value))
        types.append((name, content_type))
    return data, RequestProcessor(LateHeaders(request, types), values)


class LateHeaders:
    """The headers of a request, put together when a handler asks for them."""

    __slots__ = ("_request", "_types")

    def __init__(self, request: PredictItem, types: list[tuple[str, str]]) -> None:
        self._request = request
        self._types = types

    def read(self) -> RequestHeaders:
        """Return a new map. Raises `ProtocolError` where the headers are malformed."""
        headers = RequestHeaders(self._request.headers)
        for name, content_type in self._types:
            headers.setdefault(name, {"content-type": content_type})
        return headers


def decode_part(part: Part) -> Any:
    """Decode JSON and text by the content type; anything else, or bad text, stays bytes."""
    kind = part.content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return json.loads(part.value.decode("utf-8"))
        if kind.startswith("text"):
            return part.value.decode("utf-8")
    except (ValueError, RecursionError) as error:
        logger.warning(
            "Input %r is not the %s it claims to be (%s); the handler gets its bytes",
            part.name,
            part.content_type,
            error,
        )
    return part.value


def encode_value(value: Any, nan: JsonNan) -> tuple[BodyKind, Buffer]:
    """Encode what a handler returned for one request; raises whatever its encoding raises.

    Args:
        value: The result.
        nan: What becomes of NaN and the infinities where the result becomes JSON.

    Raises `NotFiniteError` for such a number, where that is an error.
    """
    if isinstance(value, (bytes, bytearray)):
        return BodyKind.BYTES, value
    if isinstance(value, str):
        return BodyKind.TEXT, value.encode("utf-8")
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        buffer = io.BytesIO()
        torch.save(_alone(value, torch), buffer)
        return BodyKind.TENSOR, buffer.getbuffer()
    return BodyKind.JSON, dumps_indented(value, nan).encode("utf-8")


def _alone(tensor: Any, torch: Any) -> Any:
    """Return a tensor that shares no memory with others: `torch.save` writes all of the memory.

    A row of a batch would take the rows of other clients with it.
    """
    if tensor.layout != torch.strided or tensor.is_meta:
        return tensor
    own = tensor.numel() * tensor.element_size()
    return tensor.clone() if tensor.untyped_storage().nbytes() > own else tensor

"""Sends the words of the body back, one at a time. Shows streaming; needs no torch."""

from __future__ import annotations

import json
from typing import Any

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.utils.util import PredictionException


def handle(data: Any, context: Any) -> list[str] | None:
    """Stream the words of each request of the batch, then a summary in JSON.

    Called once with ``None`` to initialise.
    """
    if data is None:
        return None
    texts = [text_of(row) for row in data]
    words = [text.split() for text in texts]
    for index in range(max(map(len, words), default=0)):
        # One chunk for every request of the batch; those that are through get an empty one.
        chunks = [request[index] + "\n" if index < len(request) else "" for request in words]
        send_intermediate_predict_response(chunks, context.request_ids, "word", 200, context)
    return [
        json.dumps({"words": len(request), "characters": len(text)}) + "\n"
        for request, text in zip(words, texts, strict=True)
    ]


def text_of(row: dict[str, Any]) -> str:
    """Return the text of a request.

    Raises:
        PredictionException: 400, it is not text.
    """
    value = row.get("data") or row.get("body") or ""
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as e:
            raise PredictionException(f"The body is not text in UTF-8: {e}", 400) from e
    if not isinstance(value, str):
        raise PredictionException(f"The body is {type(value).__name__}, expected text", 400)
    return value

"""The streaming handler of TorchServe and TorchServe Next."""

from __future__ import annotations

from typing import Any

from ts.handler_utils.utils import send_intermediate_predict_response
from work import chunks  # type: ignore[import-not-found,unused-ignore]


def handle(data: Any, context: Any) -> list[str] | None:
    """Send all chunks but the last, and return that one."""
    if data is None:
        return None
    *first, last = chunks()
    for chunk in first:
        send_intermediate_predict_response([chunk], context.request_ids, "chunk", 200, context)
    return [last]

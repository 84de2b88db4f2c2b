"""Which request ids belong to a sample."""

from __future__ import annotations

from collections.abc import Mapping


def resolve_request_ids(request_ids: Mapping[int, str] | str | None, idx: int | None) -> str:
    """Return the id of request `idx` of the batch, or without `idx` all ids joined by commas.

    While a model loads there is a single id, a string, whatever `idx` is. Unknown gives ``""``.
    """
    if not request_ids:
        return ""
    if isinstance(request_ids, str):
        return request_ids
    if idx is not None:
        return str(request_ids.get(idx) or "")
    return ",".join(str(request_id) for request_id in request_ids.values())

"""Which request ids belong to a sample."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

RequestIds = Mapping[int, str] | str | UUID | None


def resolve_request_ids(request_ids: RequestIds, idx: int | None) -> str:
    """Return the id of request `idx` of the batch, or without `idx` all ids joined by commas.

    While a model loads there is a single id, whatever `idx` is; contexts that tests of handlers
    make up have one too, often a `UUID`. Unknown gives ``""``.
    """
    if not request_ids:
        return ""
    if not isinstance(request_ids, Mapping):
        return str(request_ids)
    if idx is not None:
        return str(request_ids.get(idx) or "")
    return ",".join(str(request_id) for request_id in request_ids.values())

"""Rows of a batch as the JSON envelopes read and join them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ts._worker.result_streams import stands_for_its_request
from ts.utils.util import PredictionException


def json_of(row: Any, position: int) -> Any:
    """Return the JSON of a row: ``data``, ``body`` or the row itself, decoded if it is text.

    Raises:
        PredictionException: 400, it is not JSON.
    """
    value = row
    if isinstance(row, Mapping):
        value = row.get("data") or row.get("body") or row
    if isinstance(value, (bytes, bytearray, str)):
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as e:
            raise PredictionException(f"Request {position} is not JSON: {e}", 400) from e
    return value


def list_of(request: Any, key: str, position: int) -> list[Any]:
    """Return the list under `key` of a request.

    Raises:
        PredictionException: 400, there is no such list.
    """
    if not isinstance(request, Mapping):
        raise PredictionException(
            f'Request {position} is a JSON {type(request).__name__}, expected {{"{key}": [...]}}',
            400,
        )
    value = request.get(key)
    if not isinstance(value, list):
        found = "missing" if key not in request else f"a JSON {type(value).__name__}"
        raise PredictionException(f'Request {position}: "{key}" is {found}, expected a list', 400)
    return value


def own_result(part: Any) -> Any:
    """Return what a request's results hold that is sent as it is: an error or a stream; or None."""
    if isinstance(part, list):
        return next(filter(stands_for_its_request, part), None)
    return part if stands_for_its_request(part) else None


def split(results: Any, lengths: Sequence[int], what: str) -> list[Any]:
    """Give each request its part of the results.

    A single request gets them all, as many as they are.

    Args:
        results: What the handler returned.
        lengths: How many items each request had.
        what: What items are called in the error.

    Raises:
        PredictionException: 503, the handler returned another number of results.
    """
    if len(lengths) == 1:
        return [results]
    if len(results) != sum(lengths):
        raise PredictionException(
            f"The handler returned {len(results)} results for {sum(lengths)} {what} of "
            f"{len(lengths)} requests, expected one each",
            503,
        )
    parts = []
    start = 0
    for length in lengths:
        parts.append(results[start : start + length])
        start += length
    return parts

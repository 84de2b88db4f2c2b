"""The envelope of the KServe protocol, version 1."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from ts.torch_handler.request_envelope._rows import json_of, list_of, own_result, split
from ts.torch_handler.request_envelope.base import BaseEnvelope
from ts.utils._row_errors import read_rows

# How many instances each request of the running batch had.
_lengths: ContextVar[tuple[int, ...]] = ContextVar("kserve_envelope_lengths", default=(0,))


class KServeEnvelope(BaseEnvelope):
    """Gives the handler the instances of all requests in one list.

    The answer to each request is ``{"predictions": [...]}`` with its own results, or
    ``{"explanations": [...]}`` where an explanation was asked for.
    """

    def parse_input(self, data: Any) -> list[Any]:
        """Return the instances of all rows.

        Raises:
            PredictionException: 400, a request is not of this form.
        """
        requests = read_rows(
            data, lambda row, position: list_of(json_of(row, position), "instances", position)
        )
        _lengths.set(tuple(len(instances) for instances in requests))
        return [instance for instances in requests for instance in instances]

    def format_output(self, data: Any) -> list[Any]:
        """Return each request's object."""
        key = "explanations" if self._is_explain() else "predictions"
        parts = split(data, _lengths.get(), "instances")
        return [own_result(part) or {key: part} for part in parts]

    def _lengths(self) -> Sequence[int]:
        return _lengths.get()

    def _is_explain(self) -> bool:
        # The batcher never mixes predictions and explanations in one batch.
        context = self.context
        return hasattr(context, "get_request_header") and (
            context.get_request_header(0, "explain") in ("True", True)
        )

"""The envelope of ``{"instances": [...]}`` with Base64 values."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from ts._worker.json_text import dumps_compact
from ts._worker.non_finite import JsonNan
from ts.torch_handler.request_envelope._rows import json_of, list_of, own_result, split
from ts.torch_handler.request_envelope.base import BaseEnvelope
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException

# How many instances each request of the running batch had.
_lengths: ContextVar[tuple[int, ...]] = ContextVar("json_envelope_lengths", default=(0,))


class JSONEnvelope(BaseEnvelope):
    """Gives the handler the instances of all requests in one list.

    The answer to each request is the text ``{"predictions": [...]}`` with its own results.
    ``{"b64": "..."}`` as an instance, or as a value in it, stands for bytes.
    """

    def parse_input(self, data: Any) -> list[Any]:
        """Return the instances of all rows.

        Raises:
            PredictionException: 400, a request is not of this form.
        """
        requests = read_rows(data, self._instances_of)
        _lengths.set(tuple(len(instances) for instances in requests))
        return [instance for instances in requests for instance in instances]

    def format_output(self, data: Any) -> list[Any]:
        """Return the text of each request's predictions."""
        parts = split(data, _lengths.get(), "instances")
        return [own_result(part) or self._text_of({"predictions": part}) for part in parts]

    @staticmethod
    def _text_of(answer: dict[str, Any]) -> Any:
        """Return the text of an answer, or the answer itself if it has none.

        The worker then fails that request, and the others of the batch are answered.
        """
        try:
            return dumps_compact(answer, JsonNan.of_environment())
        except (TypeError, ValueError, RecursionError):
            return answer

    def _instances_of(self, row: Any, position: int) -> list[Any]:
        instances = list_of(json_of(row, position), "instances", position)
        return [self._decode(instance) for instance in instances]

    def _lengths(self) -> Sequence[int]:
        return _lengths.get()

    def _decode(self, instance: Any) -> Any:
        if not isinstance(instance, Mapping):
            return instance
        if "b64" in instance:
            return self._decode_base64(instance)
        return {
            key: self._decode_base64(value)
            if isinstance(value, Mapping) and "b64" in value
            else value
            for key, value in instance.items()
        }

    @staticmethod
    def _decode_base64(value: Mapping[str, Any]) -> bytes:
        try:
            return base64.b64decode(value["b64"])
        except (TypeError, binascii.Error, ValueError) as e:
            raise PredictionException(f'A value of "b64" is not Base64: {e}', 400) from e

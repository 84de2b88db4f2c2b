"""The envelope of the open inference protocol, which is KServe's version 2."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from ts.torch_handler.request_envelope._rows import json_of, list_of, own_result, split
from ts.torch_handler.request_envelope._tensors import decode_input, encode_output
from ts.torch_handler.request_envelope.base import BaseEnvelope
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException

# The requests of the running batch.
_requests: ContextVar[tuple[Any, ...]] = ContextVar("kservev2_envelope_requests", default=())


class KServev2Envelope(BaseEnvelope):
    """Gives the handler the input objects of all requests in one list.

    ``data`` of an input is an array of its datatype and shape. Each result of the handler becomes
    an output object with its datatype and shape, named as the request's ``outputs`` or else its
    inputs.
    """

    def parse_input(self, data: Any) -> list[dict[str, Any]]:
        """Return the inputs of all rows.

        Raises:
            PredictionException: 400, a request is not of this form.
        """
        read = read_rows(data, _read_request)
        _requests.set(tuple(request for request, _ in read))
        return [tensor for _, inputs in read for tensor in inputs]

    def format_output(self, data: Any) -> list[Any]:
        """Return each request's object.

        Raises:
            PredictionException: 503, the number of results does not fit the requests.
        """
        requests = _requests.get()
        parts = split(data, self._lengths(), "inputs")
        return [
            own_result(results) or self._answer(request, results, position)
            for position, (request, results) in enumerate(zip(requests, parts, strict=True))
        ]

    def _answer(self, request: Any, results: Any, position: int) -> dict[str, Any]:
        inputs = request["inputs"]
        wanted = request.get("outputs")
        names = [tensor["name"] for tensor in inputs]
        if isinstance(wanted, list) and len(wanted) == len(results):
            names = [
                _name_of(output, names[index] if index < len(names) else f"output_{index}")
                for index, output in enumerate(wanted)
            ]
        if len(results) > len(names):
            raise PredictionException(
                f"The handler returned {len(results)} outputs for {len(names)} inputs of request "
                f"{position}, expected at most one each",
                503,
            )
        context = self.context
        model = ((getattr(context, "manifest", None) or {}).get("model")) or {}
        request_id = request.get("id")
        if not request_id and hasattr(context, "get_request_id"):
            request_id = context.get_request_id(position)
        return {
            "id": request_id,
            "model_name": getattr(context, "model_name", None) or model.get("modelName"),
            "model_version": model.get("modelVersion"),
            "outputs": [
                encode_output(result, names[index], self._datatype(inputs, index))
                for index, result in enumerate(results)
            ],
        }

    def _lengths(self) -> Sequence[int]:
        return [len(request["inputs"]) for request in _requests.get()]

    @staticmethod
    def _datatype(inputs: list[dict[str, Any]], index: int) -> str | None:
        return inputs[index]["datatype"] if index < len(inputs) else None


def _read_request(row: Any, position: int) -> tuple[Any, list[dict[str, Any]]]:
    """Return a request and its inputs, decoded."""
    request = json_of(row, position)
    tensors = list_of(request, "inputs", position)
    if not tensors:
        raise PredictionException(f'Request {position}: "inputs" is empty', 400)
    return request, [
        decode_input(tensor, f"Request {position}, input {index}")
        for index, tensor in enumerate(tensors)
    ]


def _name_of(output: Any, otherwise: str) -> str:
    """Return the name of an output that was asked for; one without a name has `otherwise`."""
    name = output.get("name") if isinstance(output, dict) else None
    return name if isinstance(name, str) else otherwise

"""The envelope of the open inference protocol, which is KServe's version 2."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ts.torch_handler.request_envelope._rows import json_of, list_of, split
from ts.torch_handler.request_envelope._tensors import decode_input, encode_output
from ts.torch_handler.request_envelope.base import BaseEnvelope
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
        requests = tuple(json_of(row, position) for position, row in enumerate(data))
        inputs: list[dict[str, Any]] = []
        for position, request in enumerate(requests):
            tensors = list_of(request, "inputs", position)
            if not tensors:
                raise PredictionException(f'Request {position}: "inputs" is empty', 400)
            inputs.extend(
                decode_input(tensor, f"Request {position}, input {index}")
                for index, tensor in enumerate(tensors)
            )
        _requests.set(requests)
        return inputs

    def format_output(self, data: Any) -> list[dict[str, Any]]:
        """Return each request's object.

        Raises:
            PredictionException: 503, the number of results does not fit the requests.
        """
        requests = _requests.get()
        parts = split(data, [len(request["inputs"]) for request in requests], "inputs")
        return [
            self._answer(request, results, position)
            for position, (request, results) in enumerate(zip(requests, parts, strict=True))
        ]

    def _answer(self, request: Any, results: Any, position: int) -> dict[str, Any]:
        inputs = request["inputs"]
        wanted = request.get("outputs")
        names = [tensor["name"] for tensor in inputs]
        if isinstance(wanted, list) and len(wanted) == len(results):
            names = [
                output.get("name", name) if isinstance(output, dict) else name
                for output, name in zip(wanted, names, strict=False)
            ] + [str(output.get("name")) for output in wanted[len(names) :]]
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

    @staticmethod
    def _datatype(inputs: list[dict[str, Any]], index: int) -> str | None:
        return inputs[index]["datatype"] if index < len(inputs) else None

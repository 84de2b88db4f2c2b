"""A loaded model: its context and its entry point."""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from ts._loader.manifest import read_model_config
from ts._protocol.texts import without_addresses
from ts._worker.failures import NOT_A_LIST, WRONG_LENGTH, is_out_of_resources
from ts.context import Context, RequestProcessor
from ts.protocol.otf_message_handler import create_predict_response
from ts.utils.util import PredictionException
from ts.version import __version__

__all__ = ["PREDICTION_METRIC", "PredictionException", "Service", "emit_metrics"]

PREDICTION_METRIC = "PredictionTime"
"""Name of the metric that holds the milliseconds a handler took for a batch."""

logger = logging.getLogger(__name__)


class Service:
    """A model that is loaded.

    `predict` speaks the message format of TorchServe 0.12 and is there for tests of handlers; the
    worker calls `entry_point` itself.

    Raises `ValueError` or `OSError` if the model's configuration file cannot be used.
    """

    def __init__(
        self,
        model_name: str,
        model_dir: str,
        manifest: dict[str, Any] | None,
        entry_point: Callable[[Any, Context], Any],
        gpu: int | None,
        batch_size: int,
        limit_max_image_pixels: bool = True,
        metrics_cache: Any = None,
    ) -> None:
        self._context = Context(
            model_name,
            model_dir,
            manifest,
            batch_size,
            gpu,
            __version__,
            limit_max_image_pixels,
            metrics_cache,
            read_model_config(model_dir, manifest),
        )
        self._entry_point = entry_point

    @property
    def context(self) -> Context:
        """The context the handler gets."""
        return self._context

    @property
    def entry_point(self) -> Callable[[Any, Context], Any]:
        """The handler: takes a list with one dict per request, and the context."""
        return self._entry_point

    def set_cl_socket(self, cl_socket: socket.socket) -> None:
        """Set the connection that the context shows."""
        self._context.cl_socket = cl_socket

    @staticmethod
    def retrieve_data_for_inference(
        batch: list[dict[str, Any]] | None,
    ) -> tuple[list[RequestProcessor], list[dict[str, Any]], dict[int, str]]:
        """Return headers, inputs and ids of a batch of decoded requests of 0.12.

        Raises `ValueError` if there is no batch.
        """
        if batch is None:
            raise ValueError("Received invalid inputs")
        headers, inputs, ids = [], [], {}
        for index, request in enumerate(batch):
            ids[index] = request["requestId"].decode("utf-8")
            values = {
                header["name"].decode("utf-8"): header["value"].decode("utf-8")
                for header in request.get("headers") or ()
            }
            data: dict[str, Any] = {}
            for parameter in request.get("parameters") or ():
                data[parameter["name"]] = parameter["value"]
                values.setdefault(parameter["name"], {"content-type": parameter["contentType"]})
            inputs.append(data)
            headers.append(RequestProcessor(values))
        return headers, inputs, ids

    def predict(self, batch: list[dict[str, Any]] | None) -> bytearray | None:
        """Run a batch of decoded requests of 0.12 and return its response message."""
        inputs = self._begin(self._context, batch)
        started = time.time()
        try:
            result = self._entry_point(inputs, self._context)
        except Exception as error:
            return self._answer_failure(self._context, error)
        return self._answer(self._context, result, time.time() - started)

    @staticmethod
    def _begin(context: Context, batch: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        """Set the batch fields of a context and return the handler's inputs."""
        headers, inputs, ids = Service.retrieve_data_for_inference(batch)
        context.request_ids = ids
        context.request_processor = headers
        context.stopping_criteria = None
        if context.metrics is not None:
            context.metrics.set_request_ids(ids)
        return inputs

    @staticmethod
    def _answer(context: Context, result: Any, took_sec: float) -> bytearray | None:
        ids = context.request_ids or {}
        if not isinstance(result, list):
            logger.warning("The handler returned %s, expected list", type(result).__name__)
            return create_predict_response(None, ids, NOT_A_LIST, 503, context)
        if len(result) != len(ids):
            logger.warning("%d results for %d requests", len(result), len(ids))
            return create_predict_response(None, ids, WRONG_LENGTH, 503, context)
        if context.metrics is not None:
            context.metrics.add_time(PREDICTION_METRIC, round(took_sec * 1000, 2))
        return create_predict_response(result, ids, "Prediction success", 200, context)

    @staticmethod
    def _answer_failure(context: Context, error: Exception) -> bytearray | None:
        logger.warning("Invoking the handler failed", exc_info=error)
        code, message = _code_of(error)
        return create_predict_response(None, context.request_ids or {}, message, code, context)


def _code_of(error: Exception) -> tuple[int, str]:
    if isinstance(error, PredictionException):
        return error.error_code, without_addresses(str(error.message))
    if is_out_of_resources(error):
        return 507, "Out of resources"
    return 503, "Prediction failed"


def emit_metrics(metrics: Iterable[Any] | None) -> None:
    """Print each metric as a line with the prefix ``[METRICS]``."""
    for metric in metrics or ():
        print(f"[METRICS]{metric}", file=sys.stdout, flush=True)

"""What all envelopes share."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ts._worker.result_streams import is_stream
from ts.utils._row_errors import RowErrors


class BaseEnvelope(ABC):
    """Stands around a handler's entry point and translates its input and its output.

    Around a coroutine function, ``handle`` is one too. What `format_output` must know about the
    batch is kept in context variables, so batches that run at the same time do not meet.

    Args:
        handle_fn: The entry point, called with the data and the context.
    """

    def __init__(self, handle_fn: Callable[[Any, Any], Any]) -> None:
        self._handle_fn = handle_fn
        self.context: Any = None
        self._is_async = inspect.iscoroutinefunction(handle_fn) or inspect.iscoroutinefunction(
            getattr(handle_fn, "__call__", None)  # noqa: B004 - an object with async __call__
        )
        if self._is_async and type(self).handle is BaseEnvelope.handle:
            self.handle = self._handle_async  # type: ignore[method-assign]

    def handle(self, data: Any, context: Any) -> Any:
        """Translate a batch, call the handler, and translate what it returns.

        Around a coroutine function it returns a coroutine.

        Args:
            data: The rows of the batch.
            context: The context of the batch.
        """
        return (self._handle_async if self._is_async else self._handle)(data, context)

    @abstractmethod
    def parse_input(self, data: Any) -> Any:
        """Turn the rows of the batch into what the handler takes."""

    @abstractmethod
    def format_output(self, data: Any) -> Any:
        """Turn what the handler returned into one answer per request."""

    def _lengths(self) -> Sequence[int] | None:
        """Return how many rows each request of the running batch had; None for one each."""
        return None

    def _errors_of_requests(self, error: RowErrors, rows: Any) -> RowErrors:
        return error.of_requests(rows, self._lengths())

    def _handle(self, data: Any, context: Any) -> Any:
        self.context = context
        rows = self._parse(data, context)
        try:
            results = self._handle_fn(rows, context)
        except RowErrors as error:
            raise self._errors_of_requests(error, rows) from error
        return self._formatted(results)

    async def _handle_async(self, data: Any, context: Any) -> Any:
        self.context = context
        rows = self._parse(data, context)
        try:
            results = await self._handle_fn(rows, context)
        except RowErrors as error:
            raise self._errors_of_requests(error, rows) from error
        return self._formatted(results)

    def _formatted(self, results: Any) -> Any:
        # A generator that stands alone is the answer to the one request of its batch.
        return results if not results or is_stream(results) else self.format_output(results)

    def _parse(self, data: Any, context: Any) -> Any:
        is_describe = hasattr(context, "get_request_header") and (
            context.get_request_header(0, "describe") == "True"
        )
        # A request for a description has no input that could be translated.
        return self.parse_input(data) if data and not is_describe else data

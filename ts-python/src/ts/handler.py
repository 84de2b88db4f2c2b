"""What handlers import to say what they take and give, and to answer an error of their choice.

The page docs/handlers.md is the guide to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from typing import Any, Protocol

from ts._worker.failures import RequestCancelled
from ts._worker.result_streams import NOT_YET
from ts.context import Context
from ts.utils.util import PredictionException

__all__ = [
    "NOT_YET",
    "AsyncHandler",
    "Context",
    "Data",
    "Handler",
    "PredictionException",
    "RequestCancelled",
    "RequestData",
    "RequestError",
    "Results",
]

RequestData = dict[str, Any]
"""The inputs of one request by their names; a body that has no name is ``body``."""

Data = list[RequestData]
"""What a handler is given: the requests of a batch, in order."""

Results = list[Any] | Iterator[Any]
"""What a handler returns: one result for each request; with batch size 1 also a generator alone.

A result is bytes, text, what becomes JSON, a generator of such parts, or an exception.
"""

_LOWEST_STATUS = 400
_HIGHEST_STATUS = 599


class RequestError(PredictionException):
    """An error with a status, a message and headers of the handler's choice.

    Raised, it answers all requests of the batch, or ends the stream whose generator raises it. As
    a result, or as a part of a stream, it answers one request. With 4xx the client is at fault:
    then the model log has no traceback, and the worker is not counted as failing.

    Args:
        status: 400 to 599.
        message: The member ``message`` of the error's body.
        headers: Headers of the response, such as ``{"Retry-After": "3"}``.

    Raises `ValueError` for another status.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        if not isinstance(status, int) or not _LOWEST_STATUS <= status <= _HIGHEST_STATUS:
            raise ValueError(
                f"status {status!r} of a RequestError, expected {_LOWEST_STATUS} to"
                f" {_HIGHEST_STATUS}"
            )
        super().__init__(message, status)
        self.status = status
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        return f"{self.status} {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.message, self.headers)


class Handler(Protocol):
    """A class of a handler."""

    def initialize(self, context: Context) -> None:
        """Load the model; called once in each worker."""

    def handle(self, data: Data, context: Context) -> Results:
        """Return a result for each request of a batch."""
        ...


class AsyncHandler(Protocol):
    """A class of a handler whose requests run side by side; see ``concurrency``."""

    def initialize(self, context: Context) -> Any:
        """Load the model; may be a coroutine function."""

    def handle(self, data: Data, context: Context) -> Awaitable[Any] | AsyncIterator[Any]:
        """Return the results: a coroutine function, or an asynchronous generator function."""
        ...

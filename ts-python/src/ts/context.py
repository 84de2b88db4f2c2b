"""What a handler knows about its model and about the requests of the batch it runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ts._worker.handler_run import HandlerRun


class RequestHeaders(dict[str, Any]):
    """Request headers by their original spelling; look-up ignores case.

    A header that came twice has its last value.
    """

    __slots__ = ("_spelling",)

    def __init__(self, headers: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(headers)
        self._spelling: dict[str, str] | None = None

    def _find(self, key: str) -> str:
        """Return the spelling under which `key` is stored, or `key`."""
        if not isinstance(key, str) or super().__contains__(key):
            return key
        spelling = self._spelling
        if spelling is None or len(spelling) != len(self):
            spelling = self._spelling = {name.lower(): name for name in self}
        return spelling.get(key.lower(), key)

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__(self._find(key))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and super().__contains__(self._find(key))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a header, whatever its case, or `default`."""
        found = super().get(key, _MISSING)
        if found is not _MISSING:
            return found
        return super().get(self._find(key), default)


_MISSING = object()


class HeaderSource(Protocol):
    """What can read the headers of a request later."""

    def read(self) -> RequestHeaders:
        """Return the headers."""
        ...


class RequestProcessor:
    """The headers of one request and what is to be the head of its response."""

    __slots__ = ("_code", "_phrase", "_request_header", "_response_header", "_values")

    def __init__(
        self,
        request_header: Mapping[str, Any] | HeaderSource,
        values: Sequence[tuple[str, Any]] = (),
    ) -> None:
        self._code: int | None = None
        self._phrase: str | None = None
        self._response_header: dict[str, Any] | None = None
        self._request_header = request_header
        self._values = values

    def get_request_property(self, key: str) -> Any:
        """Return the value of a request header, whatever its case, or None."""
        return self.get_request_properties().get(key)

    def get_request_properties(self) -> dict[str, Any]:
        """Return all request headers by their original spelling; the object itself."""
        headers = self._request_header
        if not isinstance(headers, RequestHeaders):
            headers = RequestHeaders(headers) if isinstance(headers, Mapping) else headers.read()
            self._request_header = headers
        return headers

    def get_all_values(self, name: str) -> list[Any]:
        """Return every value that came under one parameter name, in order."""
        return [value for key, value in self._values if key == name]

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        """Set the status of the response."""
        self._code = code
        self._phrase = reason_phrase

    def get_response_status_code(self) -> int:
        """Return the status of the response; 200 if none was set."""
        return 200 if self._code is None else self._code

    def get_response_status_phrase(self) -> str | None:
        """Return the reason phrase, or None if none was set."""
        return self._phrase

    def has_response_status(self) -> bool:
        """Return whether the handler set a status."""
        return self._code is not None

    def add_response_property(self, key: str, value: Any) -> None:
        """Set a response header."""
        self.get_response_headers()[key] = value

    def get_response_headers(self) -> dict[str, Any]:
        """Return the response headers that were set; the object itself."""
        if self._response_header is None:
            self._response_header = {}
        return self._response_header

    def get_response_header(self, key: str) -> Any:
        """Return one response header, or None."""
        return None if self._response_header is None else self._response_header.get(key)

    def has_plain_response(self) -> bool:
        """Return whether neither a status nor a header was set for the response."""
        return self._code is None and not self._response_header

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestProcessor):
            return NotImplemented
        return self._state() == other._state()

    def _state(self) -> tuple[Any, ...]:
        headers = self.get_request_properties(), self.get_response_headers()
        return (*headers, self._code, self._phrase, self._values)

    __hash__ = object.__hash__


class Context:
    """One object per model and worker; what belongs to a batch is replaced before each call.

    Handlers may add attributes of their own, which live as long as the worker. With
    ``concurrency`` or ``asyncCommunication`` every call gets a shallow copy: attributes set while
    loading are shared, attributes that a call sets are its own.

    Attributes:
        model_name: Name under which the model is registered.
        manifest: Content of ``MAR-INF/MANIFEST.json``, or None.
        model_yaml_config: Content of the model's configuration file, ``{}`` without one.
        request_ids: Index in the batch to request id.
        stopping_criteria: For continuous batching: callables by index, set anew by each call.
        header_key_sequence_id: Name of the header that names a sequence; also ``..._start``
            and ``..._end``.
        warming_up: Whether the batch is one of ``warmup`` in model-config.yaml, which no client
            waits for.
    """

    def __init__(
        self,
        model_name: str,
        model_dir: str,
        manifest: dict[str, Any] | None,
        batch_size: int,
        gpu: int | None,
        mms_version: str,
        limit_max_image_pixels: bool = True,
        metrics: Any = None,
        model_yaml_config: dict[str, Any] | None = None,
    ) -> None:
        self.model_name = model_name
        self.manifest = manifest
        self._system_properties: dict[str, Any] = {
            "model_dir": model_dir,
            "gpu_id": gpu,
            "batch_size": batch_size,
            "server_name": "MMS",
            "server_version": mms_version,
            "limit_max_image_pixels": limit_max_image_pixels,
        }
        self.request_ids: dict[int, str] | None = None
        self._request_processor: list[RequestProcessor] | None = None
        self._metrics = metrics
        self._limit_max_image_pixels = limit_max_image_pixels
        self.model_yaml_config = {} if model_yaml_config is None else model_yaml_config
        self.stopping_criteria: (
            Sequence[Callable[[Any], Any]] | Mapping[int, Callable[[Any], Any]] | None
        ) = None
        self.cl_socket: socket.socket | None = None
        self.header_key_sequence_id = os.environ.get(
            "TS_REQUEST_SEQUENCE_ID", "ts_request_sequence_id"
        )
        self.header_key_sequence_start = os.environ.get(
            "TS_REQUEST_SEQUENCE_START", "ts_request_sequence_start"
        )
        self.header_key_sequence_end = os.environ.get(
            "TS_REQUEST_SEQUENCE_END", "ts_request_sequence_end"
        )
        self._handler_run: HandlerRun | None = None
        self.warming_up = False

    @property
    def system_properties(self) -> dict[str, Any]:
        """``model_dir``, ``gpu_id``, ``batch_size``, ``server_version`` and a few more."""
        return self._system_properties

    @property
    def request_processor(self) -> list[RequestProcessor] | None:
        """One per request of the batch, or None before the first batch."""
        return self._request_processor

    @request_processor.setter
    def request_processor(self, request_processor: list[RequestProcessor] | None) -> None:
        self._request_processor = request_processor

    @property
    def metrics(self) -> Any:
        """The metrics cache, see ``ts.metrics``."""
        return self._metrics

    @metrics.setter
    def metrics(self, metrics: Any) -> None:
        self._metrics = metrics

    def _processor(self, idx: int) -> RequestProcessor:
        if self._request_processor is None:
            raise RuntimeError("there is no request: the context is used outside a batch")
        return self._request_processor[idx]

    def get_request_id(self, idx: int = 0) -> str | None:
        """Return the id of a request, or None if there is no such request."""
        return self.request_ids.get(idx) if self.request_ids else None

    def get_trace_parent(self, idx: int = 0) -> str | None:
        """Return the W3C ``traceparent`` of what the handler does for a request.

        None if traces are off or there is no such request. For what asks other services, and for
        requests other than the first of a batch, whose span is the current one of OpenTelemetry.
        """
        requests = self._handler_run.requests if self._handler_run is not None else []
        return (requests[idx].input.context or None) if 0 <= idx < len(requests) else None

    def get_request_header(self, idx: int, key: str) -> Any:
        """Return the value of a request header, whatever its case, or None."""
        return self._processor(idx).get_request_property(key)

    def get_all_request_header(self, idx: int) -> dict[str, Any]:
        """Return all headers of a request by their original spelling."""
        return self._processor(idx).get_request_properties()

    def get_all_values(self, idx: int, name: str) -> list[Any]:
        """Return every value that a request carries under one parameter name, in order.

        The handler's ``data[idx][name]`` is the last of them.
        """
        return self._processor(idx).get_all_values(name)

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Set the content type of the response of one request."""
        self._processor(idx).add_response_property("content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        """Return the content type set for the response of one request, or None."""
        value: str | None = self._processor(idx).get_response_header("content-type")
        return value

    def set_response_status(self, code: int = 200, phrase: str | None = "", idx: int = 0) -> None:
        """Set the status of the response of one request; ignored before the first batch."""
        if self._request_processor is not None:
            self._request_processor[idx].report_status(code, reason_phrase=phrase)

    def set_all_response_status(self, code: int = 200, phrase: str | None = "") -> None:
        """Set the status of the responses of the whole batch."""
        for processor in self._request_processor or ():
            processor.report_status(code, reason_phrase=phrase)

    def get_response_status(self, idx: int) -> tuple[int, str | None]:
        """Return status and reason phrase of a response; ``(200, None)`` if none were set."""
        processor = self._processor(idx)
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    def set_response_header(self, idx: int, key: str, value: Any) -> None:
        """Set a header of the response of one request; the value is sent as ``str(value)``."""
        self._processor(idx).add_response_property(key, value)

    def get_response_headers(self, idx: int) -> dict[str, Any]:
        """Return the headers set for the response of one request; the object itself."""
        return self._processor(idx).get_response_headers()

    def get_sequence_id(self, idx: int) -> Any:
        """Return the id of the sequence that a request belongs to, or None."""
        return self.get_request_header(idx, self.header_key_sequence_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Context) and self.__dict__ == other.__dict__

    __hash__ = object.__hash__

"""One run of the handler: the requests it is given, and the responses that go back."""

from __future__ import annotations

import time
from typing import Any

from ts._protocol.errors import PeerClosed
from ts._protocol.frames import ALL_ITEMS, Buffer, FrameType, encode_message
from ts._protocol.messages import (
    PLAIN_HEADS,
    BodyKind,
    ErrorResponse,
    encode_error,
    encode_response_head,
)
from ts._protocol.texts import header_text
from ts._worker.advice import advice_on_forms
from ts._worker.console import report
from ts._worker.failures import (
    CANCELLED,
    EXPIRED,
    NOT_A_LIST,
    NOT_ENCODABLE,
    WRONG_LENGTH,
    RequestCancelled,
    explain,
    format_traceback,
    prediction_error,
)
from ts._worker.following import FollowedRun
from ts._worker.handler_io import HandlerIO
from ts._worker.inbox import Batch, PendingRequest
from ts._worker.non_finite import JsonNan, NotFiniteError
from ts._worker.result_streams import NOT_YET, WHOLE, is_stream
from ts._worker.values import decode_request, encode_value
from ts.context import Context, RequestProcessor
from ts.utils._row_errors import RowErrors

_NO_FAILURES = (SystemExit, KeyboardInterrupt, PeerClosed)
"""What is no failure of a result that is encoded. `ProtocolError` is: a header is too long."""


class HandlerRun:
    """The requests of one run of the handler, usually those of one batch.

    With continuous batching (``context.stopping_criteria``) requests of several batches, and ones
    that were given to the handler before, run in one call.

    Args:
        requests: What to run; cancelled and expired ones fail here and are left out.
        context: The context the handler will get; its batch fields are set here.
        io: What all runs of a worker share.

    Attributes:
        failure: What the handler raised, or its result when it was encoded; None if nothing.
        streams: Results that come piece by piece, by index in `requests`.
    """

    __slots__ = (
        "_context",
        "_io",
        "batches",
        "data",
        "failure",
        "followed",
        "request_ids",
        "requests",
        "streams",
    )

    def __init__(self, requests: list[PendingRequest], context: Context, io: HandlerIO) -> None:
        self._io = io
        self._context = context
        self.failure: BaseException | None = None
        self.followed: FollowedRun | None = None
        self.streams: dict[int, Any] = {}
        self.batches: list[Batch] = []
        self.requests: list[PendingRequest] = []
        self.data: list[dict[str, Any]] = []
        processors: list[RequestProcessor] = []
        for request in requests:
            if request.batch not in self.batches:
                self.batches.append(request.batch)
            if request.cancelled:
                self._fail_request(request, CANCELLED)
            elif request.deadline is not None and request.deadline <= time.monotonic():
                self._fail_request(request, EXPIRED)
            else:
                data, processor = decode_request(request.input, io.decode)
                request.input.parts.clear()
                self.requests.append(request)
                self.data.append(data)
                processors.append(processor)
        context.cl_socket = io.connection.socket
        context._handler_run = self
        self._share(processors)

    def find_streams(self, result: Any) -> Any:
        """Find generators in what the handler returned; return the results as a list if they are.

        With batch size 1 a generator may stand alone.
        """
        if type(result) is not list and self._io.batch_size == 1 and is_stream(result):
            result = [result]
        if isinstance(result, list) and len(result) == len(self.requests):
            for index, value in enumerate(result):
                if type(value) not in WHOLE and self._may_stream and is_stream(value):
                    self.streams[index] = value
        return result

    @property
    def _may_stream(self) -> bool:
        # Continuous batching has its own way to send a result in steps.
        return self._context.stopping_criteria is None

    def tell_handled(self) -> None:
        """Tell the frontend that the handler has ended, where requests are followed."""
        if self.followed is not None:
            self.followed.tell()

    def finish(self, result: Any) -> list[PendingRequest]:
        """Send what the handler returned; return the requests that go on in the next call.

        Streams are left to `result_streams`.
        """
        if not isinstance(result, list):
            detail = f"the handler returned {type(result).__name__}, expected list"
            if is_stream(result):
                detail += (
                    f" with one generator for each request: batchSize is {self._io.batch_size}"
                )
            self.fail(ErrorResponse(503, NOT_A_LIST, detail), log=True)
            return []
        if len(result) != len(self.requests):
            detail = f"the handler returned {len(result)} results for {len(self.requests)} requests"
            self.fail(ErrorResponse(503, WRONG_LENGTH, detail), log=True)
            return []
        continuing: list[PendingRequest] = []
        for index, request in enumerate(self.requests):
            if self.streams and index in self.streams:
                continue
            try:
                if self._send_result(index, request, result[index]):
                    continuing.append(request)
            except _NO_FAILURES:
                raise
            except BaseException as error:
                self._fail_unencodable(request, error)
        if not self.streams:
            self.close_batches()
        return continuing

    def is_wanted_by(self, request: PendingRequest) -> bool:
        """Return whether a client waits for more of a stream; where it has left, it ends."""
        if request.cancelled:
            self._fail_request(request, CANCELLED)
        return not request.responded

    def end_stream(self, index: int, request: PendingRequest, value: Any) -> None:
        """End a stream whose parts were sent, with a last part unless `value` is None."""
        try:
            if value is not None:
                self._queue_value(FrameType.RESPONSE, index, request, value)
            else:
                head = self._encoded_head(index, request, BodyKind.NONE)
                self._queue(
                    encode_message(FrameType.RESPONSE, request.batch.id, request.index, (head,))
                )
            request.responded = True
        except _NO_FAILURES:
            raise
        except BaseException as error:
            self._fail_unencodable(request, error)

    def is_wanted(self) -> bool:
        """Return whether a client waits for any of the requests."""
        return not all(request.cancelled or request.responded for request in self.requests)

    def fail_with(self, error: BaseException) -> None:
        """Answer every open request with what an exception of the handler means."""
        self.failure = error
        self.fail(prediction_error(error, self._model_dir(), self._advice_on_forms()))

    def fail_request_with(self, request: PendingRequest, error: BaseException) -> None:
        """Answer one request with what an exception of the handler means."""
        self.failure = error
        self._fail_request(request, prediction_error(error))

    def fail_rows(self, error: RowErrors) -> bool:
        """Fail the requests that the handler cannot take; return whether others are left to run."""
        errors = error.located_in(self.data)
        if errors is None:
            self.fail_with(error)
            return False
        for index, reason in errors.items():
            error_of_row = prediction_error(reason, self._model_dir())
            self._fail_request(self.requests[index], error_of_row)
        kept = [index for index in range(len(self.requests)) if index not in errors]
        processors = self._processors()
        self.requests = [self.requests[index] for index in kept]
        self.data = [self.data[index] for index in kept]
        self._share([processors[index] for index in kept])
        if not kept:
            self.close_batches()
        return bool(kept)

    def _share(self, processors: list[RequestProcessor]) -> None:
        """Tell the context which requests run now."""
        context = self._context
        self.request_ids = {i: request.input.request_id for i, request in enumerate(self.requests)}
        context.request_ids = self.request_ids
        context.request_processor = processors
        context.stopping_criteria = None
        if context.metrics is not None:
            context.metrics.set_request_ids(self.request_ids)

    def fail(self, error: ErrorResponse, *, log: bool = False) -> None:
        """Answer every request of the run that is still open with one error."""
        if log:
            report(f"{error.message}: {error.detail}")
        body = encode_error(error)
        for batch in self.batches:
            for request in batch.requests:
                if request.cancelled and not request.responded:
                    self._fail_request(request, CANCELLED)
            if any(not request.responded for request in batch.requests):
                self._queue(encode_message(FrameType.ERROR, batch.id, ALL_ITEMS, (body,)))
                for request in batch.requests:
                    request.responded = True
        self.close_batches()

    def send_chunks(self, values: list[Any]) -> None:
        """Send one chunk per request now, blocking while the frontend does not read.

        A chunk that cannot be encoded fails its request alone.

        Raises `RequestCancelled` once every request was cancelled or has failed, or the frontend
        has gone.
        """
        if not isinstance(values, list) or len(values) != len(self.requests):
            raise ValueError(
                f"{len(values)} chunks for {len(self.requests)} requests, expected one each"
            )
        try:
            self._io.poll()
            if not self.is_wanted():
                raise RequestCancelled("every request of the batch was cancelled or has failed")
            for index, request in enumerate(self.requests):
                if not request.cancelled and not request.responded:
                    self.send_chunk(index, request, values[index])
            self._io.flush()
        except PeerClosed as error:
            for request in self.requests:
                request.cancelled = True
            raise RequestCancelled("the frontend has gone") from error

    def send_chunk(self, index: int, request: PendingRequest, value: Any) -> None:
        """Queue a part of a stream; one that is an error or cannot be encoded fails its request."""
        if type(value) not in WHOLE and isinstance(value, BaseException):
            self.fail_request_with(request, value)
            return
        try:
            self._queue_value(FrameType.CHUNK, index, request, value)
        except _NO_FAILURES:
            raise
        except BaseException as error:
            self._fail_unencodable(request, error)

    def _send_result(self, index: int, request: PendingRequest, value: Any) -> bool:
        """Send the answer of one request; return whether it goes on."""
        if request.responded:
            return False
        if request.cancelled:
            self._fail_request(request, CANCELLED)
            return False
        if type(value) not in WHOLE and isinstance(value, BaseException):
            self.fail_request_with(request, value)
            return False
        if value is NOT_YET and not self._may_stream:
            return True
        if self._stops(index, value):
            self._queue_value(FrameType.RESPONSE, index, request, value)
            request.responded = True
            return False
        self._queue_value(FrameType.CHUNK, index, request, value)
        return True

    def _stops(self, index: int, value: Any) -> bool:
        criteria = self._context.stopping_criteria
        if criteria is None:
            return True
        verdict = criteria[index](value)
        return verdict is None or bool(verdict)

    def _queue_value(
        self, frame_type: int, index: int, request: PendingRequest, value: Any
    ) -> None:
        # The frontend reads tensors from this JSON, and they may hold any number.
        nan = JsonNan.LITERAL if request.input.tensors else self._io.json_nan
        kind, body = encode_value(value, nan)
        limit = self._io.max_response_size
        if len(body) > limit:
            message = f"The response has {len(body)} bytes, the limit max_response_size is {limit}"
            self._fail_request(request, ErrorResponse(500, message))
            return
        head = self._encoded_head(index, request, kind)
        buffers = encode_message(frame_type, request.batch.id, request.index, (head, body))
        self._queue(buffers)
        request.head_sent = True
        if len(buffers) > 1 and isinstance(body, bytearray):
            # The handler's own, which it may change as soon as it runs again.
            self._io.connection.writer.settle()

    def _processors(self) -> list[RequestProcessor]:
        processors = self._context.request_processor
        if processors is None:
            raise RuntimeError("the handler has removed context.request_processor")
        return processors

    def _encoded_head(self, index: int, request: PendingRequest, kind: int) -> bytes:
        return self._later_head(index, kind) if request.head_sent else self._head(index, kind)

    def _head(self, index: int, kind: int) -> bytes:
        processor = self._processors()[index]
        if processor.has_plain_response():
            return PLAIN_HEADS[kind]
        headers = processor.get_response_headers()
        return encode_response_head(
            processor.get_response_status_code() if processor.has_response_status() else 0,
            kind,
            header_text(processor.get_response_status_phrase() or ""),
            [(header_text(name), header_text(value)) for name, value in headers.items()],
        )

    def _later_head(self, index: int, kind: int) -> bytes:
        """Return the head of a chunk after the first: what ends sequences is for the frontend."""
        name = self._context.header_key_sequence_end
        ended = self._processors()[index].get_response_header(name)
        if ended is None:
            return PLAIN_HEADS[kind]
        return encode_response_head(0, kind, "", [(name, header_text(ended))])

    def _fail_unencodable(self, request: PendingRequest, error: BaseException) -> None:
        if isinstance(error, NotFiniteError):
            report(f"{error.message}\n")
            self._fail_request(request, ErrorResponse(500, error.message, error.advice))
            return
        # A result that is still being computed on an accelerator fails here.
        self.failure = error
        trace = format_traceback(error)
        report(trace)
        detail = explain(error, self._model_dir())
        self._fail_request(request, ErrorResponse(503, NOT_ENCODABLE, detail, trace))

    def _model_dir(self) -> str | None:
        properties = getattr(self._context, "system_properties", None)
        folder = properties.get("model_dir") if isinstance(properties, dict) else None
        return folder if isinstance(folder, str) else None

    def _advice_on_forms(self) -> str | None:
        """Return what to do if every request is a form that may have been meant as a file."""
        found = [
            advice_on_forms(request.input.headers, row)
            for request, row in zip(self.requests, self.data)
        ]
        return found[0] if found and all(found) else None

    def _fail_request(self, request: PendingRequest, error: ErrorResponse) -> None:
        if not request.responded:
            body = encode_error(error)
            self._queue(encode_message(FrameType.ERROR, request.batch.id, request.index, (body,)))
            request.responded = True

    def _queue(self, buffers: list[Buffer]) -> None:
        self._io.connection.writer.queue(buffers)

    def close_batches(self) -> None:
        """Forget the batches whose requests all have their responses."""
        for batch in self.batches:
            for request in batch.requests:
                if not request.responded:
                    break
            else:
                self._io.connection.inbox.close(batch)

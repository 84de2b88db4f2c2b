"""One call of the handler: the requests it is given, and the answers that go back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ts._protocol.errors import PeerClosed
from ts._protocol.frames import ALL_ITEMS, Buffer, FrameType, encode_message
from ts._protocol.messages import (
    PLAIN_HEADS,
    ErrorReply,
    encode_error,
    encode_response_head,
)
from ts._protocol.texts import without_addresses
from ts._worker.connection import WorkerConnection
from ts._worker.console import report
from ts._worker.failures import (
    CANCELLED,
    EXPIRED,
    NOT_A_LIST,
    NOT_ENCODABLE,
    WRONG_LENGTH,
    RequestCancelled,
    describe,
    format_traceback,
    prediction_error,
)
from ts._worker.inbox import Batch, Item
from ts._worker.non_finite import JsonNan, NotFiniteError
from ts._worker.values import decode_request, encode_value
from ts.context import Context, RequestProcessor
from ts.utils._row_errors import RowErrors


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all calls of a worker share.

    Attributes:
        connection: Where answers go.
        decode: Whether JSON and text inputs are decoded.
        max_response_size: Largest body of an answer, in bytes.
        json_nan: What becomes of NaN and the infinities in JSON.
        poll: Reads the cancellations that have come.
        flush: Sends what is queued.
    """

    connection: WorkerConnection
    decode: bool
    max_response_size: int
    json_nan: JsonNan
    poll: Callable[[], object]
    flush: Callable[[], object]


class Call:
    """The requests of one call of the handler, usually those of one batch.

    With continuous batching (``context.stopping_criteria``) requests of several batches, and ones
    that were given to the handler before, run in one call.

    Args:
        items: What to run; cancelled and expired ones are answered here and left out.
        context: The context the handler will get; its batch fields are set here.
        surroundings: What all calls share.

    Attributes:
        failure: What the handler raised, or its result when it was encoded; None if nothing.
    """

    __slots__ = ("_context", "_surroundings", "batches", "data", "failure", "items", "request_ids")

    def __init__(self, items: list[Item], context: Context, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._context = context
        self.failure: BaseException | None = None
        self.batches: list[Batch] = []
        self.items: list[Item] = []
        self.data: list[dict[str, Any]] = []
        processors: list[RequestProcessor] = []
        for item in items:
            if item.batch not in self.batches:
                self.batches.append(item.batch)
            if item.cancelled:
                self._fail_item(item, CANCELLED)
            elif item.deadline is not None and item.deadline <= time.monotonic():
                self._fail_item(item, EXPIRED)
            else:
                data, processor = decode_request(item.request, surroundings.decode)
                item.request.parts.clear()
                self.items.append(item)
                self.data.append(data)
                processors.append(processor)
        context.cl_socket = surroundings.connection.socket
        context._call = self
        self._share(processors)

    def finish(self, result: Any) -> list[Item]:
        """Send what the handler returned; return the items that go on in the next call."""
        if not isinstance(result, list):
            detail = f"the handler returned {type(result).__name__}, expected list"
            self.fail(ErrorReply(503, NOT_A_LIST, detail), log=True)
            return []
        if len(result) != len(self.items):
            detail = f"the handler returned {len(result)} results for {len(self.items)} requests"
            self.fail(ErrorReply(503, WRONG_LENGTH, detail), log=True)
            return []
        going_on: list[Item] = []
        for index, item in enumerate(self.items):
            try:
                if self._send_result(index, item, result[index]):
                    going_on.append(item)
            except PeerClosed:
                raise
            except Exception as error:
                self._fail_unencodable(item, error)
        self._close_batches()
        return going_on

    def fail_with(self, error: BaseException) -> None:
        """Answer every open request with what an exception of the handler means."""
        self.failure = error
        self.fail(prediction_error(error))

    def fail_rows(self, error: RowErrors) -> bool:
        """Fail the requests that the handler cannot take; return whether others are left to run."""
        if not all(0 <= index < len(self.items) for index in error.errors):
            self.fail_with(error)
            return False
        for index, reason in error.errors.items():
            self._fail_item(self.items[index], prediction_error(reason))
        kept = [index for index in range(len(self.items)) if index not in error.errors]
        processors = self._processors()
        self.items = [self.items[index] for index in kept]
        self.data = [self.data[index] for index in kept]
        self._share([processors[index] for index in kept])
        if not kept:
            self._close_batches()
        return bool(kept)

    def _share(self, processors: list[RequestProcessor]) -> None:
        """Tell the context which requests run now."""
        context = self._context
        self.request_ids = {i: item.request.request_id for i, item in enumerate(self.items)}
        context.request_ids = self.request_ids
        context.request_processor = processors
        context.stopping_criteria = None
        if context.metrics is not None:
            context.metrics.set_request_ids(self.request_ids)

    def fail(self, error: ErrorReply, *, log: bool = False) -> None:
        """Answer every request of the call that is still open with one error."""
        if log:
            report(f"{error.message}: {error.detail}")
        body = encode_error(error)
        for batch in self.batches:
            for item in batch.items:
                if item.cancelled and not item.answered:
                    self._fail_item(item, CANCELLED)
            if any(not item.answered for item in batch.items):
                self._queue(encode_message(FrameType.ERROR, batch.id, ALL_ITEMS, (body,)))
                for item in batch.items:
                    item.answered = True
        self._close_batches()

    def send_chunks(self, values: list[Any]) -> None:
        """Send one chunk per request now, blocking while the frontend does not read.

        A chunk that cannot be encoded fails its request alone.

        Raises `RequestCancelled` once every request was cancelled or has failed, or the frontend
        has gone.
        """
        if not isinstance(values, list) or len(values) != len(self.items):
            raise ValueError(
                f"{len(values)} chunks for {len(self.items)} requests, expected one each"
            )
        try:
            self._surroundings.poll()
            if all(item.cancelled or item.answered for item in self.items):
                raise RequestCancelled("every request of the batch was cancelled or has failed")
            for index, item in enumerate(self.items):
                if not item.cancelled and not item.answered:
                    self._send_chunk(index, item, values[index])
            self._surroundings.flush()
        except PeerClosed as error:
            for item in self.items:
                item.cancelled = True
            raise RequestCancelled("the frontend has gone") from error

    def _send_chunk(self, index: int, item: Item, value: Any) -> None:
        try:
            self._queue_value(FrameType.CHUNK, index, item, value)
        except PeerClosed:
            raise
        except Exception as error:
            self._fail_unencodable(item, error)

    def _send_result(self, index: int, item: Item, value: Any) -> bool:
        """Send the answer of one item; return whether the item goes on."""
        if item.answered:
            return False
        if item.cancelled:
            self._fail_item(item, CANCELLED)
            return False
        if self._stops(index, value):
            self._queue_value(FrameType.RESPONSE, index, item, value)
            item.answered = True
            return False
        self._queue_value(FrameType.CHUNK, index, item, value)
        return True

    def _stops(self, index: int, value: Any) -> bool:
        criteria = self._context.stopping_criteria
        if criteria is None:
            return True
        verdict = criteria[index](value)
        return verdict is None or bool(verdict)

    def _queue_value(self, frame_type: int, index: int, item: Item, value: Any) -> None:
        # The frontend reads tensors from this JSON, and they may hold any number.
        nan = JsonNan.LITERAL if item.request.tensors else self._surroundings.json_nan
        kind, body = encode_value(value, nan)
        limit = self._surroundings.max_response_size
        if len(body) > limit:
            message = f"The response has {len(body)} bytes, the limit max_response_size is {limit}"
            self._fail_item(item, ErrorReply(500, message))
            return
        head = self._later_head(index, kind) if item.head_sent else self._head(index, kind)
        buffers = encode_message(frame_type, item.batch.id, item.index, (head, body))
        self._queue(buffers)
        item.head_sent = True
        if len(buffers) > 1 and isinstance(body, bytearray):
            # The handler's own, which it may change as soon as it runs again.
            self._surroundings.connection.writer.settle()

    def _processors(self) -> list[RequestProcessor]:
        processors = self._context.request_processor
        if processors is None:
            raise RuntimeError("the handler has removed context.request_processor")
        return processors

    def _head(self, index: int, kind: int) -> bytes:
        processor = self._processors()[index]
        if processor.has_plain_response():
            return PLAIN_HEADS[kind]
        headers = processor.get_response_headers()
        return encode_response_head(
            processor.get_response_status_code() if processor.has_response_status() else 0,
            kind,
            _header_text(processor.get_response_status_phrase() or ""),
            [(_header_text(name), _header_text(value)) for name, value in headers.items()],
        )

    def _later_head(self, index: int, kind: int) -> bytes:
        """Return the head of a chunk after the first: what ends sequences is for the frontend."""
        name = self._context.header_key_sequence_end
        ended = self._processors()[index].get_response_header(name)
        if ended is None:
            return PLAIN_HEADS[kind]
        return encode_response_head(0, kind, "", [(name, _header_text(ended))])

    def _fail_unencodable(self, item: Item, error: Exception) -> None:
        if isinstance(error, NotFiniteError):
            report(f"{error.message}\n")
            self._fail_item(item, ErrorReply(500, error.message, describe(error)))
            return
        # A result that is still being computed on an accelerator fails here.
        self.failure = error
        trace = format_traceback(error)
        report(trace)
        self._fail_item(item, ErrorReply(503, NOT_ENCODABLE, describe(error), trace))

    def _fail_item(self, item: Item, error: ErrorReply) -> None:
        if not item.answered:
            body = encode_error(error)
            self._queue(encode_message(FrameType.ERROR, item.batch.id, item.index, (body,)))
            item.answered = True

    def _queue(self, buffers: list[Buffer]) -> None:
        self._surroundings.connection.writer.queue(buffers)

    def _close_batches(self) -> None:
        for batch in self.batches:
            for item in batch.items:
                if not item.answered:
                    break
            else:
                self._surroundings.connection.inbox.close(batch)


def _header_text(value: Any) -> str:
    """Return ``str(value)``; of an object that is no text, without its address."""
    return value if isinstance(value, str) else without_addresses(str(value))

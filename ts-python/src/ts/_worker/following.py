"""Requests that are followed: the frontend wants their times, or their traces go on here.

Nothing here runs for others.
"""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from ts._protocol.frames import FrameType, encode_message
from ts._protocol.handled_message import encode_handled
from ts._protocol.writer import FrameWriter

if TYPE_CHECKING:
    from ts._worker.handler_run import HandlerRun
    from ts._worker.inbox import PendingRequest

_trace_ids: ContextVar[str] = ContextVar("trace_ids", default="")


def trace_ids() -> str:
    """Return ``trace_id=... span_id=...`` of what runs now, or an empty text."""
    return _trace_ids.get()


def with_trace_ids(text: str) -> str:
    """Return a text for the log with the ids of what runs now at the end of its first line."""
    ids = _trace_ids.get()
    if not ids:
        return text
    first, end, rest = text.partition("\n")
    return f"{first} {ids}{end}{rest}"


class FollowedRun:
    """The requests of a run of the handler that are followed.

    Entered while the handler runs: then the span of the handler, of the first request that is
    traced, is the current one for the API of OpenTelemetry, if that is installed.

    Args:
        run: With one such request at least.
        writer: Where the times go.
    """

    __slots__ = ("_ids", "_otel", "_requests", "_run", "_writer")

    def __init__(self, run: HandlerRun, writer: FrameWriter) -> None:
        self._run = run
        self._requests = [request for request in run.requests if is_followed(request)]
        self._writer = writer
        self._ids: Token[str] | None = None
        self._otel: Any = None
        now = time.time_ns()
        for request in self._requests:
            # One that goes on with continuous batching has begun before.
            request.began_ns = request.began_ns or now

    def __enter__(self) -> FollowedRun:
        traced = next((request for request in self._requests if request.input.context), None)
        if traced is not None and traced.input.context:
            _, trace_id, span_id, _ = traced.input.context.split("-")
            self._ids = _trace_ids.set(f"trace_id={trace_id} span_id={span_id}")
            self._otel = _attach(traced.input.context, traced.input.headers)
        return self

    def __exit__(self, *_: object) -> None:
        _detach(self._otel)
        if self._ids is not None:
            _trace_ids.reset(self._ids)

    def tell(self) -> None:
        """Tell the frontend when the handler ran, before the requests get their responses.

        The handler of a stream goes on: its end is told by `tell_of`.
        """
        streams = [self._run.requests[index] for index in self._run.streams]
        for request in self._requests:
            if request not in streams:
                self.tell_of(request)

    def tell_of(self, request: PendingRequest) -> None:
        """Tell it of one request; of several times the last counts."""
        if request.began_ns and not request.responded:
            body = encode_handled(request.began_ns, time.time_ns())
            self._writer.queue(
                encode_message(FrameType.HANDLED, request.batch.id, request.index, (body,))
            )


def is_followed(request: PendingRequest) -> bool:
    """Return whether a request is followed."""
    return request.input.context is not None


def follow(run: HandlerRun, writer: FrameWriter) -> FollowedRun | None:
    """Begin to follow what is followed of a run; None if nothing is."""
    if not any(map(is_followed, run.requests)):
        return None
    run.followed = FollowedRun(run, writer)
    return run.followed


_otel_api: Any = None
"""What `_attach` needs of OpenTelemetry's API; False once it could not be imported."""


def _attach(traceparent: str, headers: list[tuple[str, str]]) -> Any:
    """Make a span of the frontend the current one; return what `_detach` needs, or None."""
    global _otel_api
    if _otel_api is None:
        try:
            from opentelemetry import context as contexts
            from opentelemetry.baggage.propagation import W3CBaggagePropagator
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except Exception:  # a broken installation is none
            _otel_api = False
        else:
            _otel_api = contexts, TraceContextTextMapPropagator(), W3CBaggagePropagator()
    if not _otel_api:
        return None
    contexts, trace_context, baggage = _otel_api
    carrier = {"traceparent": traceparent}
    for name, value in headers:
        if name.lower() in ("tracestate", "baggage"):
            carrier[name.lower()] = value
    try:
        current = baggage.extract(carrier, context=trace_context.extract(carrier))
        return contexts.attach(current)
    except Exception:  # headers of a client cost its request nothing
        return None


def _detach(token: Any) -> None:
    if token is not None and _otel_api:
        _otel_api[0].detach(token)

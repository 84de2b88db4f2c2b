"""Receivers of OTLP, over gRPC and over HTTP, that keep the spans they get."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)


@dataclass(frozen=True)
class Link:
    """What a span has a link to."""

    trace: str
    span: str


@dataclass(frozen=True)
class Span:
    """A span, with ids in hex."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any] = field(hash=False)
    resource: dict[str, Any] = field(hash=False)
    links: tuple[Link, ...] = ()


class Receiver:
    """What has come. Thread-safe."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._lock = threading.Lock()
        self._spans: list[Span] = []

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep the spans of an export."""
        spans = [
            _span(span, _values(of_resource.resource.attributes))
            for of_resource in request.resource_spans
            for scope in of_resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += spans

    def spans(self, trace: str | None = None) -> list[Span]:
        """The spans so far, of one trace or of all."""
        with self._lock:
            return [span for span in self._spans if trace in (None, span.trace)]


def _span(span: Any, resource: dict[str, Any]) -> Span:
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == 2,
        _values(span.attributes),
        resource,
        tuple(Link(link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def grpc_receiver() -> Iterator[Receiver]:
    """A receiver of OTLP over gRPC."""
    pool = ThreadPoolExecutor(max_workers=2)
    server = grpc.server(pool)
    receiver = Receiver(f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")

    class Service(TraceServiceServicer):  # type: ignore[misc]
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
            receiver.take(request)
            return ExportTraceServiceResponse()

    add_TraceServiceServicer_to_server(Service(), server)
    server.start()
    try:
        yield receiver
    finally:
        server.stop(0).wait()
        pool.shutdown()


@contextmanager
def http_receiver() -> Iterator[Receiver]:
    """A receiver of OTLP over HTTP, in protobuf."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            receiver.take(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

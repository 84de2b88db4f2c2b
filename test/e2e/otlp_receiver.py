"""Receivers of OTLP, over gRPC and over HTTP, that keep the spans they get."""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
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
        self.refusals = 0
        """How many exports are still refused for the moment."""
        self.delay_sec = 0.0
        """How long each export waits for its response."""
        self.exports: list[dict[str, str]] = []
        """The headers of each export, by their names in lower case, refused ones included."""
        self._lock = threading.Lock()
        self._spans: list[Span] = []

    def accepts(self, headers: dict[str, str]) -> bool:
        """Note an export; return whether it is taken."""
        time.sleep(self.delay_sec)
        with self._lock:
            self.exports.append(headers)
            if self.refusals == 0:
                return True
            self.refusals -= 1
            return False

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


@dataclass(frozen=True)
class Tls:
    """The files of a receiver that speaks TLS."""

    key: Path
    certificate: Path


@contextmanager
def grpc_receiver(tls: Tls | None = None) -> Iterator[Receiver]:
    """A receiver of OTLP over gRPC."""
    pool = ThreadPoolExecutor(max_workers=2)
    server = grpc.server(pool)
    if tls is None:
        receiver = Receiver(f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    else:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        receiver = Receiver(f"https://127.0.0.1:{port}")

    class Service(TraceServiceServicer):  # type: ignore[misc]
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
            headers = {str(name): str(value) for name, value in context.invocation_metadata()}
            if not receiver.accepts(headers):
                context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
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
def http_receiver(tls: Tls | None = None) -> Iterator[Receiver]:
    """A receiver of OTLP over HTTP, in protobuf."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            headers = {name.lower(): value for name, value in self.headers.items()}
            accepted = receiver.accepts(headers)
            if accepted:
                receiver.take(ExportTraceServiceRequest.FromString(body))
            self.send_response(200 if accepted else 503)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls.certificate, tls.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    receiver = Receiver(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Runs the inputs of ``warmup`` through the handler before a worker is ready.

What compiles or allocates on its first input does so here, and no client waits for it. The calls
are those of requests in all but their ends, which are looked at and dropped: nothing is sent to the
frontend, no metric counts, and the first that fails is why the model is not ready.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ts._protocol.control import Failed, Load
from ts._protocol.frames import (
    FLAG_MORE,
    HEADER,
    HEADER_SIZE,
    MAX_TRACEBACK,
    Buffer,
    FrameType,
)
from ts._protocol.messages import (
    ErrorResponse,
    Part,
    PredictItem,
    RequestKind,
    decode_error,
    decode_response,
)
from ts._worker.connection import WorkerConnection
from ts._worker.console import announce
from ts._worker.failures import WorkerUnusable
from ts._worker.inbox import Batch, PendingRequest
from ts._worker.loading import load_failure
from ts._worker.silent import SilentConnection, SilentWriter
from ts._worker.warmup_entries import MAX_BATCH_BYTES, WarmupEntry, read_entries
from ts.context import Context
from ts.service import Service

_OUT_OF_RESOURCES = 507
_MAX_DETAIL = 8 * 1024
_SHOWN_BODY = 300


class _Server(Protocol):
    """What runs batches as those of the frontend are run."""

    def run(self, batch: Batch) -> None:
        """Run a batch to its end, streams and continued requests included."""


def warm_up(
    service: Service, load: Load, server_of: Callable[[WorkerConnection], _Server]
) -> Failed | None:
    """Run all that model-config.yaml names; return why the model is not ready, or None.

    Args:
        service: The model, which is loaded.
        load: What the frontend said of it.
        server_of: Makes what runs batches and answers to a connection.
    """
    context = service.context
    try:
        entries = read_entries(context.model_yaml_config, load.model_dir, load.max_request_size)
        if not entries:
            return None
        ours, theirs = socket.socketpair()
        with contextlib.closing(ours), contextlib.closing(theirs):
            connection = _WarmupConnection(ours)
            context.warming_up = True
            try:
                return _Warmup(load, connection, server_of(connection)).run(entries)
            finally:
                context.warming_up = False
                _forget_batch(context)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return load_failure(load, error)


def _forget_batch(context: Context) -> None:
    """Leave the context as it is before the first batch; what the handler has set itself stays."""
    context.request_ids = context.request_processor = context.stopping_criteria = None
    context.cl_socket = context._handler_run = None


class _Warmup:
    """Runs entries, one after the other."""

    def __init__(self, load: Load, connection: _WarmupConnection, server: _Server) -> None:
        self._load = load
        self._connection = connection
        self._server = server
        self._batches = 0
        # Handlers that are coroutines get requests one by one.
        self._largest = 1 if load.is_async else load.batch_size

    def run(self, entries: list[WarmupEntry]) -> Failed | None:
        """Return why one of them failed; None if none did."""
        started = time.monotonic()
        for entry in entries:
            for size in self._sizes(entry):
                failed = self._run_entry(entry, size)
                if failed is not None:
                    return failed
        took = time.monotonic() - started
        announce(f"Warmed up in {took:.2f} s, batches: {self._batches}")
        return None

    def _sizes(self, entry: WarmupEntry) -> list[int]:
        if entry.sizes is None:
            return list(dict.fromkeys((1, self._largest)))
        for size in entry.sizes:
            if size > self._largest:
                announce(
                    f"Warming up with {entry.name}: batches of {size} are left out, the handler"
                    f" gets {self._largest} at most"
                )
        return [size for size in entry.sizes if size <= self._largest]

    def _run_entry(self, entry: WarmupEntry, size: int) -> Failed | None:
        where = f"{entry.name} in a batch of {size}"
        if len(entry.content) * size > MAX_BATCH_BYTES:
            detail = f"{len(entry.content)} bytes each, the limit is {MAX_BATCH_BYTES} together"
            return self._failed(where, ErrorResponse(500, "the batch is too large", detail))
        announce(f"Warming up with {where}")
        started = ended = time.monotonic()
        took = 0.0
        for _ in range(entry.repeat):
            failed = self._run_batch(entry, size, where)
            if failed is not None:
                return failed
            ended, took = time.monotonic(), time.monotonic() - ended
        times = f", {entry.repeat} times, the last in {took:.3f} s" if entry.repeat > 1 else ""
        announce(f"Warmed up with {where} in {ended - started:.3f} s{times}")
        return None

    def _run_batch(self, entry: WarmupEntry, size: int, where: str) -> Failed | None:
        self._batches += 1
        batch = _batch_of(entry, size, self._batches)
        unusable = None
        try:
            self._server.run(batch)
        except WorkerUnusable as error:
            unusable = ErrorResponse(500, f"this worker can serve no more: {error}")
        failure = self._connection.outcomes.failure or unusable
        return None if failure is None else self._failed(where, failure)

    def _failed(self, where: str, failure: ErrorResponse) -> Failed:
        said = f"{failure.message}: {failure.detail}" if failure.detail else failure.message
        detail = f"The warm-up with {where} failed with status {failure.code}: {said}"
        if failure.code == _OUT_OF_RESOURCES:
            code, message = failure.code, "System out of memory"
        else:
            code, message = 500, f"Model {self._load.model_name!r} could not be loaded"
        return Failed(code, message, detail[:_MAX_DETAIL], failure.traceback[-MAX_TRACEBACK:])


def _batch_of(entry: WarmupEntry, size: int, number: int) -> Batch:
    headers = [("content-type", entry.content_type), ("explain", "False")]
    if entry.route:
        headers.append(("url_path", entry.route))
    batch = Batch(number)
    for index in range(size):
        part = Part("body", entry.content_type, bytearray(entry.content))
        item = PredictItem(
            RequestKind.PREDICT, 0, f"warmup-{number}-{index}", list(headers), [part]
        )
        batch.requests.append(PendingRequest(batch, index, item))
    batch.complete = True
    return batch


class _WarmupConnection(SilentConnection):
    """Keeps the first failure of what is answered."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.writer = self.outcomes = _Outcomes(sock)


class _Outcomes(SilentWriter):
    """Looks at each message for a failure, and drops it.

    Attributes:
        failure: The first error, or response with the status of one; None if there was none.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.failure: ErrorResponse | None = None

    def queue(self, buffers: Sequence[Buffer]) -> None:
        """Look at the buffers of one message."""
        if self.failure is not None:
            return
        _, kind, flags, _, _ = HEADER.unpack_from(buffers[0])
        if kind == FrameType.ERROR:
            self.failure = decode_error(b"".join(buffers)[HEADER_SIZE:])
        elif kind in (FrameType.RESPONSE, FrameType.CHUNK) and not flags & FLAG_MORE:
            # One that is cut into frames is no error: these are small.
            self._look_at_status(buffers)

    def _look_at_status(self, buffers: Sequence[Buffer]) -> None:
        start = b"".join(buffers[:2])[HEADER_SIZE:]
        if int.from_bytes(start[:2], "big") < 400:
            return
        response = decode_response(b"".join(buffers)[HEADER_SIZE:])
        shown = " ".join(response.body[:_SHOWN_BODY].decode("utf-8", "replace").split())
        self.failure = ErrorResponse(response.status, "the handler answered", shown)

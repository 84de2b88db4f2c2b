"""The course of a worker process: connect, load, serve, exit code."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ts._imports.learn import imported_since_baseline
from ts._protocol.control import Failed, Hello, Load, Loaded, Unusable
from ts._protocol.errors import InDoubt, PeerClosed, ProtocolError
from ts._protocol.frames import PROTOCOL_VERSION, FrameType, worker_limits
from ts._worker.async_server import AsyncBatchServer
from ts._worker.connection import WorkerConnection, connect
from ts._worker.console import announce, report
from ts._worker.failures import WorkerUnusable
from ts._worker.following import with_trace_ids
from ts._worker.lazy_loop import LazyLoop
from ts._worker.loading import load_service
from ts._worker.metrics import metric_sender
from ts._worker.preload import Preloaded
from ts._worker.server import BatchServer
from ts.service import Service

EXIT_CLOSED = 0
EXIT_CRASHED = 1
EXIT_LOAD_FAILED = 3
EXIT_PROTOCOL_ERROR = 4
EXIT_UNUSABLE = 5

_MAX_REASON = 8 * 1024
_LINGER_SEC = 1.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker process needs to connect to the frontend.

    Attributes:
        spawn_id: Number of the spawn request.
        address: ``unix:/path`` or ``tcp:host:port`` of the frontend.
        secret: Proves to the frontend that this is the process that it requested.
        threads: For `torch.set_num_threads`, or None for torch's own choice.
    """

    spawn_id: int
    address: str
    secret: str
    threads: int | None = None


def run_worker(
    options: WorkerOptions,
    preloaded: Preloaded | None = None,
    on_loaded: Callable[[Service], None] | None = None,
) -> int:
    """Serve one model until the frontend closes the connection; return the exit code.

    Args:
        options: Where the frontend is, and the secret of this process.
        preloaded: The model, if it was loaded before this process was forked.
        on_loaded: Is given the loaded model before it serves.
    """
    configure_output()
    announce(f"[PID]{os.getpid()}\nTorch worker started.")
    announce(f"Python runtime: {platform.python_version()}")
    try:
        _set_threads(options.threads)
        with contextlib.closing(connect(options.address)) as sock:
            connection = WorkerConnection(sock, worker_limits(0))
            return _serve(connection, options, preloaded, on_loaded)
    except InDoubt as error:
        report(f"The connection to the frontend was given up: {error}")
        return EXIT_CRASHED
    except PeerClosed:
        announce("Frontend disconnected.")
        return EXIT_CLOSED
    except ProtocolError as error:
        report(f"Protocol error: {error}")
        return EXIT_PROTOCOL_ERROR
    except SystemExit as error:
        return _exit_code(error)
    except BaseException:
        traceback.print_exc()
        return EXIT_CRASHED


def _serve(
    connection: WorkerConnection,
    options: WorkerOptions,
    preloaded: Preloaded | None,
    on_loaded: Callable[[Service], None] | None,
) -> int:
    hello = Hello(
        spawn_id=options.spawn_id,
        secret=options.secret,
        pid=os.getpid(),
        python=platform.python_version(),
        protocol=PROTOCOL_VERSION,
        torch=_torch_version(),
    )
    connection.send(FrameType.HELLO, 0, hello.encode())
    message = connection.reader.read_message()
    if message.type != FrameType.LOAD:
        raise ProtocolError(f"{FrameType(message.type).name} where LOAD was expected")
    load = Load.decode(message.body)
    announce(f"model_name: {load.model_name}, batchSize: {load.batch_size}")
    connection.reader.set_limits(worker_limits(load.max_request_size))
    lazy_loop = LazyLoop()
    loop = asyncio.new_event_loop() if load.is_async else None
    if loop is not None:
        asyncio.set_event_loop(loop)
    started = time.monotonic()
    emit = metric_sender(connection.writer)
    if preloaded is not None:
        service = preloaded.take(load, emit)
    else:
        run = lazy_loop.run if loop is None else loop.run_until_complete
        service = load_service(load, emit, run)
    if isinstance(service, Failed):
        connection.send(FrameType.FAILED, 0, service.encode())
        return EXIT_LOAD_FAILED
    if on_loaded is not None:
        on_loaded(service)
    loaded = Loaded(
        message=f"loaded model {load.model_name}",
        load_ms=round((time.monotonic() - started) * 1000),
        memory_bytes=_resident_bytes(),
        imported=imported_since_baseline(load.model_dir) or None,
    )
    connection.send(FrameType.LOADED, 0, loaded.encode())
    decode = (
        load.decode_input_request and os.environ.get("TS_DECODE_INPUT_REQUEST", "true") == "true"
    )
    try:
        if loop is not None:
            AsyncBatchServer(connection, service, load, loop, decode=decode).serve()
        else:
            BatchServer(connection, service, load, decode=decode, loop=lazy_loop).serve()
    except WorkerUnusable as error:
        report(f"This worker can serve no more: {error}")
        connection.send(FrameType.UNUSABLE, 0, Unusable(str(error)[:_MAX_REASON]).encode())
        connection.linger(_LINGER_SEC)
        return EXIT_UNUSABLE
    return EXIT_CLOSED


class _TracedFormatter(logging.Formatter):
    """Adds the ids of the trace of what runs to the message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return with_trace_ids(super().formatMessage(record))


def configure_output() -> None:
    """Log to stdout with the bare message, as handlers expect, and print crashes of C code."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_TracedFormatter("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    # Without a usable stderr there is nowhere to print to.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        faulthandler.enable()


def _set_threads(threads: int | None) -> None:
    if threads is None:
        return
    # For a torch that is not loaded yet: its thread pools read these when they start.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ.setdefault("MKL_NUM_THREADS", str(threads))
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def _torch_version() -> str | None:
    torch = sys.modules.get("torch")
    if torch is not None:
        return str(getattr(torch, "__version__", "")) or None
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def _resident_bytes() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    report(str(error.code))
    return EXIT_CRASHED

"""The life of a worker process: connect, load, serve, exit code."""

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
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ts._protocol.control import Failed, Hello, Load, Loaded
from ts._protocol.errors import PeerClosed, ProtocolError
from ts._protocol.frames import MAX_TRACEBACK, PROTOCOL_VERSION, FrameType, worker_limits
from ts._worker.async_server import AsyncBatchServer
from ts._worker.connection import WorkerConnection, connect
from ts._worker.failures import describe, is_out_of_resources
from ts._worker.metrics import load_metrics, metric_sender
from ts._worker.server import BatchServer
from ts.model_loader import TsModelLoader
from ts.service import Service

EXIT_CLOSED = 0
EXIT_CRASHED = 1
EXIT_LOAD_FAILED = 3
EXIT_PROTOCOL_ERROR = 4


@dataclass(frozen=True, slots=True)
class Launch:
    """What a worker process needs to know before it has spoken to the frontend.

    Attributes:
        id: Number of the launch.
        address: ``unix:/path`` or ``tcp:host:port`` of the frontend.
        secret: Proves to the frontend that this is the process it asked for.
        threads: For `torch.set_num_threads`, or None for torch's own choice.
    """

    id: int
    address: str
    secret: str
    threads: int | None = None


def run_worker(launch: Launch) -> int:
    """Serve one model until the frontend closes the connection; return the exit code."""
    _configure_output()
    print(f"[PID]{os.getpid()}")
    print("Torch worker started.")
    print(f"Python runtime: {platform.python_version()}", flush=True)
    try:
        _set_threads(launch.threads)
        with contextlib.closing(connect(launch.address)) as sock:
            return _serve(WorkerConnection(sock, worker_limits(0)), launch)
    except PeerClosed:
        print("Frontend disconnected.", flush=True)
        return EXIT_CLOSED
    except ProtocolError as error:
        print(f"Protocol error: {error}", file=sys.stderr, flush=True)
        return EXIT_PROTOCOL_ERROR
    except SystemExit as error:
        return _exit_code(error)
    except BaseException:
        traceback.print_exc()
        return EXIT_CRASHED


def _serve(connection: WorkerConnection, launch: Launch) -> int:
    hello = Hello(
        launch=launch.id,
        secret=launch.secret,
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
    print(f"model_name: {load.model_name}, batchSize: {load.batch_size}", flush=True)
    connection.reader.set_limits(worker_limits(load.max_request_size))
    loop = asyncio.new_event_loop() if load.is_async else None
    if loop is not None:
        asyncio.set_event_loop(loop)
    started = time.monotonic()
    try:
        service = _load(connection, load, loop)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        connection.send(FrameType.FAILED, 0, _failed(load, error).encode())
        return EXIT_LOAD_FAILED
    loaded = Loaded(
        message=f"loaded model {load.model_name}",
        load_ms=round((time.monotonic() - started) * 1000),
        memory_bytes=_resident_bytes(),
    )
    connection.send(FrameType.LOADED, 0, loaded.encode())
    decode = (
        load.decode_input_request and os.environ.get("TS_DECODE_INPUT_REQUEST", "true") == "true"
    )
    if loop is not None:
        AsyncBatchServer(connection, service, load, loop, decode=decode).serve()
    else:
        BatchServer(connection, service, load, decode=decode).serve()
    return EXIT_CLOSED


def _load(
    connection: WorkerConnection, load: Load, loop: asyncio.AbstractEventLoop | None
) -> Service:
    metrics = load_metrics(load.metrics_config, load.model_name, metric_sender(connection.writer))
    loader = TsModelLoader(loop.run_until_complete if loop is not None else None)
    return loader.load(
        load.model_name,
        load.model_dir,
        load.handler,
        load.gpu_id,
        load.batch_size,
        load.envelope,
        load.limit_max_image_pixels,
        metrics,
    )


def _failed(load: Load, error: BaseException) -> Failed:
    text = "".join(traceback.format_exception(error))
    print(text, end="", file=sys.stderr, flush=True)
    detail = describe(error)
    if is_out_of_resources(error):
        code, message = 507, "System out of memory"
    else:
        code, message = 500, f"Model {load.model_name!r} could not be loaded"
    return Failed(code, message, detail[: 8 * 1024], text[-MAX_TRACEBACK:])


def _configure_output() -> None:
    """Log to stdout with the bare message, as handlers expect, and print crashes of C code."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
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
    print(error.code, file=sys.stderr, flush=True)
    return EXIT_CRASHED

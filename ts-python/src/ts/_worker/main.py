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
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ts._imports.learn import imported_since_baseline
from ts._protocol.control import Failed, Hello, Load, Loaded, Unusable
from ts._protocol.errors import InDoubt, PeerClosed, ProtocolError
from ts._protocol.frames import PROTOCOL_VERSION, FrameType, encode_message, worker_limits
from ts._ranks.membership import Membership
from ts._worker.async_server import AsyncBatchServer
from ts._worker.connection import WorkerConnection, connect
from ts._worker.console import announce, report
from ts._worker.exit_codes import (
    EXIT_CLOSED,
    EXIT_CRASHED,
    EXIT_LOAD_FAILED,
    EXIT_PROTOCOL_ERROR,
    EXIT_UNUSABLE,
)
from ts._worker.failures import WorkerUnusable
from ts._worker.following import with_trace_ids
from ts._worker.lazy_loop import LazyLoop
from ts._worker.loading import load_failure, load_service
from ts._worker.metrics import MetricSender
from ts._worker.own_cores import OwnCores
from ts._worker.preload import Preloaded
from ts._worker.server import BatchServer
from ts._worker.withdrawals import Withdrawals, answer_withdrawals
from ts.service import Service

if TYPE_CHECKING:
    from ts._ranks.leader import RankLeader

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
        membership: Of the first process of a group; None for a worker that is one process.
    """

    spawn_id: int
    address: str
    secret: str
    threads: int | None = None
    membership: Membership | None = None


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
        set_threads(options.threads)
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
    leader = _leader(connection, options)
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
    body = bytes(message.body)
    load = Load.decode(body)
    announce(f"model_name: {load.model_name}, batchSize: {load.batch_size}")
    cores = OwnCores.of_environment()
    if cores is not None:
        cores.follow()  # before the weights are there
    connection.reader.set_limits(worker_limits(load.max_request_size))
    lazy_loop = LazyLoop()
    loop = asyncio.new_event_loop() if load.is_async else None
    if loop is not None:
        asyncio.set_event_loop(loop)
    started = time.monotonic()
    emit = MetricSender(connection.writer)
    alone = _join_ranks(leader, load, body)
    service: Service | Failed
    if alone is not None:
        service = alone
    elif preloaded is not None:
        service = preloaded.take(load, emit)
    else:
        run = lazy_loop.run if loop is None else loop.run_until_complete
        service = load_service(load, emit, run)
    if isinstance(service, Failed):
        return _fail_load(connection, leader, service)

    server_of = _server_of(service, load, lazy_loop if loop is None else loop, leader)
    # What the warm-up imports may start threads and processes, as compilers do: not for templates.
    imported = imported_since_baseline(load.model_dir) or None
    of_followers = leader.wait_until_loaded() if leader is not None else 0
    failed = None
    if service.context.model_yaml_config.get("warmup") is not None:
        from ts._worker.warmup import warm_up

        with emit.muted():
            failed = warm_up(service, load, lambda frontend: server_of(frontend, None))
    if failed is not None:
        return _fail_load(connection, leader, failed)
    if leader is not None:
        leader.begin_serving()
    if on_loaded is not None:
        on_loaded(service)
    withdrawals = _open_control(options.address, hello) if load.control else None
    memory = resident_bytes()
    loaded = Loaded(
        message=f"loaded model {load.model_name}",
        load_ms=round((time.monotonic() - started) * 1000),
        memory_bytes=None if memory is None else memory + of_followers,
        imported=imported,
        rank_pids=leader.pids if leader is not None else None,
        openai_routes=_openai_routes(service),
    )
    connection.send(FrameType.LOADED, 0, loaded.encode())
    try:
        server_of(connection, withdrawals).serve()
    except WorkerUnusable as error:
        report(f"This worker can serve no more: {error}")
        connection.send(FrameType.UNUSABLE, 0, Unusable(str(error)[:_MAX_REASON]).encode())
        connection.linger(_LINGER_SEC)
        return EXIT_UNUSABLE
    finally:
        if leader is not None:
            leader.close()
    return EXIT_CLOSED


def _server_of(
    service: Service,
    load: Load,
    loop: LazyLoop | asyncio.AbstractEventLoop,
    leader: RankLeader | None,
) -> Callable[[WorkerConnection, Withdrawals | None], BatchServer | AsyncBatchServer]:
    """Return what makes the loop of this worker, for the frontend or for its warm-up."""

    def make(
        connection: WorkerConnection, withdrawals: Withdrawals | None
    ) -> BatchServer | AsyncBatchServer:
        if isinstance(loop, LazyLoop):
            return BatchServer(
                connection, service, load, loop=loop, leader=leader, withdrawals=withdrawals
            )
        return AsyncBatchServer(connection, service, load, loop)

    return make


def _fail_load(connection: WorkerConnection, leader: RankLeader | None, failed: Failed) -> int:
    """Tell the frontend why there is no model; return the exit code."""
    if leader is not None:
        leader.fail_load(failed)
    else:
        connection.send(FrameType.FAILED, 0, failed.encode())
    return EXIT_LOAD_FAILED


def _open_control(address: str, hello: Hello) -> Withdrawals | None:
    """Open the control connection; return what comes by it, or None where there can be none."""
    body = replace(hello, control=True).encode()
    withdrawals = Withdrawals()
    with contextlib.ExitStack() as failed:
        try:
            sock = failed.enter_context(contextlib.closing(connect(address)))
            sock.sendall(encode_message(FrameType.HELLO, 0, 0, (body,))[0])
            answer_withdrawals(sock, withdrawals)
            failed.pop_all()
        except (OSError, RuntimeError) as error:
            # No descriptor or no thread: nothing is sent ahead to this worker then.
            report(f"The control connection cannot be opened: {error}")
            return None
    return withdrawals


def _leader(connection: WorkerConnection, options: WorkerOptions) -> RankLeader | None:
    """Return what speaks to the other processes of a group, where this worker is one."""
    if options.membership is None:
        return None
    from ts._ranks.leader import RankLeader

    return RankLeader(connection, options.membership, options.secret)


def _join_ranks(leader: RankLeader | None, load: Load, body: bytes) -> Failed | None:
    """Bring the ranks of a group together; return why that failed, if it did."""
    if leader is None:
        return None
    try:
        leader.admit(load, body)
    except TimeoutError as error:
        return load_failure(load, error)
    return None


def _openai_routes(service: Service) -> list[str] | None:
    """Return the paths of the OpenAI API that the handler says it serves, see `ts.openai`."""
    entry_point = service.entry_point
    routes = getattr(getattr(entry_point, "__self__", entry_point), "openai_routes", None)
    return [str(route) for route in routes] if isinstance(routes, (tuple, list, set)) else None


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


def set_threads(threads: int | None) -> None:
    """Have torch use that many threads in an operation; None leaves its own choice."""
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


def resident_bytes() -> int | None:
    """Return how much memory this process has resident, where the system tells."""
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

"""A rank above 0: loads the model, and calls the handler whenever rank 0 does."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import platform
import traceback
from collections.abc import AsyncIterator
from typing import Any

from ts._protocol.control import Failed, Load
from ts._protocol.errors import PeerClosed, ProtocolError
from ts._protocol.frames import MEBIBYTE
from ts._ranks.channel import Kind, RankChannel, join
from ts._ranks.leader import JOIN_SEC
from ts._ranks.membership import Membership
from ts._ranks.requests import decode_run
from ts._worker.accelerator import why_unusable
from ts._worker.console import announce, report
from ts._worker.exit_codes import (
    EXIT_CLOSED,
    EXIT_CRASHED,
    EXIT_LOAD_FAILED,
    EXIT_PROTOCOL_ERROR,
)
from ts._worker.failures import explain, format_traceback
from ts._worker.handler_io import HandlerIO
from ts._worker.handler_run import HandlerRun
from ts._worker.lazy_loop import LazyLoop
from ts._worker.loading import load_service
from ts._worker.main import WorkerOptions, configure_output, resident_bytes, set_threads
from ts._worker.silent import SilentConnection
from ts.metrics._line import format_line
from ts.metrics._sample import MetricSample
from ts.service import Service
from ts.utils._row_errors import RowErrors

_MAX_DETAIL = 64 * 1024


def run_follower(options: WorkerOptions, membership: Membership) -> int:
    """Serve one model with rank 0 until that ends; return the exit code."""
    configure_output()
    announce(f"[PID]{os.getpid()}\nTorch worker started.")
    announce(f"Python runtime: {platform.python_version()}")
    try:
        set_threads(options.threads)
        channel = join(options.secret, membership.rank, JOIN_SEC)
        return _serve(channel, membership)
    except PeerClosed:
        announce("Rank 0 has ended.")
        return EXIT_CLOSED
    except TimeoutError as error:
        report(str(error))
        return EXIT_CRASHED
    except ProtocolError as error:
        report(f"Protocol error: {error}")
        return EXIT_PROTOCOL_ERROR
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        return EXIT_CRASHED


def _serve(channel: RankChannel, membership: Membership) -> int:
    kind, _, body = channel.receive()
    if kind != Kind.LOAD:
        raise ProtocolError(f"{kind.name} where LOAD was expected")
    load = Load.decode(body)
    if load.gpu_id is not None:
        # The processes of a worker see its GPUs alone, numbered from 0.
        load = dataclasses.replace(load, gpu_id=membership.rank)
    loop = LazyLoop()
    samples = _Samples()
    service = load_service(load, samples, loop.run)
    if isinstance(service, Failed):
        channel.send(Kind.FAILED, 0, service.encode())
        return EXIT_LOAD_FAILED
    memory = json.dumps({"memory_bytes": resident_bytes()}).encode("utf-8")
    channel.send(Kind.LOADED, 0, memory)
    samples.wanted, service.context.warming_up = False, True
    # With continuous batching two batches may run together.
    limit = (2 * load.batch_size + 1) * (load.max_request_size + 2 * MEBIBYTE)
    follower = _Follower(channel, service, load, loop)
    while True:
        kind, number, body = channel.receive(limit)
        if kind == Kind.RUN:
            follower.run(number, body)
        elif kind == Kind.SYNC:
            channel.send(Kind.SYNCED, number)
        elif kind == Kind.SERVE:
            samples.wanted = True
            service.context.warming_up = False
        else:
            raise ProtocolError(f"{kind.name} where RUN was expected")


class _Follower:
    """Calls the handler, and drops what it returns: rank 0 answers."""

    def __init__(self, channel: RankChannel, service: Service, load: Load, loop: LazyLoop) -> None:
        self._channel = channel
        self._service = service
        self._loop = loop
        self._model_dir = load.model_dir
        self._io = HandlerIO.of(load, SilentConnection(channel.socket))

    def run(self, number: int, body: bytearray) -> None:
        """Run what rank 0 runs, and tell it if that fails."""
        run = HandlerRun(decode_run(number, body), self._service.context, self._io)
        error = self._call_handler(run)
        if error is None:
            return
        report(format_traceback(error))
        fields = {
            "detail": explain(error, self._model_dir)[:_MAX_DETAIL],
            "unusable": why_unusable(error),
        }
        self._channel.send(Kind.RUN_FAILED, number, json.dumps(fields).encode("utf-8"))

    def _call_handler(self, run: HandlerRun) -> BaseException | None:
        """Call the handler, and what it left to be iterated; return what it raised."""
        while True:
            try:
                result = self._service.entry_point(run.data, self._service.context)
                if type(result) is not list and inspect.isawaitable(result):
                    result = self._loop.run(result)
                run.find_streams(result)
                self._exhaust(run)
                return None
            except (SystemExit, KeyboardInterrupt):
                raise
            except RowErrors as error:
                if not run.fail_rows(error):
                    return error if run.requests else None
            except BaseException as error:
                return error

    def _exhaust(self, run: HandlerRun) -> None:
        """Take all pieces of all streams, in the order in which rank 0 does."""
        streams = list(run.streams.values())
        while streams:
            streams = [pieces for pieces in streams if self._take_piece(pieces)]

    def _take_piece(self, pieces: Any) -> bool:
        try:
            if isinstance(pieces, AsyncIterator):
                self._loop.run(pieces.__anext__())
            else:
                next(pieces)
        except (StopIteration, StopAsyncIteration):
            return False
        return True


class _Samples:
    """Emits metrics as handlers of TorchServe 0.12 do: the frontend reads them from the output.

    Attributes:
        wanted: Whether they count; those of a warm-up do not.
    """

    def __init__(self) -> None:
        self.wanted = True

    def __call__(self, sample: MetricSample) -> None:
        """Print one."""
        if self.wanted:
            announce(format_line(sample))

"""Runs batches as tasks of one event loop, for ``concurrency`` and ``asyncCommunication``.

Answers come in any order.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import time
from collections.abc import AsyncIterator

from ts._protocol.control import Load
from ts._protocol.errors import PeerClosed
from ts._worker.accelerator import why_unusable
from ts._worker.connection import WorkerConnection
from ts._worker.console import report
from ts._worker.failures import CANCELLED, ENDS_WORKER, WorkerUnusable
from ts._worker.following import follow
from ts._worker.handler_io import HandlerIO
from ts._worker.handler_run import HandlerRun
from ts._worker.handler_times import HandlerTimes
from ts._worker.inbox import Batch, PendingRequest
from ts._worker.metrics import PredictionTime
from ts._worker.own_cores import OwnCores
from ts._worker.result_streams import ResultStreams
from ts.context import Context
from ts.service import Service
from ts.utils._row_errors import RowErrors

_BLOCKS = (
    "handle is not a coroutine function: with concurrency or asyncCommunication its requests run"
    " one after the other, and nothing else runs meanwhile; expected async def handle"
)

_BLOCK_ABOVE = 8 << 20
"""Bytes that may wait for a frontend that does not read before a chunk blocks the loop."""

_ENDS_TASK = (asyncio.CancelledError, GeneratorExit)
"""What the handler sees when its task is cancelled, or dropped with the event loop."""


class AsyncBatchServer:
    """The loop of an asynchronous worker.

    Ends by `PeerClosed`, `ProtocolError` or `WorkerUnusable`.
    """

    def __init__(
        self,
        connection: WorkerConnection,
        service: Service,
        load: Load,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._connection = connection
        self._service = service
        self._loop = loop
        # The event loop reads; a call need not.
        self._io = HandlerIO.of(load, connection, flush=self._flush_chunk)
        self._prediction_time = PredictionTime(connection.writer, load.model_name)
        self._handler_times = HandlerTimes(connection.writer)
        self._tasks: dict[Batch, asyncio.Task[None]] = {}
        self._running: set[Batch] = set()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._flush_scheduled = False
        self._waits_for_room = False
        self._blocks = False
        self._cores = OwnCores.of_environment()

    def serve(self) -> None:
        """Serve until the frontend closes the connection. Batches still running are dropped."""
        self._loop.add_reader(self._connection.socket, self._on_readable)
        try:
            self._loop.run_until_complete(self._ended)
        finally:
            self._loop.remove_reader(self._connection.socket)
            # No client waits for what is dropped: it does not fail when its coroutine is closed.
            for batch in self._tasks:
                for request in batch.requests:
                    request.cancelled = True

    def run(self, batch: Batch) -> None:
        """Run a batch that did not come by the connection to its end. Raises as `serve` does."""
        task = self._tasks[batch] = self._loop.create_task(self._run(batch))
        self._loop.run_until_complete(task)
        if self._ended.done():
            self._ended.result()

    def _on_readable(self) -> None:
        try:
            cancelled = self._connection.receive(wait=False)
        except Exception as error:  # PeerClosed, ProtocolError: the end of the loop
            self._end(error)
            return
        ready = self._connection.inbox.ready
        while ready:
            batch = ready.popleft()
            self._tasks[batch] = self._loop.create_task(self._run(batch))
        for batch in cancelled:
            # A task that has not begun would be dropped without an answer; it will see by itself.
            if batch in self._running and all(request.cancelled for request in batch.requests):
                self._tasks[batch].cancel()
        self._schedule_flush()

    async def _run(self, batch: Batch) -> None:
        requests = batch.requests
        self._running.add(batch)
        try:
            while requests:
                requests = await self._run_handler(requests)
        except PeerClosed as error:
            self._end(error)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            # A fault of our own: end the worker rather than leave a request without an answer.
            self._end(error)
        finally:
            self._running.discard(batch)
            del self._tasks[batch]
            self._schedule_flush()

    async def _run_handler(self, requests: list[PendingRequest]) -> list[PendingRequest]:
        context = self._copy_context()
        run = HandlerRun(requests, context, self._io)
        if not run.requests:
            return run.finish([])
        if self._cores is not None:
            self._cores.follow()
        connection = self._connection
        followed = follow(run, connection.writer) if connection.inbox.has_followed else None
        if followed is None:
            return await self._run_to_end(run, context)
        with followed:
            return await self._run_to_end(run, context)

    async def _run_to_end(self, run: HandlerRun, context: Context) -> list[PendingRequest]:
        while True:
            started = time.perf_counter()
            try:
                result = self._service.entry_point(run.data, context)
                if inspect.isawaitable(result):
                    result = await result
                elif not self._blocks and not isinstance(result, AsyncIterator):
                    self._blocks = True
                    report(_BLOCKS)
                result = run.find_streams(result)
                run.tell_handled()
                break
            except ENDS_WORKER:
                raise
            except RowErrors as error:
                run.tell_handled()
                if not run.fail_rows(error):
                    self._end_if_unusable(error)
                    return []
            except BaseException as error:
                run.tell_handled()
                self._fail(run, error)
                return []
        took = time.perf_counter() - started
        if not run.streams:
            if context.stopping_criteria is None:
                self._handler_times.queue(run.batches, started, took)
            self._prediction_time.queue(took, run.request_ids.values())
        continuing = run.finish(result)
        if run.streams:
            try:
                await ResultStreams(run, self._io).send_side_by_side()
            except asyncio.CancelledError as error:
                self._fail(run, error)
            took = time.perf_counter() - started
            self._prediction_time.queue(took, run.request_ids.values())
        if run.failure is not None:
            self._end_if_unusable(run.failure)
        return continuing

    def _fail(self, run: HandlerRun, error: BaseException) -> None:
        # A handler may also await a task that it has cancelled itself, while its client waits.
        if isinstance(error, _ENDS_TASK) and not run.is_wanted():
            run.fail(CANCELLED)
            return
        run.fail_with(error)
        self._end_if_unusable(error)

    def _end_if_unusable(self, error: BaseException) -> None:
        reason = why_unusable(error)
        if reason is not None:
            self._end(WorkerUnusable(reason))

    def _copy_context(self) -> Context:
        """Return a context whose batch fields belong to one call."""
        context = copy.copy(self._service.context)
        if context.metrics is not None:
            context.metrics = copy.copy(context.metrics)
        return context

    def _flush_chunk(self) -> None:
        """Send a chunk now as far as the frontend reads; may be called by any thread."""
        writer = self._connection.writer
        if writer.pending_size > _BLOCK_ABOVE:
            writer.flush()
        elif not writer.flush(wait=False):
            self._loop.call_soon_threadsafe(self._wait_for_room)

    def _schedule_flush(self) -> None:
        """Let answers of one turn of the loop leave together."""
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        try:
            done = self._connection.writer.flush(wait=False)
        except PeerClosed as error:
            self._end(error)
            return
        if not done:
            self._wait_for_room()
        elif self._waits_for_room:
            self._waits_for_room = False
            self._loop.remove_writer(self._connection.socket)

    def _wait_for_room(self) -> None:
        if not self._waits_for_room:
            self._waits_for_room = True
            self._loop.add_writer(self._connection.socket, self._flush)

    def _end(self, error: BaseException) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

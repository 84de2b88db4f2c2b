"""Runs batches one after the other, in the order in which they came.

With continuous batching, requests that go on and new ones run together in each call.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any

from ts._protocol.control import Load
from ts._protocol.frames import ALL_ITEMS, FrameType, encode_message
from ts._protocol.messages import RequestKind
from ts._worker.accelerator import why_unusable
from ts._worker.connection import WorkerConnection
from ts._worker.console import report
from ts._worker.failures import ENDS_WORKER, RequestCancelled, WorkerUnusable, format_traceback
from ts._worker.following import follow
from ts._worker.handler_io import HandlerIO
from ts._worker.handler_run import HandlerRun
from ts._worker.handler_times import HandlerTimes
from ts._worker.inbox import Batch, PendingRequest
from ts._worker.lazy_loop import LazyLoop
from ts._worker.metrics import PredictionTime
from ts._worker.own_cores import OwnCores
from ts._worker.result_streams import ResultStreams
from ts._worker.withdrawals import Withdrawals
from ts.service import Service
from ts.utils._row_errors import RowErrors

if TYPE_CHECKING:
    from ts._ranks.leader import RankLeader

_BREATH_SEC = 0.0001
"""While batches wait, answers leave and cancellations are read this often: each costs a system
call, which for the fastest handlers is more than their own work. Seldom is no better: the frontend
then has nothing to do, and after that much at once."""
_FLUSH_ABOVE = 64 * 1024
_POLL_SEC = 0.001
"""While a handler streams, cancellations are read this often at most: a look costs more than it
does to send a small chunk."""


class BatchServer:
    """The loop of a synchronous worker.

    Ends by `PeerClosed`, `ProtocolError` or `WorkerUnusable`.

    Args:
        connection: To the frontend.
        service: The model.
        load: What the frontend said of it.
        loop: Where the model was loaded, if that needed an event loop.
        leader: Has the other processes of this worker run what runs here; None if it has none.
        withdrawals: Batches that are not to be begun; None if there can be none.
    """

    def __init__(
        self,
        connection: WorkerConnection,
        service: Service,
        load: Load,
        *,
        loop: LazyLoop | None = None,
        leader: RankLeader | None = None,
        withdrawals: Withdrawals | None = None,
    ) -> None:
        self._connection = connection
        self._withdrawals = withdrawals
        self._leader = leader
        self._service = service
        self._loop = loop or LazyLoop()
        self._io = HandlerIO.of(load, connection, self._poll, connection.writer.flush)
        self._prediction_time = PredictionTime(connection.writer, load.model_name)
        self._handler_times = HandlerTimes(connection.writer)
        self._polled_at = 0.0
        self._continuous = False
        self._cores = OwnCores.of_environment()

    def serve(self) -> None:
        """Serve until the frontend closes the connection."""
        connection, inbox = self._connection, self._connection.inbox
        continuing: list[PendingRequest] = []
        breathed_at = time.perf_counter()
        while True:
            if not inbox.ready:
                connection.writer.flush()
                connection.receive(wait=not continuing)
            else:
                now = time.perf_counter()
                if connection.writer.pending_size > _FLUSH_ABOVE or now - breathed_at > _BREATH_SEC:
                    breathed_at = now
                    connection.writer.flush()
                    connection.receive(wait=False)
            requests = self._next_requests(continuing)
            if requests:
                continuing = self._run_everywhere(requests)

    def run(self, batch: Batch) -> None:
        """Run a batch that did not come by the connection to its end. Raises as `serve` does."""
        requests = batch.requests
        while requests:
            requests = self._run_everywhere(requests)

    def _next_requests(self, continuing: list[PendingRequest]) -> list[PendingRequest]:
        """Return the requests of the next call: one batch, or those that go on and what fits.

        What waits is taken in order and kinds are not mixed: a description or explanation waits
        until the requests before it are done, and those behind it wait for it.
        """
        ready = self._connection.inbox.ready
        requests = continuing
        if not requests:
            while ready and not requests:
                requests = self._begin_next()
            if not self._continuous:
                return requests
        while ready and self._may_join(requests, ready[0].requests):
            requests = requests + self._begin_next()
        return requests

    def _begin_next(self) -> list[PendingRequest]:
        """Return the requests of the batch that came first; none if it was withdrawn."""
        inbox = self._connection.inbox
        batch = inbox.ready.popleft()
        if self._withdrawals is None or self._withdrawals.begin(batch.id):
            return batch.requests
        inbox.close(batch)
        # Said before, unless the control connection has failed.
        self._connection.writer.queue(encode_message(FrameType.WITHDRAWN, batch.id, ALL_ITEMS))
        return []

    @staticmethod
    def _may_join(requests: list[PendingRequest], more: list[PendingRequest]) -> bool:
        """Whether requests may run together: the frontend sends no more of them than may."""
        kind = requests[0].input.kind
        return kind == more[0].input.kind and kind != RequestKind.DESCRIBE

    def _run_everywhere(self, requests: list[PendingRequest]) -> list[PendingRequest]:
        leader = self._leader
        if leader is None:
            return self._run_handler(requests)
        leader.begin(requests)
        continuing = self._run_handler(requests)
        leader.end()
        return continuing

    def _run_handler(self, requests: list[PendingRequest]) -> list[PendingRequest]:
        run = HandlerRun(requests, self._service.context, self._io)
        if not run.requests:
            run.finish([])
            self._end_sequences()
            return []
        if self._cores is not None:
            self._cores.follow()
        if self._leader is not None:
            self._leader.running(run)
        connection = self._connection
        followed = follow(run, connection.writer) if connection.inbox.has_followed else None
        if followed is None:
            return self._run(run)
        with followed:
            return self._run(run)

    def _end_sequences(self) -> None:
        """Have a handler of `ts.openai` end what runs: no client waits for it any more."""
        handler = getattr(self._service.entry_point, "__self__", None)
        all_clients_left = getattr(handler, "all_clients_left", None)
        # With ranks it is left to the next call, which runs in all of them.
        if all_clients_left is None or self._leader is not None:
            return
        try:
            all_clients_left()
        except ENDS_WORKER:
            raise
        except BaseException as error:
            report(format_traceback(error))
            self._end_if_unusable(error)

    def _run(self, run: HandlerRun) -> list[PendingRequest]:
        service = self._service
        while True:
            started = time.perf_counter()
            try:
                result = service.entry_point(run.data, service.context)
                if type(result) is not list and inspect.isawaitable(result):
                    result = self._wait_for(run, result)
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
                # Such as asyncio.CancelledError: it fails these requests, not the worker.
                left = isinstance(error, asyncio.CancelledError) and not run.is_wanted()
                run.tell_handled()
                out_of_step = self._settle()
                run.fail_with(RequestCancelled() if left else error)
                self._end_if_unusable(error, out_of_step)
                return []
        took = time.perf_counter() - started
        if service.context.stopping_criteria is not None:
            self._continuous = True
        if not run.streams:
            if not self._continuous:
                self._handler_times.queue(run.batches, started, took)
            self._prediction_time.queue(took, run.request_ids.values())
        continuing = run.finish(result)
        if run.streams:
            streams = ResultStreams(run, self._io)
            streams.send(lambda awaitable: self._wait_for(run, awaitable), self._loop.run)
            took = time.perf_counter() - started
            self._prediction_time.queue(took, run.request_ids.values())
        if run.failure is not None:
            self._end_if_unusable(run.failure, self._settle())
        return continuing

    def _settle(self) -> str | None:
        """After a failure: return why the processes of this worker are out of step, if they are."""
        return self._leader.settle() if self._leader is not None else None

    def _wait_for(self, run: HandlerRun, awaitable: Any) -> Any:
        if self._leader is not None:
            return self._loop.run(awaitable)
        return self._loop.run_for_requests(awaitable, self._connection, run.is_wanted)

    def _end_if_unusable(self, error: BaseException, out_of_step: str | None = None) -> None:
        # Responses leave first: asking the accelerator may take time.
        self._connection.writer.flush()
        reason = why_unusable(error) or out_of_step
        if reason is not None:
            raise WorkerUnusable(reason)

    def _poll(self) -> None:
        # What was begun in several processes ends in all of them: none would know of the other's
        # cancellation, and they would wait for each other in different calls.
        if self._leader is not None:
            return
        now = time.perf_counter()
        if now - self._polled_at > _POLL_SEC:
            self._polled_at = now
            self._connection.receive(wait=False)

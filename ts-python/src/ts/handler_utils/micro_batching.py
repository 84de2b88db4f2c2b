"""Micro batching: the steps of a handler run at the same time on slices of one batch."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ts.handler_utils._slice_context import CurrentSliceContext, SliceContext
from ts.utils._row_errors import RowErrors

HANDLER_METHODS = ["preprocess", "inference", "postprocess"]
"""The steps of a handler, in their order."""

_END: Any = None  # ends one thread of a step
_LOOK_SEC = 0.5


@dataclass(slots=True)
class _Call:
    """One call of the handler: what its slices share."""

    results: queue.SimpleQueue[_Slice] = field(default_factory=queue.SimpleQueue)
    failed: bool = False


@dataclass(slots=True)
class _Slice:
    """A part of a batch on its way through the steps."""

    call: _Call
    index: int
    context: SliceContext | None
    data: Any
    error: BaseException | None = None


@dataclass
class WorkerThread:
    """A thread of a step.

    Attributes:
        event: Set once the thread is to end; it finishes the slices that wait before.
        thread: The thread.
    """

    event: threading.Event
    thread: threading.Thread


def execute_call(
    in_queue: queue.Queue[tuple[int, Any]],
    out_queue: queue.Queue[tuple[int, Any]],
    handle: Callable[[Any], Any],
    event: threading.Event,
) -> None:
    """Run one step of a handler on numbered slices, as the body of a thread of one's own.

    `MicroBatching` has threads that also see the end at once and pass errors on; this is for code
    that puts the steps together itself.

    Args:
        in_queue: Number and data of each slice.
        out_queue: Gets the same number with what `handle` returned.
        handle: The step, ``handler.preprocess`` for example. What it raises ends the call.
        event: Ends the call once it is set, within half a second.
    """
    while not event.is_set():
        try:
            number, data = in_queue.get(timeout=_LOOK_SEC)
        except queue.Empty:
            continue
        out_queue.put((number, handle(data)))


class MicroBatching:
    """Replaces ``handle`` of a handler: ``self.handle = MicroBatching(self, micro_batch_size=2)``.

    The batch is cut into slices, which pass through ``preprocess``, ``inference`` and
    ``postprocess``, each with threads of its own; the results are put together in order. An
    exception in a step fails the batch, as it would without micro batching. Explanations,
    descriptions and profiled batches are handled whole.

    In the steps, ``self.context`` shows the requests of the slice only: index 0 is the first
    request of the slice.

    Args:
        parent_handler: The handler, a `BaseHandler`.
        micro_batch_size: Requests per slice, 1 or more.
        parallelism: Threads by step, 1 each if not given. A step with 0 threads runs on the thread
            of the step before.

    Attributes:
        handler: The handler.
        micro_batch_size: Requests per slice.
        thread_groups: The threads by step, as many as `parallelism` says.
    """

    def __init__(
        self,
        parent_handler: Any,
        micro_batch_size: int = 1,
        parallelism: Mapping[str, int] | None = None,
    ) -> None:
        if micro_batch_size < 1:
            raise ValueError(f"Micro batch size {micro_batch_size}, expected 1 or more")
        self.handler = parent_handler
        self.micro_batch_size = micro_batch_size
        self._lock = threading.Lock()
        self._local = threading.local()
        self._queues: dict[str, queue.SimpleQueue[_Slice]] = {
            step: queue.SimpleQueue() for step in HANDLER_METHODS
        }
        self.thread_groups: dict[str, list[WorkerThread]] = {step: [] for step in HANDLER_METHODS}
        self._ending: dict[str, list[WorkerThread]] = {step: [] for step in HANDLER_METHODS}
        self.parallelism = dict.fromkeys(HANDLER_METHODS, 1) | dict(parallelism or {})

    @property
    def parallelism(self) -> dict[str, int]:
        """Threads by step. May be set at any time; slices under way are finished."""
        with self._lock:
            return {step: len(threads) for step, threads in self.thread_groups.items()}

    @parallelism.setter
    def parallelism(self, parallelism: Mapping[str, int]) -> None:
        for step, count in parallelism.items():
            if step not in HANDLER_METHODS:
                raise ValueError(f"Step {step!r}, expected one of {', '.join(HANDLER_METHODS)}")
            if not isinstance(count, int) or count < 0:
                raise ValueError(f"Parallelism {count!r} of {step}, expected 0 or more")
        with self._lock:
            for step, count in parallelism.items():
                self._resize(step, count)

    def __call__(self, data: Any, context: Any) -> Any:
        """Handle a batch. Arguments and result are those of ``BaseHandler.handle``."""
        handler = self.handler
        handler.context = context
        if self._is_plain(context):
            return type(handler).handle(handler, data, context)
        start = time.perf_counter()
        output = self.handle(data)
        elapsed_ms = round((time.perf_counter() - start) * 1000, 2)
        context.metrics.add_time("HandlerTime", elapsed_ms, None, "ms")
        return output

    def handle(self, data: Any) -> list[Any]:
        """Run a batch through the steps in slices, with the context that the handler has.

        Args:
            data: One row per request.

        Returns:
            One result per request, in their order.

        Raises:
            ValueError: The batch is empty.
        """
        if not data:
            raise ValueError("The batch is empty, expected at least one request")
        context = self.handler.context
        if context is None:
            return self._run(data, None)
        self.handler.context = CurrentSliceContext(context, self._local)
        try:
            return self._run(data, context)
        finally:
            self.handler.context = context

    def get_micro_batch_idx(self) -> int:
        """Return the index of the slice the calling step works on; 0 outside of steps."""
        return getattr(self._local, "index", 0)

    def shutdown(self) -> None:
        """End all threads after the slices under way. Later batches run on the caller's thread."""
        with self._lock:
            groups = (*self.thread_groups.values(), *self._ending.values())
            ending = [worker for workers in groups for worker in workers]
        self.parallelism = dict.fromkeys(HANDLER_METHODS, 0)
        for worker in ending:
            worker.thread.join()

    def _is_plain(self, context: Any) -> bool:
        from ts.torch_handler.base_handler import profiler_enabled

        return profiler_enabled() or self.handler._is_explain() or self.handler._is_describe()

    def _resize(self, step: str, count: int) -> None:
        workers = self.thread_groups[step]
        for _ in range(count - len(workers)):
            event = threading.Event()
            thread = threading.Thread(
                target=self._serve, args=(step, event), name=f"micro-batch-{step}", daemon=True
            )
            workers.append(WorkerThread(event, thread))
            thread.start()
        for _ in range(len(workers) - count):
            worker = workers.pop()
            worker.event.set()
            self._ending[step].append(worker)
            self._queues[step].put(_END)

    def _run(self, data: Any, context: Any) -> list[Any]:
        call = _Call()
        size = self.micro_batch_size
        count = 0
        for index, offset in enumerate(range(0, len(data), size)):
            part = data[offset : offset + size]
            seen = None if context is None else SliceContext(context, offset, len(part))
            self._pass_on(_Slice(call, index, seen, part), 0)
            count += 1
        done = sorted((call.results.get() for _ in range(count)), key=lambda s: s.index)
        for piece in done:
            if piece.error is not None:
                error, offset = piece.error, piece.index * size
                part = data[offset : offset + size]
                raise error.moved_by(offset, part) if isinstance(error, RowErrors) else error
        return [result for piece in done for result in piece.data]

    def _serve(self, step: str, event: threading.Event) -> None:
        while (piece := self._queues[step].get()) is not _END:
            self._step(piece, HANDLER_METHODS.index(step))
        with self._lock:
            # Any thread of the step may take the end: one that was to go then takes its place.
            workers, ending = self.thread_groups[step], self._ending[step]
            for place, worker in enumerate(workers):
                if worker.event is event:
                    workers[place] = ending.pop()
                    workers[place].event.clear()
                    event.set()
                    return
            ending[:] = [worker for worker in ending if worker.event is not event]

    def _pass_on(self, piece: _Slice, number: int) -> None:
        if number == len(HANDLER_METHODS):
            piece.call.results.put(piece)
            return
        step = HANDLER_METHODS[number]
        with self._lock:
            # Under the lock, so that no slice lands behind the end of a step's last thread.
            if self.thread_groups[step]:
                self._queues[step].put(piece)
                return
        self._step(piece, number)

    def _step(self, piece: _Slice, number: int) -> None:
        if not piece.call.failed:
            previous = vars(self._local).copy()
            self._local.index = piece.index
            self._local.context = piece.context
            try:
                piece.data = getattr(self.handler, HANDLER_METHODS[number])(piece.data)
            except BaseException as e:
                # Whatever it is, the caller waits for this slice: it raises the error itself.
                piece.error = e
                piece.call.failed = True
            finally:
                vars(self._local).clear()
                vars(self._local).update(previous)
        self._pass_on(piece, len(HANDLER_METHODS) if piece.call.failed else number + 1)

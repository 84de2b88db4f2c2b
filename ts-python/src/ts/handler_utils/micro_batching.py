"""Micro batching: the steps of a handler run at the same time on slices of one batch."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ts.handler_utils._slice_context import CurrentSliceContext, SliceContext
from ts.utils._row_errors import RowErrors

STEPS = ("preprocess", "inference", "postprocess")

_END: Any = None  # ends one thread of a step


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
    context: SliceContext
    data: Any
    error: BaseException | None = None


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
            step: queue.SimpleQueue() for step in STEPS
        }
        self._threads: dict[str, list[threading.Thread]] = {step: [] for step in STEPS}
        self.parallelism = dict.fromkeys(STEPS, 1) | dict(parallelism or {})

    @property
    def parallelism(self) -> dict[str, int]:
        """Threads by step. May be set at any time; slices under way are finished."""
        with self._lock:
            return {step: len(threads) for step, threads in self._threads.items()}

    @parallelism.setter
    def parallelism(self, parallelism: Mapping[str, int]) -> None:
        for step, count in parallelism.items():
            if step not in STEPS:
                raise ValueError(f"Step {step!r}, expected one of {', '.join(STEPS)}")
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
        if not data:
            raise ValueError("The batch is empty, expected at least one request")
        handler.context = CurrentSliceContext(context, self._local)
        try:
            output = self._run(data, context)
        finally:
            handler.context = context
        elapsed_ms = round((time.perf_counter() - start) * 1000, 2)
        context.metrics.add_time("HandlerTime", elapsed_ms, None, "ms")
        return output

    def get_micro_batch_idx(self) -> int:
        """Return the index of the slice the calling step works on; 0 outside of steps."""
        return getattr(self._local, "index", 0)

    def shutdown(self) -> None:
        """End all threads after the slices under way. Later batches run on the caller's thread."""
        with self._lock:
            ending = [thread for threads in self._threads.values() for thread in threads]
        self.parallelism = dict.fromkeys(STEPS, 0)
        for thread in ending:
            thread.join()

    def _is_plain(self, context: Any) -> bool:
        from ts.torch_handler.base_handler import profiler_enabled

        return profiler_enabled() or self.handler._is_explain() or self.handler._is_describe()

    def _resize(self, step: str, count: int) -> None:
        threads = self._threads[step]
        for _ in range(count - len(threads)):
            thread = threading.Thread(
                target=self._serve, args=(step,), name=f"micro-batch-{step}", daemon=True
            )
            threads.append(thread)
            thread.start()
        # Whichever threads take the ends, as many are left as are listed: the list only counts.
        for _ in range(len(threads) - count):
            threads.pop()
            self._queues[step].put(_END)

    def _run(self, data: Any, context: Any) -> list[Any]:
        call = _Call()
        size = self.micro_batch_size
        count = 0
        for index, offset in enumerate(range(0, len(data), size)):
            part = data[offset : offset + size]
            self._pass_on(_Slice(call, index, SliceContext(context, offset, len(part)), part), 0)
            count += 1
        done = sorted((call.results.get() for _ in range(count)), key=lambda s: s.index)
        for piece in done:
            if piece.error is not None:
                error = piece.error
                raise error.moved_by(piece.index * size) if isinstance(error, RowErrors) else error
        return [result for piece in done for result in piece.data]

    def _serve(self, step: str) -> None:
        while (piece := self._queues[step].get()) is not _END:
            self._step(piece, STEPS.index(step))

    def _pass_on(self, piece: _Slice, number: int) -> None:
        if number == len(STEPS):
            piece.call.results.put(piece)
            return
        step = STEPS[number]
        with self._lock:
            # Under the lock, so that no slice lands behind the end of a step's last thread.
            if self._threads[step]:
                self._queues[step].put(piece)
                return
        self._step(piece, number)

    def _step(self, piece: _Slice, number: int) -> None:
        if not piece.call.failed:
            previous = vars(self._local).copy()
            self._local.index = piece.index
            self._local.context = piece.context
            try:
                piece.data = getattr(self.handler, STEPS[number])(piece.data)
            except BaseException as e:
                # Whatever it is, the caller waits for this slice: it raises the error itself.
                piece.error = e
                piece.call.failed = True
            finally:
                vars(self._local).clear()
                vars(self._local).update(previous)
        self._pass_on(piece, len(STEPS) if piece.call.failed else number + 1)

"""Slices of a batch on their way through the steps."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_java import wait_until
from handler_fakes import FakeContext
from ts.handler_utils.micro_batching import (
    HANDLER_METHODS,
    MicroBatching,
    WorkerThread,
    execute_call,
)
from ts.torch_handler.base_handler import BaseHandler

LIMIT_SEC = 20


class Recording(BaseHandler):
    """Adds one, doubles, and turns into text, and remembers slices."""

    def __init__(self, size: int, parallelism: dict[str, int] | None = None) -> None:
        super().__init__()
        self.seen: list[tuple[int, list[int]]] = []
        self.handle = MicroBatching(self, size, parallelism)  # type: ignore[method-assign]

    def preprocess(self, data: Any) -> Any:
        self.seen.append((self.handle.get_micro_batch_idx(), list(data)))  # type: ignore[attr-defined]
        return [n + 1 for n in data]

    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return [n * 2 for n in data]

    def postprocess(self, data: Any) -> Any:
        return [str(n) for n in data]


def context(count: int, **header: str) -> FakeContext:
    return FakeContext(Path(), headers=[{"n": str(i), **header} for i in range(count)])


@pytest.mark.parametrize(
    "parallelism", [None, {"preprocess": 3, "inference": 2}, dict.fromkeys(HANDLER_METHODS, 0)]
)
def test_results_come_in_order(parallelism: dict[str, int] | None) -> None:
    handler = Recording(2, parallelism)
    batch = context(5)
    assert handler.handle(list(range(5)), batch) == ["2", "4", "6", "8", "10"]
    assert sorted(handler.seen) == [(0, [0, 1]), (1, [2, 3]), (2, [4])]
    assert [s.name for s in batch.samples] == ["HandlerTime"]
    assert batch.samples[0].request_ids == "id-0,id-1,id-2,id-3,id-4"
    assert handler.context is batch


def test_steps_of_different_slices_run_at_the_same_time() -> None:
    second_is_prepared = threading.Event()

    class Pipelined(Recording):
        def preprocess(self, data: Any) -> Any:
            if data == [1]:
                second_is_prepared.set()
            return super().preprocess(data)

        def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
            if data == [1]:  # the first slice, prepared
                assert second_is_prepared.wait(LIMIT_SEC)
            return super().inference(data)

    assert Pipelined(1).handle([0, 1], context(2)) == ["2", "4"]


@pytest.mark.parametrize("step", HANDLER_METHODS)
def test_exception_in_a_step_reaches_the_caller_and_the_next_batch_works(step: str) -> None:
    handler = Recording(1)
    original = getattr(handler, step)

    def failing(data: Any) -> Any:
        raise ValueError(f"bad {step}")

    setattr(handler, step, failing)
    with pytest.raises(ValueError, match=f"bad {step}"):
        handler.handle([1, 2, 3], context(3))
    setattr(handler, step, original)
    assert handler.handle([1], context(1)) == ["4"]


def test_context_shows_the_requests_of_the_slice() -> None:
    seen: dict[int, Any] = {}

    class Asking(Recording):
        def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
            index = self.handle.get_micro_batch_idx()  # type: ignore[attr-defined]
            for i in range(len(data)):
                self.context.set_response_status(201, idx=i)
                self.context.metrics.add_counter("seen", 1, idx=i)
            seen[index] = (
                self.context.get_request_header(0, "n"),
                self.context.get_request_id(0),
                self.context.request_ids,
                self.context.model_name,
            )
            return super().inference(data)

    batch = context(3)
    handler = Asking(2)
    handler.handle([0, 1, 2], batch)
    assert seen == {
        0: ("0", "id-0", {0: "id-0", 1: "id-1"}, "m"),
        1: ("2", "id-2", {0: "id-2"}, "m"),
    }
    assert batch.statuses == {0: 201, 1: 201, 2: 201}
    assert sorted(s.request_ids for s in batch.samples if s.name == "seen") == [
        "id-0",
        "id-1",
        "id-2",
    ]
    assert batch.metrics.request_ids == batch.request_ids


def test_explanation_and_description_take_the_plain_path() -> None:
    class Plain(Recording):
        def get_insights(self, data_preprocess: Any, raw_input: Any, target: Any = 0) -> Any:
            return ["why"]

        def describe_handle(self) -> Any:
            return "what"

    handler = Plain(1)
    assert handler.handle([{"data": 1}], context(1, describe="True")) == ["what"]
    handler.preprocess = lambda data: data  # type: ignore[method-assign]
    assert handler.handle([{"data": 1}], context(1, explain="True")) == ["why"]
    assert handler.seen == []


def test_parallelism_changes_and_shutdown_ends_the_threads() -> None:
    handler = Recording(1)
    micro: Any = handler.handle
    threads = [w.thread for ws in micro.thread_groups.values() for w in ws]
    assert all(thread.daemon for thread in threads)
    micro.parallelism = {"inference": 0, "preprocess": 2}
    assert micro.parallelism == {"preprocess": 2, "inference": 0, "postprocess": 1}
    assert handler.handle([1, 2], context(2)) == ["4", "6"]
    threads += [w.thread for ws in micro.thread_groups.values() for w in ws]
    micro.shutdown()
    for thread in threads:
        thread.join(LIMIT_SEC)
    assert not any(thread.is_alive() for thread in threads)
    assert handler.handle([1], context(1)) == ["4"]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="Micro batch size 0"):
        MicroBatching(BaseHandler(), 0)
    with pytest.raises(ValueError, match="Step 'train'"):
        MicroBatching(BaseHandler(), 1, {"train": 1})
    with pytest.raises(ValueError, match="Parallelism -1 of inference"):
        MicroBatching(BaseHandler(), 1, {"inference": -1})


def test_batch_is_run_without_a_context_by_handle() -> None:
    handler = Recording(2)
    micro: Any = handler.handle
    assert micro.handle([0, 1, 2]) == ["2", "4", "6"]
    assert sorted(handler.seen) == [(0, [0, 1]), (1, [2])]
    handler.context = context(3)
    assert micro.handle([0]) == ["2"]
    assert handler.context.samples == []  # HandlerTime is of the whole call
    with pytest.raises(ValueError, match="batch is empty"):
        micro.handle([])


def test_thread_groups_are_the_threads_that_run() -> None:
    handler = Recording(1, {"preprocess": 3})
    micro: Any = handler.handle
    first = {step: list(workers) for step, workers in micro.thread_groups.items()}
    assert {step: len(workers) for step, workers in first.items()} == micro.parallelism
    assert list(first) == HANDLER_METHODS
    micro.parallelism = {"preprocess": 1, "postprocess": 2}
    assert [len(micro.thread_groups[step]) for step in HANDLER_METHODS] == [1, 1, 2]

    # Any of the three may be the one that is left; the group names the one that is.
    wait_until(lambda: sum(w.thread.is_alive() for w in first["preprocess"]) == 1)
    (left,) = micro.thread_groups["preprocess"]
    assert left.thread.is_alive()
    assert not left.event.is_set()
    assert all(w.event.is_set() for w in first["preprocess"] if not w.thread.is_alive())
    assert all(
        isinstance(w, WorkerThread) and w.thread.is_alive()
        for workers in micro.thread_groups.values()
        for w in workers
    )
    micro.shutdown()
    assert micro.thread_groups == {step: [] for step in HANDLER_METHODS}


def test_step_runs_on_numbered_slices_in_a_thread_of_ones_own() -> None:
    ins: queue.Queue[Any] = queue.Queue()
    outs: queue.Queue[Any] = queue.Queue()
    ended = threading.Event()
    step = threading.Thread(
        target=execute_call, args=(ins, outs, lambda data: [n + 1 for n in data], ended)
    )
    step.start()
    for number, data in ((0, [1, 2]), (1, [3])):
        ins.put((number, data))
    assert [outs.get(timeout=LIMIT_SEC) for _ in range(2)] == [(0, [2, 3]), (1, [4])]
    ended.set()
    step.join(LIMIT_SEC)
    assert not step.is_alive()

"""Handlers that are coroutines: several batches at a time, answers in any order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

HANDLER = """
import asyncio
from ts.handler_utils.utils import send_intermediate_predict_response as send

class Handler:
    def initialize(self, context):
        self.gate = asyncio.Event()
        context.shared = {"n": 0}

    async def handle(self, data, context):
        context.shared["n"] += 1
        word = data[0]["body"]
        if word == "wait":
            await self.gate.wait()
        elif word == "open":
            self.gate.set()
        elif word == "fail":
            raise ValueError("no")
        elif word == "forever":
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                print("task cancelled", flush=True)
                raise
        elif word == "stream":
            for i in range(20):
                send([f"{context.get_request_id(0)}{i}"], context.request_ids, "", 200, context)
                await asyncio.sleep(0.002)
        elif word == "large":
            return ["x" * 5_000_000]
        context.set_response_header(0, "x-id", context.get_request_id(0))
        return [f"{word} {context.get_request_id(0)}"]
"""


@pytest.fixture
def worker(shared_frontend: Any, model: Any) -> Iterator[Any]:
    worker = shared_frontend.loaded("fork", model(HANDLER), **{"async": True})
    yield worker
    worker.close()


def text(word: str, request_of: Any, id: str = "r") -> Any:
    return request_of(word.encode(), "text/plain", id=id)


def test_answers_come_in_any_order_each_with_its_own_context(worker: Any, request_of: Any) -> None:
    waiting = [worker.predict(text("wait", request_of, f"w{i}")) for i in range(20)]
    opened = worker.predict(text("open", request_of, "o"))
    assert worker.ends(opened)[0].body == b"open o"
    for i, batch in enumerate(waiting):
        (end,) = worker.ends(batch)
        assert end.body == f"wait w{i}".encode()
        assert end.headers == [("x-id", f"w{i}")]


def test_error_of_one_batch_is_its_own(worker: Any, request_of: Any) -> None:
    waiting = worker.predict(text("wait", request_of))
    (error,) = worker.ask(text("fail", request_of))
    assert error.code == 503
    assert error.detail.startswith("ValueError: no (")
    worker.ask(text("open", request_of))
    assert worker.ends(waiting)[0].body == b"wait r"


def test_streams_interleave_whole_frames(worker: Any, request_of: Any) -> None:
    batches = {name: worker.predict(text("stream", request_of, name)) for name in "abc"}
    batches["large"] = worker.predict(text("large", request_of))
    assert len(worker.ends(batches["large"])[0].body) == 5_000_000
    for name in "abc":
        worker.ends(batches[name])
        bodies = [v.body.decode() for kind, _, v in worker.of(batches[name]) if kind == "CHUNK"]
        assert bodies == [f"{name}{i}" for i in range(20)]


def test_cancel_cancels_the_task(
    worker: Any, shared_frontend: Any, request_of: Any, until: Any
) -> None:
    batch = worker.predict(text("forever", request_of))
    worker.cancel(batch)
    assert worker.ends(batch)[0].code == 499
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    batch = worker.predict(text("forever", request_of))
    worker.ask(text("hello", request_of))
    worker.cancel(batch)
    assert worker.ends(batch)[0].code == 499
    until(lambda: "task cancelled" in shared_frontend.text(spawn_id), "the task noticed")


def test_worker_ends_with_the_connection_though_tasks_run(
    shared_frontend: Any, worker: Any, request_of: Any
) -> None:
    worker.predict(text("forever", request_of))
    worker.ask(text("hello", request_of))
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    worker.close()
    assert shared_frontend.exit_of(spawn_id)["code"] == 0


def test_function_handler_may_be_a_coroutine(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model("async def handle(data, context):\n    return data and ['ok'] * len(data)\n")
    worker = shared_frontend.loaded("fork", folder, **{"async": True})
    assert worker.ask(request_of(b"1"))[0].body == b"ok"
    worker.close()


PLAIN = """
import asyncio

class Handler:
    def initialize(self, context):
        pass

    async def handle(self, data, context):
        word = data[0]["body"]
        try:
            if word == "forever":
                print("began", flush=True)
                await asyncio.sleep(1000)
            if word == "fail":
                raise ValueError("no")
            await asyncio.sleep(0)
            return [f"{row['body']} of {len(data)}" for row in data]
        except asyncio.CancelledError:
            print("left", flush=True)
            raise
"""


def test_coroutine_without_a_key_gets_batches_and_is_cancelled_with_its_clients(
    shared_frontend: Any, model: Any, request_of: Any, until: Any
) -> None:
    worker = shared_frontend.loaded("fork", model(PLAIN), batch_size=4)
    both = worker.ask(text("a", request_of), text("b", request_of))
    assert [one.body for one in both] == [b"a of 2", b"b of 2"]
    (error,) = worker.ask(text("fail", request_of))
    assert error.code == 503
    assert error.detail.startswith("ValueError: no (handler.py:")
    assert "_worker/" not in error.traceback
    assert "asyncio" not in error.traceback
    running = worker.predict(text("forever", request_of), text("x", request_of))
    waiting = worker.predict(text("c", request_of))
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    until(lambda: "began" in shared_frontend.text(spawn_id), "the handler to run")
    worker.cancel(running, 1)
    worker.cancel(running, 0)
    assert [end.code for end in worker.ends(running, 2)] == [499, 499]
    assert worker.ends(waiting)[0].body == b"c of 1"
    until(lambda: "left" in shared_frontend.text(spawn_id), "what the handler prints at its end")
    assert "Traceback" not in shared_frontend.text(spawn_id).rpartition("left")[2]
    worker.close()
    assert shared_frontend.exit_of(spawn_id)["code"] == 0


def test_coroutine_ends_with_the_connection(
    shared_frontend: Any, model: Any, request_of: Any, until: Any
) -> None:
    worker = shared_frontend.loaded("fork", model(PLAIN))
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    worker.ask(text("a", request_of))
    worker.predict(text("forever", request_of))
    worker.close()
    assert shared_frontend.exit_of(spawn_id)["code"] == 0


def test_handler_that_blocks_the_event_loop_is_told_once(
    shared_frontend: Any, model: Any, request_of: Any, until: Any
) -> None:
    folder = model("def handle(data, context):\n    return data and ['ok'] * len(data)\n")
    worker = shared_frontend.loaded("fork", folder, **{"async": True})
    for _ in range(2):
        assert worker.ask(request_of(b"1"))[0].body == b"ok"
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    until(lambda: "expected async def handle" in shared_frontend.text(spawn_id), "the warning")
    worker.close()
    shared_frontend.exit_of(spawn_id)
    assert shared_frontend.text(spawn_id).count("expected async def handle") == 1

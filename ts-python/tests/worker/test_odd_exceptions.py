"""Exceptions that are no `Exception`: they fail requests, and the worker lives on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

HANDLER = """
import asyncio
import atexit
import gc

class Stop(BaseException):
    pass

class BadText(ValueError):
    def __str__(self):
        raise Stop("no text")

class Unencodable(str):
    def encode(self, *arguments):
        raise Stop("no bytes")

class Endless:
    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            pass
        return "more"

    async def aclose(self):
        raise Stop("at the close")

async def fail(kind):
    if kind == "forever":
        print("waits", flush=True)
        await asyncio.get_running_loop().create_future()
    elif kind == "task":
        task = asyncio.ensure_future(asyncio.sleep(1000))
        task.cancel()
        await task
    elif kind == "all":
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(1000)
    raise {"exit": GeneratorExit, "direct": Stop, "text": BadText}[kind]("stop")

async def pieces(kind):
    yield "first"
    await fail(kind)

class Handler:
    def initialize(self, context):
        self.gate = asyncio.Event()
        # Coroutines that were dropped come to their end, while the log is still read.
        atexit.register(gc.collect)

    async def handle(self, data, context):
        word, _, kind = data[0]["body"].partition(" ")
        if word == "wait":
            print("waits", flush=True)
            await self.gate.wait()
        elif word == "open":
            self.gate.set()
        elif word == "fail":
            await fail(kind)
        elif word == "stream":
            return [pieces(kind)]
        return [{"endless": Endless(), "bad": Unencodable("bad")}.get(word, word)]
"""


class Worker:
    """A worker with the handler above, and its log."""

    def __init__(self, frontend: Any, channel: Any, request_of: Any) -> None:
        self.channel = channel
        self._frontend = frontend
        self._request_of = request_of

    def predict(self, words: str) -> int:
        return int(self.channel.predict(self._request_of(words.encode(), "text/plain")))

    def ask(self, words: str) -> Any:
        return self.channel.ends(self.predict(words))[0]

    def log(self) -> str:
        return str(self._frontend.text(self.channel.hello["launch"]))

    def exit_code(self) -> int:
        self.channel.close()
        return int(self._frontend.exit_of(self.channel.hello["launch"])["code"])


@pytest.fixture
def worker_of(shared_frontend: Any, model: Any, request_of: Any) -> Any:
    """Starts a worker, of either kind; the frontend ends it."""

    def start(is_async: bool) -> Worker:
        channel = shared_frontend.loaded("fork", model(HANDLER), **{"async": is_async})
        return Worker(shared_frontend, channel, request_of)

    return start


@pytest.fixture(params=[True, False], ids=["async", "sync"])
def worker(request: pytest.FixtureRequest, worker_of: Any) -> Iterator[Worker]:
    """A worker that is then asked whether it lives."""
    worker = worker_of(request.param)
    yield worker
    assert worker.ask("hello").body == b"hello"
    assert worker.exit_code() == 0


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("exit", "GeneratorExit: stop ("),
        ("direct", "Stop: stop ("),
        ("text", "BadText: <its text failed: Stop> ("),
        ("task", "CancelledError ("),
    ],
)
@pytest.mark.parametrize("word", ["fail", "stream"])
def test_it_is_a_failed_prediction_with_its_traceback_in_the_log(
    worker: Worker, until: Any, word: str, kind: str, detail: str
) -> None:
    error = worker.ask(f"{word} {kind}")
    assert (error.code, error.message) == (503, "Prediction failed")
    assert error.detail.startswith(detail)
    assert "in fail" in error.traceback
    until(lambda: error.traceback.strip() in worker.log(), "the traceback in the log")


def test_raised_while_a_result_is_encoded_it_fails_its_request(worker: Worker) -> None:
    error = worker.ask("bad")
    assert (error.code, error.message) == (503, "Unsupported model output data type.")
    assert error.detail.startswith("Stop: no bytes (")


def test_raised_where_a_stream_is_closed_it_is_in_the_log(worker: Worker, until: Any) -> None:
    batch = worker.predict("endless")
    until(lambda: worker.channel.of(batch), "a chunk")
    worker.channel.cancel(batch)
    assert worker.channel.ends(batch)[0].code == 499
    until(lambda: "Stop: at the close" in worker.log(), "the traceback in the log")


@pytest.mark.parametrize("kind", ["exit", "direct", "task"])
def test_what_else_runs_is_answered(worker_of: Any, kind: str) -> None:
    worker = worker_of(True)
    waiting = worker.predict("wait")
    assert worker.ask(f"fail {kind}").code == 503
    worker.ask("open")
    assert worker.channel.ends(waiting)[0].body == b"wait"


@pytest.mark.parametrize("word", ["fail", "stream"])
def test_handler_that_cancels_every_task_fails_the_requests_of_these(
    worker_of: Any, until: Any, word: str
) -> None:
    worker = worker_of(True)
    waiting = worker.predict("wait")
    until(lambda: "waits" in worker.log(), "the other request to run")
    for error in (worker.ask(f"{word} all"), *worker.channel.ends(waiting)):
        assert (error.code, error.message) == (503, "Prediction failed")
        assert error.detail.startswith("CancelledError")


def test_request_that_is_dropped_with_the_connection_is_no_failure(
    worker_of: Any, until: Any
) -> None:
    worker = worker_of(True)
    worker.predict("fail forever")
    until(lambda: "waits" in worker.log(), "the handler to run")
    assert worker.exit_code() == 0
    assert "GeneratorExit" not in worker.log()

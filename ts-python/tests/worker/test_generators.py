"""A generator as the result of a handler streams, and ends with its client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HANDLER = """
import asyncio
import os
import time

def pieces(row):
    word = row["body"]
    try:
        if word == "none":
            return
        if word == "fail first":
            raise ValueError("no")
        for i in range(3):
            yield f"{word}{i} "
            if word == "fail":
                raise ValueError("in the middle")
            if word == "unencodable":
                yield object()
        if word == "value":
            return "the end"
        while word == "forever":
            yield "more "
            time.sleep(0.002)
    except GeneratorExit:
        print("closed", word, flush=True)
        raise

async def async_pieces(row):
    word = row["body"]
    try:
        for i in range(3):
            yield f"{word}{i} "
            await asyncio.sleep(0)
            if word == "fail":
                raise ValueError("in the middle")
        if word == "forever":
            await asyncio.sleep(1000)
    except (GeneratorExit, asyncio.CancelledError) as left:
        await asyncio.sleep(0)
        print("closed", word, type(left).__name__, flush=True)
        raise

class Iterable:
    def __init__(self):
        self.left = ["a", "b"]
    def __iter__(self):
        return self
    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop(0)

def handle(data, context):
    if data is None:
        return None
    context.set_response_content_type(0, "text/event-stream")
    if data[0]["body"] == "alone":
        return pieces(data[0])
    if data[0]["body"] == "iterator":
        return [Iterable()]
    if data[0]["body"] == "map":
        return [map(str, [1, 2])]
    return [
        row["body"] if row["body"] == "plain" else
        (async_pieces if row["body"].startswith("a:") else pieces)
        ({"body": row["body"].removeprefix("a:")}) for row in data
    ]

async def handle_async(data, context):
    if data is None:
        return None
    return async_pieces(data[0]) if data[0]["body"] != "sync" else pieces(data[0])

async def agen_handle(data, context):
    async for piece in async_pieces(data[0]):
        yield piece

def gen_handle(data, context):
    yield from pieces(data[0])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("model")
    (folder / "handler.py").write_text(HANDLER)
    return folder


@pytest.fixture(scope="module")
def start(shared_frontend: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Starts a worker, once for each way."""
    workers: dict[str, Any] = {}

    def start(function: str = "handle", batch_size: int = 1, **more: Any) -> Any:
        key = f"{function} {batch_size} {more}"
        if key not in workers:
            handler = f"handler:{function}"
            workers[key] = shared_frontend.loaded(
                "fork", folder, handler, batch_size=batch_size, **more
            )
        return workers[key]

    yield start
    for worker in workers.values():
        worker.close()


WAYS = [
    ("handle", {}, ""),
    ("handle", {}, "a:"),
    ("gen_handle", {}, ""),
    ("agen_handle", {}, ""),
    ("handle_async", {}, ""),
    ("agen_handle", {"async": True}, ""),
    ("handle_async", {"async": True}, ""),
    ("gen_handle", {"async": True}, ""),
]


@pytest.fixture(params=WAYS, ids=[f"{way[0]}-{'async' in way[1]}-{way[2]}" for way in WAYS])
def way(request: pytest.FixtureRequest, start: Any) -> tuple[Any, str]:
    """A worker that streams in one of the ways that there are, and what selects the way."""
    function, more, prefix = request.param
    return start(function, **more), prefix


@pytest.fixture
def text(request_of: Any) -> Callable[[str], Any]:
    return lambda word: request_of(word.encode(), "text/plain")


def parts(worker: Any, batch: int, item: int = 0) -> list[tuple[str, Any]]:
    return [(kind, value) for kind, i, value in worker.of(batch) if i == item]


def test_each_yield_is_a_chunk_and_the_end_has_no_part(way: Any, text: Any) -> None:
    worker, prefix = way
    batch = worker.predict(text(prefix + "x"))
    (end,) = worker.ends(batch)
    assert [(k, v.body) for k, v in parts(worker, batch)] == [
        ("CHUNK", b"x0 "),
        ("CHUNK", b"x1 "),
        ("CHUNK", b"x2 "),
        ("RESPONSE", b""),
    ]
    assert end.kind == 4


def test_exception_in_the_middle_ends_the_stream_with_its_error(way: Any, text: Any) -> None:
    worker, prefix = way
    batch = worker.predict(text(prefix + "fail"))
    (error,) = worker.ends(batch)
    assert error.code == 503
    assert error.detail.startswith("ValueError: in the middle (handler.py:")
    assert "handler.py" in error.traceback
    assert "_worker/" not in error.traceback
    assert [kind for kind, _ in parts(worker, batch)] == ["CHUNK", "ERROR"]
    (after,) = worker.ask(text(prefix + "x"))
    assert after.kind == 4


def test_client_that_leaves_closes_the_generator(
    way: Any, text: Any, until: Any, shared_frontend: Any
) -> None:
    worker, prefix = way
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    before = shared_frontend.text(spawn_id).count("closed forever")
    batch = worker.predict(text(prefix + "forever"))
    until(lambda: len(worker.of(batch)) >= 3, "three chunks")
    worker.cancel(batch)
    (end,) = worker.ends(batch)
    assert end.code == 499
    until(
        lambda: shared_frontend.text(spawn_id).count("closed forever") == before + 1, "the closing"
    )
    assert "Traceback" not in shared_frontend.text(spawn_id).rpartition("closed forever")[2]
    (after,) = worker.ask(text(prefix + "x"))
    assert after.kind == 4


def test_generator_of_a_worker_whose_frontend_has_gone_is_closed(
    shared_frontend: Any, folder: Path, text: Any, until: Any
) -> None:
    worker = shared_frontend.loaded("fork", folder)
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    batch = worker.predict(text("forever"))
    until(lambda: worker.of(batch), "a chunk")
    worker.close()
    assert shared_frontend.exit_of(spawn_id)["code"] == 0
    assert "closed forever" in shared_frontend.text(spawn_id)


def test_generator_returns_its_last_part(start: Any, text: Any) -> None:
    worker = start()
    batch = worker.predict(text("value"))
    (end,) = worker.ends(batch)
    assert (end.body, end.kind) == (b"the end", 1)


def test_generator_without_parts_is_an_empty_response(start: Any, text: Any) -> None:
    worker = start()
    batch = worker.predict(text("none"))
    (end,) = worker.ends(batch)
    assert (end.body, end.headers) == (b"", [("content-type", "text/event-stream")])
    assert len(worker.of(batch)) == 1


def test_generator_that_fails_first_is_an_error_without_a_stream(start: Any, text: Any) -> None:
    worker = start()
    batch = worker.predict(text("fail first"))
    assert worker.ends(batch)[0].detail.startswith("ValueError: no (handler.py:")
    assert len(worker.of(batch)) == 1


def test_head_goes_with_the_first_part_and_other_iterators_stream_too(
    start: Any, text: Any
) -> None:
    worker = start()
    for word, bodies in (("iterator", [b"a", b"b", b""]), ("map", [b"1", b"2", b""])):
        batch = worker.predict(text(word))
        worker.ends(batch)
        values = [value for _, value in parts(worker, batch)]
        assert [value.body for value in values] == bodies
        headers = [value.headers for value in values]
        assert headers == [[("content-type", "text/event-stream")], [], []]


def test_part_that_cannot_be_encoded_ends_its_stream(start: Any, text: Any) -> None:
    worker = start()
    (error,) = worker.ask(text("unencodable"))
    assert (error.code, error.message) == (503, "Unsupported model output data type.")


def test_list_with_one_generator_for_each_request_of_a_batch(start: Any, text: Any) -> None:
    worker = start(batch_size=4)
    batch = worker.predict(text("x"), text("plain"), text("fail"), text("a:y"))
    x, plain, failed, y = worker.ends(batch, 4)
    assert plain.body == b"plain"
    assert failed.detail.startswith("ValueError: in the middle (handler.py:")
    assert x.kind == y.kind == 4
    assert [value.body for _, value in parts(worker, batch, 0)] == [b"x0 ", b"x1 ", b"x2 ", b""]
    assert [value.body for _, value in parts(worker, batch, 3)] == [b"y0 ", b"y1 ", b"y2 ", b""]
    # A part of each in turn.
    order = [item for kind, item, _ in worker.of(batch) if kind == "CHUNK"]
    assert order[:3] == [0, 2, 3]


def test_client_of_a_batch_that_leaves_ends_its_own_generator(
    start: Any, text: Any, until: Any, shared_frontend: Any
) -> None:
    worker = start(batch_size=4)
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    batch = worker.predict(text("forever"), text("forever"))
    until(lambda: len(worker.of(batch)) > 4, "chunks")
    worker.cancel(batch, 0)
    until(lambda: "closed forever" in shared_frontend.text(spawn_id), "the closing")
    count = len(parts(worker, batch, item=1))
    until(lambda: len(parts(worker, batch, item=1)) > count, "the other to go on")
    worker.cancel(batch, 1)
    assert [end.code for end in worker.ends(batch, 2)] == [499, 499]


def test_generator_alone_with_larger_batches_is_an_error_that_says_so(
    start: Any, text: Any
) -> None:
    worker = start(batch_size=4)
    (error,) = worker.ask(text("alone"))
    assert (error.code, error.message) == (503, "Invalid model predict output")
    assert error.detail == (
        "the handler returned generator, expected list with one generator for each request:"
        " batchSize is 4"
    )


def test_generator_alone_streams_with_batch_size_1(start: Any, text: Any) -> None:
    batch = start().predict(text("alone"))
    start().ends(batch)
    assert [v.body for _, v in parts(start(), batch)] == [b"alone0 ", b"alone1 ", b"alone2 ", b""]

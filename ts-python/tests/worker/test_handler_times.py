"""The frontend learns of some batches how long their handler ran."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from ts._protocol.writer import FrameWriter
from ts._worker.handler_times import EVERY_SEC, HandlerTimes
from ts._worker.inbox import Batch

SYNC = """
import time

def handle(data, context):
    if data is None:
        return None
    if bytes(data[0]["body"]) == b"stream":
        return [iter("ab") for _ in data]
    time.sleep(0.02)
    return ["x"] * len(data)
"""
ASYNC = SYNC.replace("def handle(", "async def handle(").replace(
    "time.sleep(0.02)", "await __import__('asyncio').sleep(0.02)"
)

STEPS = """
left = {{}}
{kind} handle(data, context):
    if data is None:
        return None
    ids = [context.get_request_id(index) for index in range(len(data))]
    for request in ids:
        left[request] = left.get(request, 3) - 1
    context.stopping_criteria = [lambda _, r=request: left[r] <= 0 for request in ids]
    return ["x"] * len(data)
"""


def told(*calls: tuple[float, float, int]) -> list[bool]:
    """Which calls are told of: when each began, how long it ran, of how many batches."""
    one, other = socket.socketpair()
    with one, other:
        writer = FrameWriter(one)
        times = HandlerTimes(writer)
        answers = []
        for began, took, batches in calls:
            before = writer.pending_size
            times.queue([Batch(number) for number in range(batches)], began, took)
            answers.append(writer.pending_size > before)
        return answers


def test_call_is_told_of_by_when_it_begins_not_by_how_long_it_runs() -> None:
    began = 50.0
    calls = [(began, 0.001, 1), (began + 0.001, 10 * EVERY_SEC, 1), (began + EVERY_SEC, 0.001, 1)]
    assert told(*calls) == [True, False, True]


def test_part_of_a_continuous_batch_is_not_told_of() -> None:
    assert told((1.0, 0.001, 2)) == [False]


@pytest.mark.parametrize(("code", "is_async"), [(SYNC, False), (ASYNC, True)])
def test_time_of_a_batch_comes_before_its_answers(
    shared_frontend: Any, model: Any, request_of: Any, code: str, is_async: bool
) -> None:
    options = {"batch_size": 2, "async": is_async}
    worker = shared_frontend.loaded("fork", model(code), **options)
    batch = worker.predict(request_of(b"x"), request_of(b"x"))
    worker.ends(batch, 2)
    ((told_of, (began, ended), answered),) = worker.handled_batches
    assert (told_of, answered) == (batch, 0)
    assert 0.02 <= (ended - began) / 1e9 < 20
    assert worker.handled == []
    worker.close()


def test_stream_is_not_told_of(shared_frontend: Any, model: Any, request_of: Any) -> None:
    worker = shared_frontend.loaded("fork", model(SYNC))
    worker.ends(worker.predict(request_of(b"stream")))
    assert worker.handled_batches == []
    batch = worker.predict(request_of(b"x"))
    worker.ends(batch)
    assert [told_of for told_of, _, _ in worker.handled_batches] == [batch]
    worker.close()


@pytest.mark.parametrize(("kind", "is_async"), [("def", False), ("async def", True)])
def test_step_of_a_batch_that_goes_on_is_not_told_of(
    shared_frontend: Any, model: Any, request_of: Any, kind: str, is_async: bool
) -> None:
    worker = shared_frontend.loaded("fork", model(STEPS.format(kind=kind)), **{"async": is_async})
    batch = worker.predict(request_of(b"x"))
    worker.ends(batch)
    assert len(worker.of(batch)) == 3
    assert worker.handled_batches == []
    worker.close()

"""Requests that are followed: their times are told, and their traces go on in the handler."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from ts._protocol.messages import PredictItem

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HANDLER = """
import json, logging, time
from opentelemetry import baggage, trace

def handle(data, context):
    if data is None:
        return None
    body = bytes(data[0]["body"]).decode()
    logging.getLogger("handler").info("asked for %s\\nand more", body)
    if body == "fail":
        raise ValueError("no")
    if body == "stream":
        return [slowly(context) for _ in data]
    time.sleep(0.02)
    return [told(context, index) for index in range(len(data))]

def told(context, index):
    span = trace.get_current_span().get_span_context()
    return json.dumps({
        "current": format(span.span_id, "016x") if span.is_valid else None,
        "state": span.trace_state.to_header(),
        "parent": context.get_trace_parent(index),
        "baggage": dict(baggage.get_all()),
    })

def slowly(context):
    yield told(context, 0)
    time.sleep(0.05)
"""
ASYNC = HANDLER.replace("def handle(", "async def handle(").replace(
    "time.sleep(0.02)", "await __import__('asyncio').sleep(0.02)"
)


@pytest.fixture(params=["sync", "async"])
def worker(request: Any, shared_frontend: Any, model: Any) -> Any:
    is_async = request.param == "async"
    handler = model(ASYNC if is_async else HANDLER)
    worker = shared_frontend.loaded("fork", handler, batch_size=2, **{"async": is_async})
    yield worker
    worker.close()


def followed(item: PredictItem, span: str | None, *headers: tuple[str, str]) -> PredictItem:
    """The request, followed, with the span of its handler; None: for its times alone."""
    item.context = "" if span is None else f"00-{TRACE}-{span}-01"
    item._headers = [*item.headers, *headers]
    return item


def test_nothing_is_told_of_what_is_not_followed(worker: Any, request_of: Any) -> None:
    (answer,) = worker.ask(request_of(b"x"))
    assert json.loads(answer.body) == {
        "current": None,
        "state": "",
        "parent": None,
        "baggage": {},
    }
    assert worker.handled == []


def test_times_come_before_the_response(worker: Any, request_of: Any) -> None:
    began = time.time_ns()
    batch = worker.predict(followed(request_of(b"x"), None), request_of(b"y"))
    answers = worker.ends(batch, 2)
    ended = time.time_ns()
    ((told_batch, item, times, answered),) = worker.handled
    assert (told_batch, item, answered) == (batch, 0, 0)
    assert began <= times[0] <= times[1] - 20_000_000 <= ended
    assert json.loads(answers[0].body)["parent"] is None


def test_handler_goes_on_with_the_trace_of_the_first_request(worker: Any, request_of: Any) -> None:
    first, second = "1" * 16, "2" * 16
    batch = worker.predict(
        followed(request_of(b"x"), first, ("TraceState", "a=b"), ("baggage", "tenant=t")),
        followed(request_of(b"y"), second),
    )
    answers = [json.loads(end.body) for end in worker.ends(batch, 2)]
    assert [answer["current"] for answer in answers] == [first, first]
    assert [answer["parent"] for answer in answers] == [
        f"00-{TRACE}-{first}-01",
        f"00-{TRACE}-{second}-01",
    ]
    assert answers[0]["state"] == "a=b"
    assert answers[0]["baggage"] == {"tenant": "t"}
    assert sorted(item for _, item, _, _ in worker.handled) == [0, 1]
    (after,) = worker.ask(request_of(b"z"))
    assert json.loads(after.body)["current"] is None


def test_times_of_a_stream_end_with_it(worker: Any, request_of: Any) -> None:
    worker.ask(followed(request_of(b"stream"), "3" * 16))
    _, _, (began, ended), answered = worker.handled[-1]
    assert ended - began >= 50_000_000
    assert answered == 1  # its first part


def test_failure_has_its_times_and_ids_in_the_log(
    worker: Any, request_of: Any, shared_frontend: Any, until: Any
) -> None:
    (answer,) = worker.ask(followed(request_of(b"fail"), "4" * 16))
    assert answer.code == 503
    assert len(worker.handled) == 1
    ids = f"trace_id={TRACE} span_id={'4' * 16}"

    def lines() -> list[str]:
        return [text for _, _, text in shared_frontend.lines if ids in text]

    until(lambda: len(lines()) >= 2, "the line of the handler and that of the failure")
    assert lines()[0] == f"asked for fail {ids}"


@pytest.mark.parametrize(
    "headers", [("baggage", ";;=,%"), ("tracestate", "\x00" * 9), ("baggage", "é" * 9000)]
)
def test_headers_that_are_none_cost_nothing(
    worker: Any, request_of: Any, headers: tuple[str, str]
) -> None:
    (answer,) = worker.ask(followed(request_of(b"x"), "5" * 16, headers))
    assert json.loads(answer.body)["current"] == "5" * 16

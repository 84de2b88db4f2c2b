"""Chunks, cancellations in the middle of them, and continuous batching."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ts._protocol.messages import Part, PredictItem, RequestKind

HANDLER = """
import time
from ts.handler_utils.utils import RequestCancelled, send_intermediate_predict_response

def handle(data, context):
    if data is None:
        return None
    ids = context.request_ids
    context.set_response_status(201, "Made", 0)
    context.set_response_header(0, "x-a", "b")
    try:
        for i in range(int(data[0]["body"])):
            send_intermediate_predict_response(
                [f"{i}.{ids[k]} " for k in range(len(data))], ids, "ok", 200, context
            )
            time.sleep(0.01)
    except RequestCancelled:
        print("cancelled", flush=True)
        raise
    return ["end"] * len(data)
"""


@pytest.fixture
def worker(shared_frontend: Any, model: Any) -> Any:
    worker = shared_frontend.loaded("fork", model(HANDLER), batch_size=4)
    yield worker
    worker.close()


def test_chunks_come_before_the_end_and_only_the_first_has_a_head(
    worker: Any, request_of: Any
) -> None:
    batch = worker.predict(request_of(b"3", "text/plain", id="a"), request_of(b"3", id="b"))
    worker.ends(batch, 2)
    first = [(kind, value) for kind, item, value in worker.of(batch) if item == 0]
    assert [kind for kind, _ in first] == ["CHUNK", "CHUNK", "CHUNK", "RESPONSE"]
    assert [value.body for _, value in first] == [b"0.a ", b"1.a ", b"2.a ", b"end"]
    assert [value.status for _, value in first] == [201, 0, 0, 0]
    assert [value.headers for _, value in first] == [[("x-a", "b")], [], [], []]
    second = [value.body for _, item, value in worker.of(batch) if item == 1]
    assert second == [b"0.b ", b"1.b ", b"2.b ", b"end"]


def test_a_chunk_leaves_at_once(worker: Any, request_of: Any, until: Any) -> None:
    batch = worker.predict(request_of(b"1000", "text/plain"))
    until(lambda: worker.of(batch), "the first chunk")
    worker.cancel(batch)
    assert worker.ends(batch)[0].code == 499
    assert len(worker.of(batch)) < 900


def test_cancelled_item_gets_no_more_chunks_while_others_go_on(
    worker: Any, request_of: Any, until: Any
) -> None:
    batch = worker.predict(request_of(b"30", "text/plain", id="a"), request_of(b"", id="b"))
    until(lambda: len(worker.of(batch)) >= 4, "chunks")
    worker.cancel(batch, 1)
    kept, cancelled = worker.ends(batch, 2)
    assert kept.body == b"end"
    assert cancelled.code == 499
    chunks = [item for kind, item, _ in worker.of(batch) if kind == "CHUNK"]
    assert chunks.count(0) == 30
    assert chunks.count(1) < 30


def test_cancelled_batch_raises_in_the_handler_and_the_worker_lives_on(
    worker: Any, shared_frontend: Any, request_of: Any, until: Any
) -> None:
    batch = worker.predict(request_of(b"100000", "text/plain"))
    until(lambda: worker.of(batch), "a chunk")
    worker.cancel(batch)
    worker.ends(batch)
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    until(lambda: "cancelled" in shared_frontend.text(spawn_id), "the handler noticed")
    assert "Traceback" not in shared_frontend.text(spawn_id)
    assert worker.ask(request_of(b"0", "text/plain"))[0].body == b"end"


def test_chunk_with_an_error_code_fails_the_batch(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(
        """
from ts.handler_utils.utils import send_intermediate_predict_response

def handle(data, context):
    if data is None:
        return None
    send_intermediate_predict_response(["no"], context.request_ids, "too long", 416, context)
    return ["end"]
"""
    )
    worker = shared_frontend.loaded("fork", folder)
    answer = worker.ask(request_of(b"x"))[0]
    assert (answer.code, answer.message) == (416, "too long")
    worker.close()


@pytest.mark.parametrize(("bad", "code"), [("float('nan')", 500), ("object()", 503)])
def test_chunk_that_cannot_be_encoded_fails_its_request_alone(
    shared_frontend: Any, model: Any, request_of: Any, bad: str, code: int
) -> None:
    folder = model(
        f"""
from ts.handler_utils.utils import send_intermediate_predict_response as send

def handle(data, context):
    if data is None:
        return None
    bad = {{"a": [{bad}]}}
    for i in range(3):
        chunks = [bad if i == 1 and row["body"] == b"bad" else {{"i": i}} for row in data]
        send(chunks, context.request_ids, "ok", 200, context)
    return ["end"] * len(data)
"""
    )
    worker = shared_frontend.loaded("fork", folder, batch_size=2)
    batch = worker.predict(request_of(b"bad"), request_of(b"good"))
    failed, good = worker.ends(batch, 2)
    assert failed.code == code
    assert good.body == b"end"
    kinds = {item: [k for k, i, _ in worker.of(batch) if i == item] for item in (0, 1)}
    assert kinds == {0: ["CHUNK", "ERROR"], 1: ["CHUNK"] * 3 + ["RESPONSE"]}
    (alone,) = worker.ask(request_of(b"bad"))
    assert alone.code == code
    assert worker.ask(request_of(b"good"))[0].body == b"end"
    worker.close()


def test_old_import_path_of_streaming_works(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(
        """
import warnings
def handle(data, context):
    if data is None:
        return None
    from ts.protocol.otf_message_handler import send_intermediate_predict_response as send
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        send(["a"], context.request_ids, "ok", 200, context)
    return [caught[0].category.__name__]
"""
    )
    worker = shared_frontend.loaded("fork", folder)
    batch = worker.predict(request_of(b""))
    assert worker.ends(batch)[0].body == b"PendingDeprecationWarning"
    assert worker.of(batch)[0][2].body == b"a"
    worker.close()


def test_slow_reader_blocks_the_stream_and_loses_nothing(
    shared_frontend: Any, model: Any, request_of: Any, until: Any
) -> None:
    folder = model(
        """
from ts.handler_utils.utils import send_intermediate_predict_response as send
def handle(data, context):
    if data is None:
        return None
    for i in range(50):
        send([bytes([i]) * 700_000], context.request_ids, "ok", 200, context)
        print("sent", i, flush=True)
    return [b"end"]
"""
    )
    worker = shared_frontend.loaded("fork", folder)
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    worker.reading.clear()
    batch = worker.predict(request_of(b""))
    until(lambda: "sent 0" in shared_frontend.text(spawn_id), "a first chunk")
    until(lambda: "sent 49" not in shared_frontend.text(spawn_id), "it blocks")
    worker.reading.set()
    assert worker.ends(batch)[0].body == b"end"
    bodies = [value.body for kind, _, value in worker.of(batch) if kind == "CHUNK"]
    assert bodies == [bytes([i]) * 700_000 for i in range(50)]
    worker.close()


CONTINUOUS = """
def handle(data, context):
    if data is None:
        context.cache = {}
        return None
    cache, out = context.cache, []
    for index, row in enumerate(data):
        request_id = context.get_request_id(index)
        if request_id not in cache:
            cache[request_id] = int(row["body"])
        else:
            assert row == {}
        cache[request_id] -= 1
        out.append({"left": cache[request_id], "together": len(data)})
    context.stopping_criteria = [
        (lambda result: result["left"] == 0) for _ in data
    ]
    return out
"""


def test_stopping_criteria_run_requests_until_they_are_done(
    shared_frontend: Any, model: Any, request_of: Any, until: Any
) -> None:
    worker = shared_frontend.loaded("fork", model(CONTINUOUS), batch_size=4)
    long = worker.predict(request_of(b"1000000", "text/plain", id="long"))
    until(lambda: worker.of(long), "the first token")
    short = worker.predict(request_of(b"3", "text/plain", id="short"))
    end = json.loads(worker.ends(short)[0].body)
    assert end == {"left": 0, "together": 2}
    assert [kind for kind, _, _ in worker.of(short)] == ["CHUNK", "CHUNK", "RESPONSE"]
    worker.cancel(long)
    assert worker.ends(long)[0].code == 499
    one = worker.predict(request_of(b"1", "text/plain", id="one"))
    assert json.loads(worker.ends(one)[0].body) == {"left": 0, "together": 1}
    worker.close()


STEPS = """
from ts.openai import StepHandler

class Endless(StepHandler):
    max_tokens = 1_000_000_000

    def begin(self, request):
        return request.messages[-1].content

    def step(self, sequences):
        return ["x"] * len(sequences)

    def end(self, sequence):
        print("ended", sequence, flush=True)
        if sequence == "odd":
            raise ValueError("odd end")
"""


@pytest.mark.parametrize("content", ["plain", "odd"])
def test_sequence_ends_with_the_last_client_although_no_other_request_comes(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, content: str
) -> None:
    worker = shared_frontend.loaded("fork", model(STEPS), batch_size=4)
    messages = [{"role": "user", "content": content}]
    body = json.dumps({"model": "m", "messages": messages, "stream": True})
    headers = [("url_path", "v1/chat/completions")]
    chat = worker.predict(request_of(body.encode(), "application/json", headers=headers))
    until(lambda: worker.of(chat), "the first token")
    worker.cancel(chat)
    assert worker.ends(chat)[0].code == 499
    until(lambda: f"ended {content}" in said(shared_frontend), "the end of the sequence")
    if content == "odd":
        until(lambda: "ValueError: odd end" in said(shared_frontend), "the traceback")
    assert worker.ask(request_of(b"{}"))[0].code == 404, "the worker lives on"
    worker.close()


def said(frontend: Any) -> list[str]:
    return [line for _, _, line in list(frontend.lines)]


def test_end_of_a_sequence_is_told_with_any_chunk(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(
        CONTINUOUS.replace(
            "    return out",
            "    context.set_response_header(0, 'x-own', 'first')\n"
            "    if out[0]['left'] == 1:\n"
            "        context.set_response_header(0, context.header_key_sequence_end, 'a;b')\n"
            "    return out",
        )
    )
    worker = shared_frontend.loaded("fork", folder, batch_size=4)
    batch = worker.predict(request_of(b"4", "text/plain"))
    worker.ends(batch)
    assert [value.headers for _, _, value in worker.of(batch)] == [
        [("x-own", "first")],
        [],
        [("ts_request_sequence_end", "a;b")],
        [],
    ]
    worker.close()


def test_requests_that_wait_start_together_and_kinds_do_not_mix(
    shared_frontend: Any, model: Any, request_of: Any, until: Any
) -> None:
    worker = shared_frontend.loaded("fork", model(CONTINUOUS), batch_size=4)
    long = worker.predict(request_of(b"1000000", "text/plain", id="long"))
    until(lambda: worker.of(long), "the first token")
    explain = worker.predict(
        PredictItem(RequestKind.EXPLAIN, 0, "e", [], [Part("body", "text/plain", bytearray(b"1"))])
    )
    behind = [worker.predict(request_of(b"1", "text/plain", id=f"b{i}")) for i in range(3)]
    assert worker.of(explain) == []
    worker.cancel(long)
    assert json.loads(worker.ends(explain)[0].body) == {"left": 0, "together": 1}
    together = [json.loads(worker.ends(batch)[0].body)["together"] for batch in behind]
    assert together == [3, 3, 3]
    worker.close()

"""What a client gets for what a handler returns or raises. The worker lives on in every case."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ts._protocol.messages import BodyKind, Part

TORCH = True

HANDLER = """
import os
import time
import torch
from ts.utils.util import PredictionException

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)

class Weird:
    pass

def fail():
    raise ValueError("bad digit")

def circular():
    value = []
    value.append(value)
    return value

def handle(data, context):
    if data is None:
        return None
    out = []
    for index, row in enumerate(data):
        out.append(eval(row["body"]))
    if out and isinstance(out[0], dict) and "whole" in out[0]:
        return out[0]["whole"]
    return out

def status(context, index, *args):
    context.set_response_status(*args, idx=index)
    return "x"

def header(context, index, name, value):
    context.set_response_header(index, name, value)
    return "x"

def throw(error):
    raise error
"""


@pytest.fixture(scope="module")
def worker(shared_frontend: Any, tmp_path_factory: Any) -> Any:
    folder: Path = tmp_path_factory.mktemp("model")
    (folder / "handler.py").write_text(HANDLER)
    return shared_frontend.loaded("fork", folder, batch_size=4, max_response_size=100_000)


@pytest.fixture
def ask(worker: Any, request_of: Any) -> Callable[..., list[Any]]:
    def ask(*codes: str) -> list[Any]:
        items = [
            request_of(code.encode(), "text/plain", id=f"r{i}") for i, code in enumerate(codes)
        ]
        result: list[Any] = worker.ask(*items)
        return result

    return ask


@pytest.fixture(autouse=True)
def _worker_lives_on(worker: Any, request_of: Any) -> Iterator[None]:
    yield
    assert worker.ask(request_of(b"'alive'", "text/plain"))[0].body == b"alive"


def test_values_become_bytes_text_json_or_tensors(ask: Any) -> None:
    data, text, value, tensor = ask("b'\\x00\\xff'", "'Zürich'", "{'a': [1, 2.5]}", "torch.ones(2)")
    assert (data.kind, data.body) == (BodyKind.BYTES, b"\x00\xff")
    assert (text.kind, text.body) == (BodyKind.TEXT, "Zürich".encode())
    assert (value.kind, value.body) == (
        BodyKind.JSON,
        json.dumps({"a": [1, 2.5]}, indent=2).encode(),
    )
    assert tensor.kind == BodyKind.TENSOR
    assert torch.equal(torch.load(io.BytesIO(tensor.body)), torch.ones(2))


@pytest.mark.parametrize(
    "code",
    [
        "torch.arange(8000.).reshape(8, 1000)[2]",
        "torch.ones(8, 1000, requires_grad=True)[2]",
        "torch.arange(8000.).reshape(8, 1000)[:, 2]",
    ],
)
def test_tensor_takes_nothing_of_the_memory_around_it_along(ask: Any, code: str) -> None:
    (row,) = ask(code)
    tensor = torch.load(io.BytesIO(row.body))
    assert torch.equal(tensor, eval(code))
    assert tensor.untyped_storage().nbytes() == 4 * tensor.numel()
    assert len(row.body) < 4 * tensor.numel() + 4000


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(
    "code", ["torch.ones(2).expand(3, 2)", "torch.eye(3).to_sparse()", "torch.tensor(5)"]
)
def test_other_tensors_are_as_they_were(ask: Any, code: str) -> None:
    (row,) = ask(code)
    tensor = torch.load(io.BytesIO(row.body))
    assert tensor.layout == eval(code).layout
    assert torch.equal(tensor.to_dense(), eval(code).to_dense())


def test_status_and_headers_go_out(ask: Any) -> None:
    plain, status, header = ask(
        "'x'", "status(context, 1, 201, 'Créé')", "header(context, 2, 'x-n', 5)"
    )
    assert (plain.status, plain.reason, plain.headers) == (0, "", [])
    assert (status.status, status.reason) == (201, "Créé")
    assert header.headers == [("x-n", "5")]


def test_exception_fails_the_whole_batch_with_detail_and_traceback(
    ask: Any, shared_frontend: Any
) -> None:
    first, second = ask("1", "fail()")
    assert first == second
    assert (first.code, first.message) == (503, "Prediction failed")
    assert re.fullmatch(r"ValueError: bad digit \(\w+\.py:\d+, in fail\)", first.detail)
    assert 'raise ValueError("bad digit")' in first.traceback
    assert "_worker/server.py" not in first.traceback


@pytest.mark.parametrize("name", ["GeneratorExit", "__import__('asyncio').CancelledError"])
def test_exception_that_is_no_error_fails_the_batch_and_not_the_worker(ask: Any, name: str) -> None:
    (reply,) = ask(f"throw({name}('stop'))")
    assert (reply.code, reply.message) == (503, "Prediction failed")
    assert "stop" in reply.detail


def test_prediction_exception_chooses_code_and_message(ask: Any) -> None:
    (error,) = ask("throw(PredictionException('no such row', 404))")
    assert (error.code, error.message) == (404, "no such row")


def test_message_that_has_no_text_is_told_as_such(ask: Any) -> None:
    code = "throw(PredictionException(type('M', (), {'__str__': lambda self: 1 / 0})(), 400))"
    (error,) = ask(code)
    assert (error.code, error.message) == (400, "<its text failed: ZeroDivisionError>")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("throw(MemoryError())", 507),
        ("throw(torch.OutOfMemoryError('no room'))", 507),
        ("throw(torch.cuda.OutOfMemoryError('no room'))", 507),
        ("throw(type('OutOfVram', (torch.OutOfMemoryError,), {})('no room'))", 507),
        ("throw(RuntimeError('CUDA error: out of memory'))", 503),
        ("throw(ValueError('CUDA is no colour'))", 503),
        ("throw(KeyError('CUDA'))", 503),
        ("throw(type('CUDAError', (Exception,), {})('CUDA'))", 503),
    ],
)
def test_type_of_an_error_decides_its_status_and_its_text_never(
    ask: Any, code: str, status: int
) -> None:
    (error,) = ask(code)
    message = "Out of resources" if status == 507 else "Prediction failed"
    assert (error.code, error.message) == (status, message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("{'whole': (1,)}", "Invalid model predict output"),
        ("{'whole': None}", "Invalid model predict output"),
        ("{'whole': torch.ones(1)}", "Invalid model predict output"),
        ("{'whole': [1, 2]}", "number of batch response mismatched"),
        ("{'whole': []}", "number of batch response mismatched"),
    ],
)
def test_result_must_be_a_list_with_one_element_per_request(
    ask: Any, code: str, message: str
) -> None:
    (error,) = ask(code)
    assert (error.code, error.message) == (503, message)


@pytest.mark.parametrize(
    "code",
    [
        "Weird()",
        "{1, 2}",
        "circular()",
        "'\\ud800'",
        "status(context, 1, 99999)",
        "status(context, 1, 'OK')",
        "header(context, 1, 'x' * 70000, 'y')",
    ],
)
def test_result_that_cannot_be_encoded_fails_its_item_alone(ask: Any, code: str) -> None:
    first, bad, last = ask("'a'", code, "'b'")
    assert (first.body, last.body) == (b"a", b"b")
    assert (bad.code, bad.message) == (503, "Unsupported model output data type.")
    assert bad.detail


@pytest.mark.parametrize(
    "code",
    [
        "throw(PredictionException(Weird(), 400))",
        "throw(ValueError(Weird()))",
        "throw(KeyError(Weird()))",
        "{'whole': [Weird]}",
        "header(context, 0, 'x-o', Weird())",
        "status(context, 0, 200, Weird())",
        "{(1, Weird()): 2}",
    ],
)
def test_no_answer_has_an_address_of_memory(ask: Any, code: str) -> None:
    (reply,) = ask(code)
    assert "0x" not in repr(reply)


def test_number_that_is_not_finite_fails_its_item_alone_and_names_its_place(ask: Any) -> None:
    first, bad, last = ask("{'a': 1.5}", "[{'scores': [1, 2, 3, float('nan')]}]", "[0.5]")
    assert json.loads(first.body) == {"a": 1.5}
    assert json.loads(last.body) == [0.5]
    assert bad.code == 500
    assert bad.message == 'The response cannot be sent as JSON: [0]["scores"][3] is NaN'
    assert "json_nan=null" in bad.detail


def test_tensors_of_the_frontend_may_hold_any_number(worker: Any, request_of: Any) -> None:
    item = request_of(b"[float('nan'), float('-inf')]", "text/plain")
    item.tensors = True
    (answer,) = worker.ask(item)
    assert answer.body == b"[\n  NaN,\n  -Infinity\n]"


@pytest.mark.parametrize(
    ("json_nan", "body"),
    [("null", b"[\n  null,\n  1\n]"), ("literal", b"[\n  NaN,\n  1\n]"), ("NULL", None)],
)
def test_setting_decides_what_becomes_of_nan(
    shared_frontend: Any, model: Any, request_of: Any, json_nan: str, body: bytes | None
) -> None:
    folder = model("def handle(data, context):\n    return data and [[float('nan'), 1]]\n")
    environment = shared_frontend.env | {"TS_JSON_NAN": json_nan}
    worker = shared_frontend.worker(shared_frontend.spawn("fork", folder, env=environment))
    worker.load(folder, "handler")
    (answer,) = worker.ask(request_of(b"x"))
    assert answer.body == (body or b"[\n  null,\n  1\n]")
    worker.close()


def test_too_large_a_response_fails_its_item_alone(ask: Any) -> None:
    small, large = ask("'a' * 100000", "'a' * 100001")
    assert len(small.body) == 100_000
    assert large.code == 500
    for word in ("100001", "100000", "max_response_size"):
        assert word in large.message


def test_inputs_are_decoded_by_content_type(worker: Any, request_of: Any) -> None:
    code = b"[sorted((k, str(type(v)), repr(v)) for k, v in row.items()),"
    code += b"context.get_request_header(0, 'j'), context.get_all_values(0, 'twice')]"
    parts = [
        Part("body", "text/plain", bytearray(code)),
        Part("j", "application/json; charset=utf-8", bytearray(b'{"a": 1}')),
        Part("bad", "application/json", bytearray(b"{")),
        Part("latin", "text/plain", bytearray(b"\xff")),
        Part("raw", "", bytearray(b"1")),
        Part("twice", "text/plain", bytearray(b"1")),
        Part("twice", "text/plain", bytearray(b"2")),
    ]
    (answer,) = worker.ask(request_of(parts=parts))
    rows, header, values = json.loads(answer.body)
    seen = {name: (kind[8:-2], text) for name, kind, text in rows}
    assert seen["j"] == ("dict", "{'a': 1}")
    assert seen["bad"] == ("bytearray", "bytearray(b'{')")
    assert seen["latin"] == ("bytearray", "bytearray(b'\\xff')")
    assert seen["raw"] == ("bytearray", "bytearray(b'1')")
    assert seen["twice"] == ("str", "'2'")
    assert header == {"content-type": "application/json; charset=utf-8"}
    assert values == ["1", "2"]


def test_expired_and_cancelled_requests_are_not_run(
    worker: Any, request_of: Any, tmp_path: Path
) -> None:
    # While the first runs all others arrive; the time of the late one passes while the second runs.
    gate = tmp_path / "gate"
    slow = worker.predict(request_of(f"wait_for({str(gate)!r}) or 'slow'".encode(), "text/plain"))
    worker.predict(request_of(b"time.sleep(0.05) or 'ahead'", "text/plain"))
    late = worker.predict(
        request_of(b"'late'", "text/plain", time_left_ms=1),
        request_of(b"'in time'", "text/plain", time_left_ms=60_000),
        request_of(b"'unwanted'", "text/plain"),
    )
    whole = worker.predict(request_of(b"'unwanted'", "text/plain"))
    worker.cancel(late, 2)
    worker.cancel(whole)
    worker.cancel(whole + 1000)
    gate.touch()
    expired, in_time, cancelled = worker.ends(late, 3)
    assert expired.code == 408
    assert in_time.body == b"in time"
    assert cancelled.code == 499
    assert worker.ends(whole)[0].code == 499
    assert worker.ends(slow)[0].body == b"slow"


def test_ping_is_answered(worker: Any, until: Any) -> None:
    from ts._protocol.frames import FrameType

    worker.send(FrameType.PING, 77)
    until(lambda: 77 in worker.pongs, "PONG")


def test_prediction_time_is_told_with_the_ids_of_its_batch(
    worker: Any, request_of: Any, until: Any
) -> None:
    worker.metrics.clear()

    def ask_until_a_sample_is_due() -> list[Any]:
        worker.ask(request_of(b"1", "text/plain", id="a"), request_of(b"2", "text/plain", id="b"))
        return list(worker.metrics)

    sample = until(ask_until_a_sample_is_due, "a metric")[0]
    assert (sample.name, sample.unit, sample.type) == ("PredictionTime", "Milliseconds", "gauge")
    assert sample.request_ids == "a,b"
    assert sample.dimensions == (("ModelName", "m"), ("Level", "Model"))
    assert 0 < sample.value < 10_000
    assert abs(sample.time_ms - time.time() * 1000) < 60_000


def test_metrics_of_the_handler_arrive(worker: Any, request_of: Any, until: Any) -> None:
    worker.metrics.clear()
    worker.ask(request_of(b"context.metrics.add_counter('Seen', 3, 0)", "text/plain", id="a"))
    until(lambda: [m for m in worker.metrics if m.name == "Seen" and m.value == 3], "the metric")


def test_many_small_batches_are_answered_in_order(worker: Any, request_of: Any) -> None:
    batches = [worker.predict(request_of(str(i).encode(), "text/plain")) for i in range(2000)]
    for i, batch in enumerate(batches):
        assert worker.ends(batch)[0].body == str(i).encode()
    order = [b for kind, b, _, _ in worker.replies if b >= batches[0]]
    assert order == sorted(order)


def test_bodies_of_several_frames_go_both_ways(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(
        """
def handle(data, context):
    if data is None:
        return None
    bodies = [row["body"] for row in data]
    return [body if type(body) is bytearray else str(type(body)) for body in bodies]
"""
    )
    worker = shared_frontend.loaded("fork", folder, batch_size=3)
    large = bytes(range(256)) * 4096 * 20
    first, second, third = worker.ask(
        request_of(large), request_of(b"small"), request_of(large[1:])
    )
    assert first.body == large
    assert second.body == b"small"
    assert third.body == large[1:]
    worker.close()


def test_exit_in_a_handler_ends_the_worker_with_its_code(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model("import sys\ndef handle(data, context):\n    data is not None and sys.exit(9)\n")
    spawn_id = shared_frontend.spawn("fork", folder)
    worker = shared_frontend.worker(spawn_id)
    worker.load(folder, "handler")
    worker.predict(request_of(b"x"))
    assert shared_frontend.exit_of(spawn_id)["code"] == 9


def test_protocol_error_ends_the_worker_with_code_4(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model("def handle(data, context):\n    return data\n")
    spawn_id = shared_frontend.spawn("fork", folder)
    worker = shared_frontend.worker(spawn_id)
    worker.load(folder, "handler")
    worker.socket.sendall(b"\xff" * 12)
    assert shared_frontend.exit_of(spawn_id)["code"] == 4
    assert "Protocol error" in shared_frontend.text(spawn_id, stderr=True)

"""Errors of the handler's choice: for one request of a batch, with a status and headers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ts.handler import PredictionException, RequestError
from ts.torch_handler.request_envelope.json import JSONEnvelope
from ts.torch_handler.request_envelope.kserve import KServeEnvelope
from ts.torch_handler.request_envelope.kservev2 import KServev2Envelope

HANDLER = """
from ts.handler import PredictionException, RequestError

def fail():
    raise KeyError("vocab")

def handle(data, context):
    if data is None:
        return None
    results = []
    for row in data:
        try:
            results.append(eval(row["body"]))
        except KeyError as error:
            results.append(error)
    if isinstance(results[0], tuple):
        raise results[0][0]
    return results

def parts(*values):
    for value in values:
        yield value
"""


@pytest.fixture(scope="module")
def worker(shared_frontend: Any, tmp_path_factory: Any) -> Any:
    folder: Path = tmp_path_factory.mktemp("model")
    (folder / "handler.py").write_text(HANDLER)
    return shared_frontend.loaded("fork", folder, batch_size=4)


@pytest.fixture
def ask(worker: Any, request_of: Any) -> Callable[..., list[Any]]:
    def ask(*codes: str) -> list[Any]:
        result: list[Any] = worker.ask(*(request_of(c.encode(), "text/plain") for c in codes))
        return result

    return ask


def log(shared_frontend: Any, worker: Any) -> str:
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    text: str = shared_frontend.text(spawn_id)
    return text


def test_error_as_a_result_fails_its_request_alone(ask: Any) -> None:
    one, wrong, broken, two = ask("1", "RequestError(404, 'no such digit')", "fail()", "2")
    assert (one.body, two.body) == (b"1", b"2")
    assert (wrong.code, wrong.message, wrong.detail, wrong.traceback) == (
        404,
        "no such digit",
        "",
        "",
    )
    assert (broken.code, broken.message, broken.detail) == (
        503,
        "Prediction failed",
        "KeyError: 'vocab' (handler.py:5, in fail)",
    )
    assert 'raise KeyError("vocab")' in broken.traceback


def test_raised_it_fails_the_batch_with_status_message_and_headers(ask: Any) -> None:
    code = "(RequestError(429, 'slow down', {'Retry-After': 3, 'x-é': chr(0xdc80)}),)"
    first, second = ask(code, "1")
    assert first == second
    assert (first.code, first.message) == (429, "slow down")
    assert first.headers == [("Retry-After", "3"), ("x-é", "\\udc80")]


def test_headers_beyond_the_limits_are_left_out(ask: Any) -> None:
    for headers in ("{str(i): '' for i in range(100)}", "{'x': 'y' * 10_000}"):
        (error,) = ask(f"RequestError(400, 'no', {headers})")
        assert (error.code, error.message, error.headers) == (400, "no", [])


def test_error_as_a_part_ends_one_stream(ask: Any) -> None:
    bad, good = ask("parts('a', RequestError(400, 'enough'), 'b')", "parts('a', 'b')")
    assert (bad.code, bad.message) == (400, "enough")
    assert good.kind == 4


@pytest.mark.parametrize("code", [408, 499])
def test_statuses_of_requests_that_did_not_run_have_a_detail(ask: Any, code: int) -> None:
    (error,) = ask(f"RequestError({code}, 'x')")
    assert (error.code, error.detail) == (code, "RequestError")


def test_413_is_507_for_the_exception_of_torchserve_0_12_alone(ask: Any) -> None:
    new, old = ask("RequestError(413, 'x')", "PredictionException('x', 413)")
    assert (new.code, old.code) == (413, 507)


def test_fault_of_a_client_is_not_logged_and_one_of_the_server_is(
    ask: Any, shared_frontend: Any, worker: Any, until: Any
) -> None:
    ask("RequestError(404, 'quiet 4')")
    ask("RequestError(503, 'loud 5')")
    until(lambda: "loud 5" in log(shared_frontend, worker), "the log")
    assert "quiet 4" not in log(shared_frontend, worker)


@pytest.mark.parametrize("status", [200, 399, 600, "404", None, 404.0])
def test_status_that_is_none_of_an_error_is_refused(status: Any) -> None:
    with pytest.raises(ValueError, match="expected 400 to 599"):
        RequestError(status, "x")


def test_it_is_a_prediction_exception_and_can_be_pickled() -> None:
    error = RequestError(404, "no", {"a": "b"})
    assert isinstance(error, PredictionException)
    assert str(error) == "404 no"
    again = pickle.loads(pickle.dumps(error))
    assert (again.status, again.error_code, again.message, again.headers) == (
        404,
        404,
        "no",
        {"a": "b"},
    )


V2_ROW = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}


@pytest.mark.parametrize(
    ("envelope", "row"),
    [
        (JSONEnvelope, {"instances": [1]}),
        (KServeEnvelope, {"instances": [1]}),
        (KServev2Envelope, V2_ROW),
    ],
)
def test_envelopes_pass_errors_and_generators_on(envelope: Any, row: Any) -> None:
    error = RequestError(404, "no")
    stream = iter([1])
    rows = [{"body": row}] * 3
    results = envelope(lambda data, context: [[1.0], error, stream]).handle(rows, None)
    assert results[1:] == [error, stream]
    assert "1.0" in str(results[0])
    alone = envelope(lambda data, context: stream).handle(rows[:1], None)
    assert alone is stream

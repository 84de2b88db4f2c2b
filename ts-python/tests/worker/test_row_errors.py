"""A request that the handler cannot take fails alone: the others of its batch are answered."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

ROWS = """
from ts.torch_handler.request_envelope.kserve import KServeEnvelope
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException

calls = []

def number(row, index):
    try:
        return int(row["body"])
    except ValueError as e:
        raise PredictionException(f"row {index} is no number: {e}", 422) from e

def answer(data, context):
    calls.append(len(data))
    numbers = read_rows(data, number)
    for index in range(len(data)):
        context.set_response_header(index, "x-id", context.get_request_id(index))
    return [f"{n} {calls}" for n in numbers]
"""
SYNC = (
    ROWS
    + """
def handle(data, context):
    return data and answer(data, context)
"""
)
ASYNC = (
    ROWS
    + """
class Handler:
    def initialize(self, context):
        pass

    async def handle(self, data, context):
        return answer(data, context)
"""
)


@pytest.mark.parametrize(("code", "is_async"), [(SYNC, False), (ASYNC, True)])
def test_rows_that_cannot_be_read_fail_alone(
    shared_frontend: Any, model: Any, request_of: Any, code: str, is_async: bool
) -> None:
    more = {"async": is_async, "batch_size": 4}
    worker = shared_frontend.loaded("fork", model(code), **more)
    bodies = (b"1", b"x", b"3", b"y")
    items = [request_of(body, "text/plain", id=f"r{i}") for i, body in enumerate(bodies)]
    first, second, third, fourth = worker.ask(*items)
    assert (first.body, third.body) == (b"1 [4, 2]", b"3 [4, 2]")
    assert (first.headers, third.headers) == ([("x-id", "r0")], [("x-id", "r2")])
    assert (second.code, fourth.code) == (422, 422)
    assert second.message.startswith("row 1 is no number")
    assert re.fullmatch(r"PredictionException \(\w+\.py:\d+, in \w+\)", second.detail)
    assert 'raise PredictionException(f"row' in second.traceback
    (alone,) = worker.ask(request_of(b"z", "text/plain"))
    assert (alone.code, alone.message[:5]) == (422, "row 0")
    assert worker.ask(request_of(b"5", "text/plain"))[0].body.startswith(b"5 ")
    worker.close()


def test_bad_request_of_an_envelope_fails_alone(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model("def handle(data, context):\n    return data\n")
    worker = shared_frontend.loaded("fork", folder, envelope="kserve", batch_size=3)
    bodies = (b'{"instances": [1, 2]}', b"[" * 10**6, b'{"instances": [3]}')
    good, bad, last = worker.ask(*(request_of(body) for body in bodies))
    assert json.loads(good.body) == {"predictions": [1, 2]}
    assert json.loads(last.body) == {"predictions": [3]}
    assert bad.code == 400
    assert "not JSON" in bad.message
    worker.close()


def test_rows_that_are_not_there_fail_the_batch(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(
        ROWS + "from ts.utils._row_errors import RowErrors\n"
        "def handle(data, context):\n"
        "    if data is None:\n"
        "        return None\n"
        "    raise RowErrors({0: PredictionException('first', 400), 7: PredictionException('x')})\n"
    )
    worker = shared_frontend.loaded("fork", folder, batch_size=2)
    answers = worker.ask(request_of(b"1"), request_of(b"2"))
    assert {(answer.code, answer.message) for answer in answers} == {(400, "first")}
    worker.close()

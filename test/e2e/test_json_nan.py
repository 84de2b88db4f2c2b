"""NaN and Infinity in answers, on every way out: `json_nan` decides, and no JSON has the words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
import requests
from grpc_api import Client
from torchserve_process import TorchServe

HANDLER = """
from ts.handler_utils.utils import send_intermediate_predict_response as send

NAN = float("nan")

def handle(data, context):
    if data is None:
        return None
    if context.get_request_header(0, "describe") == "True":
        return [{"quality": [1.0, NAN]}]
    bodies = [row.get("body") or row.get("data") for row in data]
    bodies = [b.decode() if isinstance(b, (bytes, bytearray)) else b for b in bodies]
    if bodies[0] == "stream":
        send([{"part": 1}], context.request_ids, "ok", 200, context)
        send([{"part": NAN}], context.request_ids, "ok", 200, context)
    return [[{"scores": [1, 2, 3, NAN if body in ("nan", "stream") else 0.5]}] for body in bodies]
"""
PLACE = '[0]["scores"][3] is NaN'


@pytest.fixture(scope="module", params=["error", "null"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def nan(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    running = TorchServe(tmp_path_factory.mktemp("nan"), config={"json_nan": mode})
    running.store.write_handler("numbers", HANDLER, "batchSize: 4\nmaxBatchDelay: 300\n")
    running.start("numbers")
    running.wait_ready("numbers")
    yield running
    running.stop()
    running.assert_nothing_left()


def strictly(text: str) -> Any:
    """JSON as RFC 8259 has it."""

    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} in {text}")

    return json.loads(text, parse_constant=refuse)


def check(mode: str, answer: requests.Response) -> None:
    body = strictly(answer.text)
    if mode == "null":
        assert (answer.status_code, body) == (200, [{"scores": [1, 2, 3, None]}])
        return
    assert (answer.status_code, body["code"]) == (500, 500)
    assert body["type"] == "InternalServerException"
    assert body["message"] == f"The response cannot be sent as JSON: {PLACE}"
    assert "json_nan=null" in body["detail"]


def test_one_number_fails_its_request_and_not_its_batch(nan: TorchServe, mode: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        bodies = ["good", "nan", "good", "good"]
        answers = list(pool.map(lambda body: nan.predict("numbers", data=body), bodies))
    for body, answer in zip(bodies, answers, strict=True):
        if body == "nan":
            check(mode, answer)
        else:
            assert strictly(answer.text) == [{"scores": [1, 2, 3, 0.5]}]


def test_explanations_and_descriptions(nan: TorchServe, mode: str) -> None:
    check(mode, requests.post(f"{nan.inference}/explanations/numbers", data="nan", timeout=60))
    described = requests.get(f"{nan.management}/models/numbers?customized=true", timeout=60)
    body = strictly(described.text)
    if mode == "null":
        assert body[0]["customizedMetadata"] == {"quality": [1.0, None]}
    else:
        assert described.status_code == 500
        assert '["quality"][1] is NaN' in body["message"]


def test_streams_have_no_part_with_a_word_that_is_not_json(nan: TorchServe, mode: str) -> None:
    try:
        text = nan.predict("numbers", data="stream").text
    except requests.exceptions.ChunkedEncodingError:
        assert mode == "error", "the stream was cut"
        return
    assert "NaN" not in text.partition('"message"')[0]
    assert text.count("null") == (2 if mode == "null" else 0)


def test_grpc_names_the_place_too(nan: TorchServe, mode: str) -> None:
    client = Client(nan)
    try:
        request = client.request("numbers", input={"body": b"nan"})
        if mode == "null":
            answer = client.stub.Predictions(request, timeout=60)
            assert strictly(answer.prediction.decode()) == [{"scores": [1, 2, 3, None]}]
        else:
            error = client.failure(request)
            assert error.code() is grpc.StatusCode.INTERNAL
            assert PLACE in error.details()
    finally:
        client.channel.close()

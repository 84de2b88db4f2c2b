"""Server-Timing: where the time of a request went, for clients that may know."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import requests
from grpc_api import Client
from torchserve_process import TorchServe

HANDLER = """
import json, time

def handle(data, context):
    if data is None:
        return None
    body = data[0]["body"] if "body" in data[0] else data[0]["data"]
    order = body if isinstance(body, dict) else json.loads(bytes(body))
    time.sleep(order.get("seconds", 0))
    if order.get("fail"):
        raise ValueError("no such order")
    if order.get("stream"):
        return [slowly(order["stream"])]
    return ["ok" for _ in data]

def slowly(seconds):
    for number in range(2):
        yield str(number)
        time.sleep(seconds / 2)
"""
INFERENCE = "inference-secret-0123456789"
MANAGEMENT = "management-secret-0123456789"
PARTS = ["queue", "batch", "handler", "transport", "total"]


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server that tells everyone."""
    server = TorchServe(tmp_path_factory.mktemp("timed"), config={"server_timing": "true"})
    server.store.write_handler("one", HANDLER)
    server.store.write_handler("batched", HANDLER, "batchSize: 4\nmaxBatchDelay: 400\n")
    server.start("one", "batched")
    server.wait_ready("one")
    server.wait_ready("batched")
    yield server
    server.stop()
    server.assert_nothing_left()


def parts(header: str) -> dict[str, float]:
    """The durations of a header, in milliseconds."""
    found = {}
    for part in header.split(", "):
        match = re.fullmatch(r"([a-z]+);dur=(\d+\.\d{3})", part)
        assert match is not None, header
        found[match[1]] = float(match[2])
    return found


def ask(server: TorchServe, model: str = "one", **order: Any) -> requests.Response:
    return requests.post(f"{server.inference}/predictions/{model}", json=order, timeout=60)


def test_times_add_up_to_the_whole(timed: TorchServe) -> None:
    answer = ask(timed, seconds=0.1)
    times = parts(answer.headers["server-timing"])
    assert list(times) == PARTS
    assert 100 <= times["handler"] < 1000
    assert times["handler"] < times["total"] <= answer.elapsed.total_seconds() * 1000
    rest = sum(value for name, value in times.items() if name != "total")
    assert rest == pytest.approx(times["total"], abs=0.01)


def test_waiting_for_a_busy_worker_is_time_in_the_queue(timed: TorchServe) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(timed, seconds=0.2), range(4)))
    longest = max(parts(answer.headers["server-timing"])["queue"] for answer in answers)
    assert longest >= 350


def test_waiting_for_others_of_a_batch_is_time_of_the_batch(timed: TorchServe) -> None:
    times = parts(ask(timed, "batched").headers["server-timing"])
    assert 300 <= times["batch"] < 2000
    assert times["queue"] < 300


def test_error_has_its_times_too(timed: TorchServe) -> None:
    failed = ask(timed, fail=True, seconds=0.05)
    assert failed.status_code == 503
    assert parts(failed.headers["server-timing"])["handler"] >= 50
    unknown = ask(timed, "missing")
    assert unknown.status_code == 404
    assert list(parts(unknown.headers["server-timing"])) == ["queue", "batch", "transport", "total"]


def test_http2_has_the_times(timed: TorchServe) -> None:
    with httpx.Client(http1=False, http2=True, timeout=60) as client:
        answer = client.post(f"{timed.inference}/predictions/one", json={})
    assert answer.http_version == "HTTP/2"
    assert list(parts(answer.headers["server-timing"])) == PARTS


def test_stream_has_what_is_known_first_and_all_in_a_trailer(timed: TorchServe) -> None:
    body = json.dumps({"stream": 0.2}).encode()
    with socket.create_connection(("127.0.0.1", timed.inference_port), timeout=60) as client:
        client.sendall(
            b"POST /predictions/one HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\n"
            b"Connection: close\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        received = b""
        while piece := client.recv(65536):
            received += piece
    head, _, chunks = received.decode().partition("\r\n\r\n")
    headers = [line.lower() for line in head.split("\r\n")]
    assert any(re.match(r"trailer: .*server-timing", line) for line in headers), head
    (first,) = [line for line in headers if line.startswith("server-timing: ")]
    assert list(parts(first.partition(": ")[2])) == ["queue", "batch"]
    trailer = re.search(r"\r\n0\r\nserver-timing: (.*)\r\n\r\n$", chunks)
    assert trailer is not None, chunks
    assert parts(trailer[1])["handler"] >= 200


def test_stream_without_trailers_has_none(timed: TorchServe) -> None:
    answer = ask(timed, stream=0.01)
    assert answer.text == "01"
    assert "trailer" not in answer.headers
    assert "server-timing" in answer.headers


def test_grpc_has_the_times_in_trailing_metadata(timed: TorchServe) -> None:
    client = Client(timed)
    message = client.messages.PredictionsRequest(
        model_name="one", input={"data": json.dumps({"seconds": 0.1}).encode()}
    )
    answer, call = client.stub.Predictions.with_call(message, timeout=60)
    assert answer.prediction == b"ok"
    trailers = dict(call.trailing_metadata())
    times = parts(trailers["server-timing"])
    assert list(times) == PARTS
    assert times["handler"] >= 100
    stream = client.stub.StreamPredictions(message, timeout=60)
    assert [part.prediction for part in stream] == [b"ok"]
    assert list(parts(dict(stream.trailing_metadata())["server-timing"])) == PARTS


def test_who_has_a_token_may_ask_for_the_times(start: Callable[..., TorchServe]) -> None:
    server = start(
        environment={"TS_INFERENCE_TOKEN": INFERENCE, "TS_MANAGEMENT_TOKEN": MANAGEMENT},
        options=("--enable-model-api",),
    )
    server.store.write_handler("one", HANDLER)
    registered = requests.post(
        f"{server.management}/models?url=one&initial_workers=1&synchronous=true",
        headers={"authorization": f"Bearer {MANAGEMENT}"},
        timeout=60,
    )
    assert registered.status_code == 200, registered.text
    url = f"{server.inference}/predictions/one"
    with_token = {"authorization": f"Bearer {INFERENCE}"}

    def asked(headers: dict[str, str]) -> requests.Response:
        return requests.post(url, json={}, headers=headers, timeout=60)

    wanted = {"x-ts-server-timing": "1"}
    assert "server-timing" not in asked(with_token).headers
    assert "server-timing" not in asked({**with_token, "x-ts-server-timing": "0"}).headers
    assert list(parts(asked({**with_token, **wanted}).headers["server-timing"])) == PARTS
    refused = asked({**wanted, "authorization": "Bearer wrong"})
    assert refused.status_code == 401
    assert "server-timing" not in refused.headers

    client = Client(server)
    message = client.messages.PredictionsRequest(model_name="one", input={"data": b"{}"})
    metadata = (*with_token.items(), *wanted.items())
    _, call = client.stub.Predictions.with_call(message, metadata=metadata, timeout=60)
    assert list(parts(dict(call.trailing_metadata())["server-timing"])) == PARTS
    _, call = client.stub.Predictions.with_call(
        message, metadata=tuple(with_token.items()), timeout=60
    )
    assert "server-timing" not in dict(call.trailing_metadata())


def test_without_tokens_only_the_setting_tells(start: Callable[..., TorchServe]) -> None:
    server = start()
    answer = requests.post(
        f"{server.inference}/predictions/missing",
        json={},
        headers={"x-ts-server-timing": "1"},
        timeout=60,
    )
    assert answer.status_code == 404
    assert "server-timing" not in answer.headers

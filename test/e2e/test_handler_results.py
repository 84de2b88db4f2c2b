"""Handlers as people write them today: generators, errors for one request, many at once."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import requests
from grpc_api import Client
from torchserve_process import TorchServe, wait_for

PARTS = '''
import json
import os
import time
from ts.handler import RequestError

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)

class Handler:
    """Yields what it is told."""

    def initialize(self, context):
        pass

    def handle(self, data, context):
        context.set_response_content_type(0, data[0]["body"].get("type", "text/plain"))
        return self.parts(data[0]["body"])

    def parts(self, order):
        try:
            for number, part in enumerate(order["parts"]):
                if "gate" in order:
                    wait_for(f"{order['gate']}{number}")
                yield part
            if "fail" in order:
                raise RequestError(order["fail"], "enough", {"X-Why": "told"})
            while "endless" in order:
                yield "more "
                time.sleep(0.001)
        except GeneratorExit:
            open(order["endless"], "w").close()
            raise
'''

BATCH = """
from ts.handler import RequestError

def answer(row):
    word = row["body"]
    if word == "stream":
        return iter(["a", "b"])
    if word == "unknown":
        return RequestError(404, "no such word", {"Retry-After": "7", "X-Own": "1"})
    if word == "broken":
        return KeyError(word)
    return word.upper()

def handle(data, context):
    return data and [answer(row) for row in data]
"""

MANY = """
import asyncio
import json

class Handler:
    def initialize(self, context):
        self.running = 0
        self.cancelled = 0

    async def handle(self, data, context):
        if data[0]["body"] == "count":
            return [{"running": self.running, "cancelled": self.cancelled}]
        self.running += 1
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
"""

TEXT = {"content-type": "text/plain"}
BATCH_SIZE = 4
CONCURRENCY = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    running = TorchServe(tmp_path_factory.mktemp("results"))
    running.store.write_handler("parts", PARTS)
    running.store.write_handler("batch", BATCH, f"batchSize: {BATCH_SIZE}\nmaxBatchDelay: 60000\n")
    running.store.write_handler("many", MANY, f"concurrency: {CONCURRENCY}\n")
    models = ["parts", "batch", "many"]
    running.start(*models)
    for model in models:
        running.wait_ready(model)
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.fixture(scope="module")
def rpc(server: TorchServe) -> Iterator[Client]:
    client = Client(server)
    yield client
    client.channel.close()


def test_each_yield_reaches_the_client_at_once(server: TorchServe, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    order = {"parts": ["one ", {"two": 2}, "three"], "gate": str(gate)}
    Path(f"{gate}0").touch()
    answer = server.predict("parts", json=order, stream=True)
    parts = answer.iter_content(None)
    for number, part in enumerate([b"one ", b'{\n  "two": 2\n}', b"three"]):
        # The next part is made only when this one has come.
        assert next(parts) == part
        Path(f"{gate}{number + 1}").touch()
    assert next(parts, None) is None
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")


def test_each_yield_is_a_message_over_grpc(rpc: Client) -> None:
    body = json.dumps({"parts": ["one", "two"]}).encode()
    request = rpc.request("parts", input={"body": body})
    metadata = (("input-content-type", "application/json"),)
    parts = rpc.stub.StreamPredictions(request, timeout=60, metadata=metadata)
    assert [part.prediction for part in parts] == [b"one", b"two"]
    assert rpc.predict(request).prediction == b"onetwo"


def test_client_that_leaves_ends_the_generator(server: TorchServe, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    order = {"parts": ["first"], "endless": str(closed)}
    answer = server.predict("parts", json=order, stream=True)
    assert next(answer.iter_content(None)).startswith(b"first")
    answer.close()
    wait_for(closed.exists, "the generator to be closed")
    assert server.predict("parts", json={"parts": ["next"]}).text == "next"


ERROR = {"code": 429, "type": "BadRequestException", "message": "enough"}


def test_stream_of_events_ends_with_the_error(server: TorchServe) -> None:
    order = {"parts": ["data: 1\n\n"], "type": "text/event-stream", "fail": 429}
    answer = server.predict("parts", json=order)
    first, last = filter(None, (event.strip() for event in answer.text.split("\n\n")))
    assert first == "data: 1"
    assert last.startswith("event: error\ndata: ")
    assert json.loads(last.partition("data: ")[2]) == {"error": ERROR}


def test_stream_of_lines_ends_with_the_error(server: TorchServe) -> None:
    order = {"parts": ["1\n", "2\n"], "type": "application/x-ndjson", "fail": 429}
    answer = server.predict("parts", json=order)
    assert [json.loads(line) for line in answer.text.splitlines()] == [1, 2, {"error": ERROR}]


def test_client_that_takes_trailers_reads_the_error_in_one(server: TorchServe) -> None:
    body = json.dumps({"parts": ["a"], "fail": 429}).encode()
    with socket.create_connection(("127.0.0.1", server.inference_port), timeout=60) as client:
        client.sendall(
            b"POST /predictions/parts HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close\r\n"
            + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        received = b""
        while piece := client.recv(65536):
            received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    assert b"trailer: ts-error" in head.lower()
    chunk, _, trailers = rest.partition(b"\r\n0\r\n")
    assert chunk == b"1\r\na"
    name, _, value = trailers.strip().partition(b": ")
    assert (name, json.loads(value)) == (b"ts-error", {"error": ERROR})


def test_any_other_stream_that_fails_is_cut(server: TorchServe) -> None:
    answer = server.predict("parts", json={"parts": ["a"], "fail": 429}, stream=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        answer.content  # noqa: B018 - reads the rest


def test_stream_that_fails_over_grpc_has_status_and_headers(rpc: Client) -> None:
    body = json.dumps({"parts": ["a"], "fail": 429}).encode()
    request = rpc.request("parts", input={"body": body})
    metadata = (("input-content-type", "application/json"),)
    parts = rpc.stub.StreamPredictions(request, timeout=60, metadata=metadata)
    assert next(parts).prediction == b"a"
    with pytest.raises(grpc.RpcError) as raised:
        next(parts)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert raised.value.details().startswith("enough\n")
    assert dict(raised.value.trailing_metadata())["x-why"] == "told"


def test_error_of_one_request_of_a_batch_is_its_own(server: TorchServe) -> None:
    words = ["fine", "unknown", "broken", "stream"]
    assert len(words) == BATCH_SIZE
    with ThreadPoolExecutor(BATCH_SIZE) as pool:
        answers = dict(
            zip(
                words,
                pool.map(lambda word: server.predict("batch", data=word, headers=TEXT), words),
                strict=True,
            )
        )
    assert answers["fine"].text == "FINE"
    assert answers["stream"].text == "ab"
    unknown = answers["unknown"]
    assert (unknown.status_code, unknown.headers["retry-after"], unknown.headers["x-own"]) == (
        404,
        "7",
        "1",
    )
    assert unknown.json()["message"] == "no such word"
    assert answers["broken"].status_code == 503
    assert "KeyError" in answers["broken"].json()["detail"]


def test_one_worker_runs_many_requests_and_cancels_each_with_its_client(
    server: TorchServe,
) -> None:
    def counts() -> dict[str, int]:
        found: dict[str, int] = server.predict("many", data="count", headers=TEXT).json()
        return found

    clients = []
    for _ in range(CONCURRENCY - 1):
        client = http.client.HTTPConnection("127.0.0.1", server.inference_port, timeout=60)
        client.request("POST", "/predictions/many", b"wait", TEXT)
        clients.append(client)
    wait_for(lambda: counts()["running"] == CONCURRENCY - 1, "the requests to run at once")
    assert len(server.worker_pids("many")) == 1
    clients.pop().close()
    wait_for(
        lambda: counts() == {"running": CONCURRENCY - 2, "cancelled": 1}, "one to be cancelled"
    )
    for client in clients:
        client.close()
    wait_for(
        lambda: counts() == {"running": 0, "cancelled": CONCURRENCY - 1}, "all to be cancelled"
    )

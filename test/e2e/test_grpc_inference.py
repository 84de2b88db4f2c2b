"""Predictions over gRPC: a real server, real workers, clients made of the .proto files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from google.protobuf import empty_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_api import JSON, Client
from torchserve_process import LIMIT_SEC, REPOSITORY, TorchServe, wait_for

HTTP = "org.pytorch.serve.http."
MODEL = "org.pytorch.serve.archive.model."

COUNTDOWN = """
import time

def handle(data, context):
    if data is None:
        context.left = {}
        return None
    ids = [context.get_request_id(index) for index in range(len(data))]
    for row, request in zip(data, ids):
        context.left[request] = context.left.get(request) or int(bytes(row["data"]))
        context.left[request] -= 1
    ends = [context.left[request] == 0 for request in ids]
    context.stopping_criteria = [lambda _, end=end: end for end in ends]
    time.sleep(0.002)
    return [f"{context.left[request]} " for request in ids]
"""

SUMS = """
def handle(data, context):
    if data is None:
        context.sums = {}
        return None
    out = []
    for index, row in enumerate(data):
        sequence = context.get_sequence_id(index)
        if context.get_request_header(index, "ts_request_sequence_start") == "true":
            context.sums[sequence] = 0
        context.sums[sequence] = context.sums.get(sequence, 0) + int(bytes(row["data"]))
        end = context.get_request_header(index, "ts_request_sequence_end")
        out.append(f"{context.sums[sequence]}{' end' if end else ''}")
    return out
"""


@pytest.fixture(scope="module")
def stateful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server whose models remember."""
    running = TorchServe(tmp_path_factory.mktemp("stateful"))
    running.store.write_handler("countdown", COUNTDOWN, "continuousBatching: true\nbatchSize: 4\n")
    running.store.write_handler(
        "sums",
        SUMS,
        "sequenceBatching: true\nsequenceMaxIdleMSec: 60000\nmaxNumSequence: 8\n"
        "maxSequenceJobQueueSize: 8\n",
    )
    running.start("countdown", "sums")
    running.wait_ready("countdown")
    running.wait_ready("sums")
    with Client(running) as made:
        yield made
    running.stop()
    running.assert_nothing_left()


@pytest.fixture
def client(server: TorchServe) -> Iterator[Client]:
    with Client(server) as made:
        yield made


def facts(error: Any) -> dict[str, str]:
    """The facts beside an error's status."""
    metadata = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    details = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(details)
    assert status.code == error.code().value[0]
    return {"reason": details.reason, **details.metadata}


def test_prediction_equals_that_over_http(client: Client, server: TorchServe, seven: bytes) -> None:
    answer = client.predict(client.request("digits", input={"data": seven}), metadata=None)
    over_http = requests.post(f"{server.inference}/predictions/digits", seven, timeout=LIMIT_SEC)
    assert json.loads(answer.prediction) == over_http.json()
    assert json.loads(answer.prediction)["class"] == "7"


def test_client_of_the_documentation_prints_what_it_says(server: TorchServe) -> None:
    page = (REPOSITORY / "docs" / "grpc.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    shown = page.split("```text\n")[1].split("```")[0]
    printed = subprocess.run(
        [
            sys.executable,
            "-c",
            code.replace("127.0.0.1:7070", f"127.0.0.1:{server.grpc_inference_port}"),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SEC,
    )
    assert printed.stdout == shown


def test_explanation_is_asked_for_by_metadata(
    client: Client, server: TorchServe, seven: bytes
) -> None:
    request = client.request("digits", input={"data": seven})
    answer = client.predict(request, metadata=(("explain", "True"),))
    over_http = requests.post(f"{server.inference}/explanations/digits", seven, timeout=LIMIT_SEC)
    assert len(json.loads(answer.prediction)) == len(over_http.json())


def test_inputs_are_bytes_by_name_unless_a_content_type_is_given(client: Client) -> None:
    request = client.request(input={"data": b"[1, 2]"})
    seen = json.loads(client.predict(request, metadata=None).prediction)
    assert seen == {"inputs": {"data": "[1, 2]"}, "types": {"data": "bytearray"}}
    seen = json.loads(client.predict(request).prediction)
    assert seen == {"inputs": {"data": [1, 2]}, "types": {"data": "list"}}


def test_metadata_and_request_id_reach_the_handler_and_come_back(client: Client) -> None:
    metadata = (*JSON, ("x-request-id", "mine-7"), ("session_id", "s"), ("authorization", "x"))
    headers = json.loads(client.predict(client.order(do="headers"), metadata=metadata).prediction)
    assert headers["session_id"] == "s"
    # This server checks no tokens, so that it is meant for the handler.
    assert headers["authorization"] == "x"
    assert "te" not in headers
    answer, call = client.stub.Predictions.with_call(
        client.order(do="request_id"), metadata=metadata, timeout=LIMIT_SEC
    )
    assert json.loads(answer.prediction) == {"id": "mine-7"}
    assert ("x-request-id", "mine-7") in call.initial_metadata()


def test_status_and_headers_of_the_handler_are_the_clients(client: Client) -> None:
    error = client.failure(client.order(do="status", code=404, text="no such digit"))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == f"no such digit\n{HTTP}ResourceNotFoundException"
    _, call = client.stub.Predictions.with_call(
        client.order(do="header", name="Mood", value="fine"), metadata=JSON, timeout=LIMIT_SEC
    )
    assert ("mood", "fine") in call.trailing_metadata()


CLIENTS_TYPES = {
    **dict.fromkeys((400, 401, 403, 416, 418, 429), "BadRequestException"),
    404: "ResourceNotFoundException",
    409: "ConflictStatusException",
}
ERRORS = {
    "no model": ({}, "", "INVALID_ARGUMENT", "BadRequestException.()"),
    "unknown model": ({}, "nothing", "NOT_FOUND", f"{MODEL}ModelNotFoundException"),
    "exception": ({"do": "raise"}, "commands", "UNAVAILABLE", f"{HTTP}InternalServerException"),
    "memory": (
        {"do": "memory_error"},
        "commands",
        "RESOURCE_EXHAUSTED",
        f"{HTTP}InternalServerException",
    ),
    **{
        f"chosen {code}": (
            {"do": "prediction_exception", "text": "so it is", "code": code},
            "commands",
            name,
            HTTP + CLIENTS_TYPES.get(code, "InternalServerException"),
        )
        for code, name in (
            (400, "INVALID_ARGUMENT"),
            (401, "UNAUTHENTICATED"),
            (403, "PERMISSION_DENIED"),
            (404, "NOT_FOUND"),
            (409, "ABORTED"),
            (413, "RESOURCE_EXHAUSTED"),
            (416, "OUT_OF_RANGE"),
            (418, "FAILED_PRECONDITION"),
            (429, "RESOURCE_EXHAUSTED"),
            (500, "INTERNAL"),
            (501, "UNIMPLEMENTED"),
            (504, "DEADLINE_EXCEEDED"),
        )
    },
}


@pytest.mark.parametrize(("order", "model", "status", "origin"), ERRORS.values(), ids=ERRORS)
def test_errors_have_their_status_two_lines_and_details(
    client: Client, order: dict[str, object], model: str, status: str, origin: str
) -> None:
    request = client.request(model, input={"body": json.dumps(order).encode()})
    error = client.failure(request)
    assert error.code().name == status, error.details()
    message, second = error.details().split("\n")
    assert message
    assert second == origin
    assert facts(error)["reason"] == origin
    with pytest.raises(grpc.RpcError) as streamed:
        list(client.stream(request))
    assert streamed.value.code() is error.code()  # type: ignore[attr-defined]


def test_unknown_version_is_not_found(client: Client) -> None:
    error = client.failure(client.request("digits", model_version="9.9", input={"data": b""}))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details().endswith(f"{MODEL}ModelVersionNotFoundException")


def test_cause_of_a_failure_is_among_the_details(client: Client) -> None:
    error = client.failure(client.order(do="raise", text="the digit is blurred"))
    assert error.details().startswith("Prediction failed\n")
    assert facts(error)["detail"].startswith(
        "ValueError: the digit is blurred (command_handler.py:"
    )


def test_stream_comes_part_by_part(client: Client, tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")
    parts = client.stream(client.order(do="stream", chunks=3, gate=gate))
    for number in range(3):
        assert next(parts).prediction == f"part{number} ".encode()
        Path(f"{gate}{number}").write_text("go")
    assert next(parts).prediction == b"last"
    assert list(parts) == []


def test_unary_call_collects_a_stream_and_the_worker_lives(
    client: Client, server: TorchServe
) -> None:
    pid = json.loads(client.predict(client.order(do="pid")).prediction)["pid"]
    for _ in range(3):
        answer = client.predict(client.order(do="stream", chunks=2))
        assert answer.prediction == b"part0 part1 last"
    assert json.loads(client.predict(client.order(do="pid")).prediction)["pid"] == pid


def test_stream_call_on_a_plain_handler_is_one_message_and_the_worker_lives(client: Client) -> None:
    pids = [
        json.loads(part.prediction)["pid"]
        for _ in range(3)
        for part in client.stream(client.order(do="pid"))
    ]
    assert len(pids) == 3
    assert len(set(pids)) == 1


def test_error_within_a_stream_comes_after_its_parts(client: Client) -> None:
    parts = client.stream(client.order(do="stream", chunks=3, raise_after=2))
    assert [next(parts).prediction for _ in range(2)] == [b"part0 ", b"part1 "]
    with pytest.raises(grpc.RpcError) as failure:
        next(parts)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]


def test_deadline_ends_the_call_and_the_worker_serves_on(
    client: Client, server: TorchServe
) -> None:
    error = client.failure(client.order(do="sleep", seconds=1), timeout=0.2)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # What waited behind it and was too late never reached the handler.
    assert client.predict(client.order(do="text", text="next")).prediction == b"next"


def test_cancelled_stream_reaches_the_handler(client: Client, tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    parts = client.stream(
        client.order(do="stream", chunks=100_000, progress_file=str(progress), pause=0.005)
    )
    next(parts)
    parts.cancel()
    # The handler ends long before its last part, and the worker takes the next request.
    assert client.predict(client.order(do="text", text="next")).prediction == b"next"
    assert int(progress.read_text()) < 100_000


def test_worker_killed_in_mid_call_costs_no_answer(client: Client, tmp_path: Path) -> None:
    answer = client.predict(client.order(do="die_if_absent", file=str(tmp_path / "died")))
    assert "inputs" in json.loads(answer.prediction)
    parts = client.stream(client.order(do="stream", chunks=3, die_after=1))
    assert next(parts).prediction == b"part0 "
    with pytest.raises(grpc.RpcError) as failure:
        list(parts)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
    assert failure.value.details().startswith("Worker died.")  # type: ignore[attr-defined]


def test_many_calls_at_a_time_each_get_their_own_answer(client: Client) -> None:
    def ask(number: int) -> bool:
        text = f"number {number} " * (1 + number % 50)
        return bool(client.predict(client.order(do="text", text=text)).prediction == text.encode())

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(ask, range(1000)))


def test_sixty_four_streams_at_a_time_do_not_mix(client: Client) -> None:
    def ask(number: int) -> bool:
        parts = client.stream(client.order(do="stream", chunks=5, tag=f"{number}-"))
        got = b"".join(part.prediction for part in parts).decode()
        return got == "".join(f"{number}-{i} " for i in range(5)) + "last"

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(ask, range(64)))


def test_message_beyond_max_request_size_is_resource_exhausted(client: Client) -> None:
    error = client.failure(client.request(input={"data": b"x" * 6_553_600}))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "6553500" in error.details()
    size = 6_553_000
    request = client.request("digits", input={"data": b"x" * size})
    assert client.failure(request).details().startswith(f"The {size} bytes "), "no picture"


def test_ping_is_the_text_of_http(client: Client, server: TorchServe) -> None:
    over_http = requests.get(f"{server.inference}/ping", timeout=LIMIT_SEC).text
    health = client.stub.Ping(empty_pb2.Empty(), timeout=LIMIT_SEC).health
    assert health == over_http.rstrip("\n") == '{\n  "status": "Healthy"\n}'


def test_every_call_is_a_line_of_the_access_log(client: Client, server: TorchServe) -> None:
    client.failure(client.request("not-there-at-all"))

    def line() -> list[str]:
        text = (server.logs / "access_log.log").read_text(encoding="utf-8")
        return [each for each in text.splitlines() if '/Predictions HTTP/2.0" 5 ' in each]

    found = wait_for(line, "the line")[-1]
    assert (
        '"gRPC org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions HTTP/2.0"' in found
    )


def test_continuous_batching_goes_on_until_the_client_leaves(stateful: Client) -> None:
    request = stateful.request("countdown", input={"data": b"200"})
    first, second = (stateful.stream(request, metadata=None) for _ in range(2))
    expected = [f"{left} ".encode() for left in reversed(range(200))]
    assert [next(first).prediction for _ in range(50)] == expected[:50]
    first.cancel()
    assert [part.prediction for part in second] == expected


def add(client: Client, sequence: str, number: int, **flags: bytes) -> Any:
    inputs = {"data": str(number).encode(), **flags}
    return client.request("sums", sequence_id=sequence, input=inputs)


def test_sequences_share_a_stream_and_keep_their_order(stateful: Client) -> None:
    orders = [
        add(stateful, "a", 1, ts_request_sequence_start=b"true"),
        add(stateful, "b", 10, ts_request_sequence_start=b"true"),
        add(stateful, "a", 2),
        add(stateful, "b", 20, ts_request_sequence_end=b"false"),
        add(stateful, "a", 3, ts_request_sequence_end=b"true"),
    ]
    answers = list(stateful.stub.StreamPredictions2(iter(orders), timeout=LIMIT_SEC))
    by_sequence = {
        name: [each.prediction for each in answers if each.sequence_id == name]
        for name in ("a", "b")
    }
    assert by_sequence == {"a": [b"1", b"3", b"6 end"], "b": [b"10", b"30"]}


def test_sequence_that_the_server_names_goes_on_in_other_calls(stateful: Client) -> None:
    first = add(stateful, "", 5, ts_request_sequence_start=b"true")
    answers = list(stateful.stub.StreamPredictions2(iter([first]), timeout=LIMIT_SEC))
    made = answers[0].sequence_id
    assert made.startswith("ts-seq-")
    assert stateful.predict(add(stateful, made, 6), metadata=None).prediction == b"11"
    streamed = list(stateful.stream(add(stateful, made, 7), metadata=None))
    assert [each.prediction for each in streamed] == [b"18"]


def test_request_without_a_sequence_is_one_of_its_own(stateful: Client) -> None:
    alone = stateful.request("sums", input={"data": b"7"})
    for _ in range(2):
        assert stateful.predict(alone, metadata=None).prediction == b"7"


def test_failure_is_one_message_and_the_stream_and_the_worker_go_on(stateful: Client) -> None:
    orders = [
        stateful.request("sums", sequence_id="c", input={"data": b"no number"}),
        stateful.request("sums", input={"data": b"1"}),
        stateful.request("nothing", sequence_id="c"),
        add(stateful, "c", 30),
    ]
    answers = list(stateful.stub.StreamPredictions2(iter(orders), timeout=LIMIT_SEC))
    codes = sorted(each.status.code for each in answers)
    assert codes == sorted(
        code.value[0]
        for code in (
            grpc.StatusCode.OK,
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.NOT_FOUND,
        )
    )
    good = [each for each in answers if not each.HasField("status")]
    assert [each.prediction for each in good] == [b"30"]


def test_stream_of_a_plain_model_is_served(client: Client) -> None:
    order = client.order(do="text", text="x")
    order.sequence_id = "any"
    answers = list(
        client.stub.StreamPredictions2(iter([order] * 100), timeout=LIMIT_SEC, metadata=JSON)
    )
    assert {each.prediction for each in answers} == {b"x"}
    assert len(answers) == 100

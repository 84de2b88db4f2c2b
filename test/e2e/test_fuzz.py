"""Hostile clients: what a fuzzer sends changes nothing.

One server with Netty's leak detector at its strictest takes requests made from its own API
descriptions (schemathesis) and 10,000 broken messages, each a seeded mutation of a valid one.
Afterwards it is healthy, answers right, has lost no buffer, and holds no more than before.
"""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from torchserve_process import TorchServe, wait_for

SEED = 20_260
LIST_LIMIT = 20
WORKER_COUNTS = {"min_worker", "max_worker", "initial_workers"}
COUNTING = """
def handle(data, context):
    return None if data is None else [str(len(row)) for row in data]
"""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    server = TorchServe(
        tmp_path_factory.mktemp("server"),
        config={"vmargs": "-Dio.netty.leakDetection.level=paranoid -Xmx512m"},
    )
    for name in ("counting", "other"):
        server.store.write_handler(name, COUNTING, "minWorkers: 1\nmaxWorkers: 1\n")
    server.start("counting")
    server.wait_ready("counting")
    yield server
    server.stop()
    server.assert_nothing_left()


@pytest.fixture(autouse=True)
def unimpressed(attacked: TorchServe) -> Iterator[None]:
    """Checks after each test that the server is as it was."""
    yield
    remove_additions(attacked)
    health = requests.get(f"{attacked.inference}/ping", timeout=60)
    assert health.json() == {"status": "Healthy"}, health.text
    if not attacked.registered("counting"):  # it is part of the API that models can go
        register = f"{attacked.management}/models?url=counting&initial_workers=1"
        assert requests.post(register, timeout=60).status_code == 200
    assert attacked.predict("counting", data=b"x").text == "1"
    log = attacked.log("ts_log.log")
    assert "LEAK:" not in log
    errors = [line for line in log.splitlines() if re.search(r" \[(ERROR|FATAL)\] | ERROR ", line)]
    assert not errors, errors[:LIST_LIMIT]


def remove_additions(server: TorchServe) -> None:
    """Unregister what a test has registered: with a handler of any text, /ping tells of it."""
    listed = requests.get(f"{server.management}/models?limit=1000", timeout=60).json()["models"]
    for name in {model["modelName"] for model in listed} - {"counting"}:
        address = f"{server.management}/models/{quote(name, safe='')}"
        assert requests.delete(address, timeout=60).status_code == 200, name


# -- made from the API descriptions ------------------------------------------------------------


def adapted(document: dict[str, Any]) -> dict[str, Any]:
    """The document with real models to hit, and without numbers of workers.

    Any number up to 4,096 is a valid order, which this machine would have to carry out. The model
    that later requests are checked with is not to be removed: it could come back as another one.
    """
    names: dict[str, list[str]] = {
        "model_name": ["counting", "cats"],
        "model_version": ["1.0", "all", "9"],
        "url": ["other", "counting", "nowhere.mar"],
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            models = {"model_name": ["other", "cats"]} if method == "delete" else {}
            kept = [
                parameter
                for parameter in operation.get("parameters", [])
                if parameter["name"] not in WORKER_COUNTS
            ]
            for parameter in kept:
                if values := (names | models).get(parameter["name"]):
                    parameter["schema"] = {"type": "string", "enum": values}
            operation["parameters"] = kept
            for media in operation.get("requestBody", {}).get("content", {}).values():
                properties = media["schema"].get("properties", {})
                for count in WORKER_COUNTS & set(properties):
                    del properties[count]
                if "url" in properties:
                    properties["url"]["enum"] = names["url"]
    return document


@pytest.mark.parametrize("listener", ["inference", "management", "metrics"])
def test_requests_made_from_the_api_description(
    attacked: TorchServe, tmp_path: Path, listener: str
) -> None:
    pytest.importorskip("schemathesis")
    address = getattr(attacked, listener)
    document = adapted(requests.options(f"{address}/", timeout=30).json())
    schema = tmp_path / "openapi.json"
    schema.write_text(json.dumps(document), encoding="utf-8")
    checks = [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
    words = ["run", str(schema), "--url", address, "--seed", str(SEED), "--max-time", "20"]
    words += ["--max-examples", "30", "--phases", "examples,coverage,fuzzing", "--no-color"]
    words += ["--checks", ",".join(checks), "--request-timeout", "30", "--warnings", "off"]
    words += ["--continue-on-failure"]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "st"), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    print(f"{listener}: {' '.join(re.findall(r'[0-9]+ generated.*', done.stdout))}")


@pytest.mark.parametrize(
    "value", ["-2", "-1", "0", "4097", "2147483647", "2147483648", "9" * 400, "1e3", "x", "", "%00"]
)
def test_numbers_at_their_limits(attacked: TorchServe, value: str) -> None:
    model = f"{attacked.management}/models/counting"
    for name in ("limit", "next_page_token"):
        answer = requests.get(f"{attacked.management}/models?{name}={value}", timeout=30)
        assert answer.status_code == 200 or (
            answer.status_code == 400 and f"Parameter {name} is" in answer.json()["message"]
        ), answer.text
    if value in ("-2", "4097", "2147483647"):
        for query in (f"min_worker={value}", f"min_worker=1&max_worker={value}"):
            answer = requests.put(f"{model}?{query}", timeout=30)
            assert answer.status_code == 400, answer.text
    for name in ("batch_size", "max_batch_delay", "response_timeout", "startup_timeout"):
        register = f"{attacked.management}/models?url=nowhere&initial_workers=0&{name}={value}"
        assert requests.post(register, timeout=30).status_code in (400, 404)


# -- broken messages ---------------------------------------------------------------------------

VALID = [
    b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS /predictions/counting HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
    b"POST /predictions/counting/1.0/a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 5\r\n\r\nhello",
    b"POST /v2/models/counting/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b'Transfer-Encoding: chunked\r\n\r\n8;a="b"\r\n{"inputs\r\n5\r\n": 1}\r\n0\r\nA: b\r\n\r\n',
    b"PUT /invocations?model_name=counting&a=%41 HTTP/1.1\r\nHost: x:1\r\nExpect: 100-continue\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\na=b&c=%20+d",
    b"POST /predictions/counting HTTP/1.1\r\nHost: x\r\nContent-Length: 121\r\n"
    b"Content-Type: multipart/form-data; boundary=BB\r\n\r\n--BB\r\n"
    b'Content-Disposition: form-data; name="a"; filename="f"\r\nContent-Type: image/png\r\n\r\n'
    b"0123456789\r\n--BB--\r\n  ",
    b"GET /models/counting?customized=false HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST /models?url=nowhere.mar&model_name=x&synchronous=true HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /models HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 26\r\n"
    b'\r\n{"url": "nowhere", "a": 1}',
    b"DELETE /models/cats/2.0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET http://h/models?limit=1;next_page_token=1 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n",
]
TOKENS = [
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%", b"%2e%2e/", b"%00", b"?", b"#", b";"),
    *(b"Content-Length: 7\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Transfer-Encoding: x\r\n", b"Expect: 1\r\n", b"Host: y\r\n", b"Connection: close\r\n"),
    *(b"HTTP/9.9", b"HTTP/1.2", b"ffffffff\r\n", b"0\r\n\r\n", b"-1\r\n", b"\xff\xfe", b"--BB\r\n"),
    *(b"A" * 5_000, b"A: " + b"b" * 9_000, b"x-request-timeout-ms: -1\r\n", b'"', b"../" * 50),
]
NOT_FAULTS = {501, 505}
"""Answers of the 5xx kind that a client's mistake deserves."""


def mutated(chance: random.Random) -> bytes:
    """A valid message with one to six changes."""
    message = bytearray(chance.choice(VALID))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(message) + 1)
        end = min(len(message), at + chance.randint(1, 20))
        change = chance.randrange(6)
        if change == 0 and at < len(message):
            message[at] = chance.randrange(256)
        elif change == 1:
            del message[at:end]
        elif change == 2:
            message[at:at] = message[at:end]
        elif change == 3:
            message[at:at] = chance.choice(TOKENS)
        elif change == 4:
            message[at:] = chance.choice(VALID)[chance.randrange(20) :]
        else:
            message[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(message)


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", answers)]


def converse(port: int, messages: list[bytes]) -> list[int]:
    """Sends messages on one connection, one after the other, and reads to the end of it."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        try:
            client.sendall(b"".join(messages))
            client.shutdown(socket.SHUT_WR)
            answers = b""
            while piece := client.recv(65_536):
                answers += piece
        except (ConnectionResetError, BrokenPipeError):
            return []  # more was sent than the server cared to read
    return statuses(answers)


def java_process(server: TorchServe) -> int:
    found = [pid for pid, words in server.processes().items() if "org.tsnext" in words]
    assert len(found) == 1, found
    return found[0]


def holds(pid: int) -> dict[str, int]:
    """Descriptors, threads and megabytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(re.findall(r"Threads:\s+(\d+)", status)[0]),
        "megabytes": int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1024,
    }


def attack(server: TorchServe, count: int, per_connection: int, seed: int) -> Counter[int]:
    chance = random.Random(seed)
    batches = [
        [mutated(chance) for _ in range(per_connection)] for _ in range(count // per_connection)
    ]
    ports = [chance.choice([server.inference_port, server.management_port]) for _ in batches]
    seen: Counter[int] = Counter()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(converse, ports, batches):
            seen.update(found)
    return seen


def test_ten_thousand_broken_messages(attacked: TorchServe) -> None:
    attack(attacked, 500, 5, SEED)  # so that buffers and code are there
    pid = java_process(attacked)
    before = holds(pid)
    seen = attack(attacked, 5_000, 1, SEED + 1) + attack(attacked, 5_000, 10, SEED + 2)
    assert sum(seen.values()) > 5_000, seen
    faults = {status: n for status, n in seen.items() if status >= 500 and status not in NOT_FAULTS}
    assert not faults, seen
    wait_for(
        lambda: holds(pid)["descriptors"] <= before["descriptors"] + 4,
        f"descriptors back at {before}, now {holds(pid)}",
        30,
    )
    after = holds(pid)
    assert after["threads"] <= before["threads"] + 4, (before, after)
    assert after["megabytes"] <= before["megabytes"] + 150, (before, after)
    print(f"answers {dict(seen.most_common())}, before {before}, after {after}")

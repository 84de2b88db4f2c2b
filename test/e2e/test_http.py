"""HTTP/1.1 as seen by raw sockets: order, limits, broken messages."""

from __future__ import annotations

import signal
import socket
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from raw_http import Connection
from torchserve_process import REPOSITORY, TorchServe

MODELS = REPOSITORY / "test" / "models"
JSON = b"Content-Type: application/json\r\n"


def post(body: bytes, extra: bytes = b"", path: bytes = b"/predictions/commands") -> bytes:
    return (
        b"POST "
        + path
        + b" HTTP/1.1\r\nHost: x\r\n"
        + JSON
        + extra
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


def test_pipelined_requests_are_answered_in_order(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        slow = b'{"do": "sleep", "seconds": 0.3}'
        client.send(
            post(slow)
            + post(b'{"do": "text", "text": "second"}')
            + b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert client.read_answer()[0] == 200
        assert client.read_answer() == (200, b"second")
        assert b"Healthy" in client.read_answer()[1]


def test_connection_stays_open_after_an_error(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        client.send(post(b"{}", path=b"/predictions/cats"))
        assert client.read_answer()[0] == 404
        client.send(post(b'{"do": "text", "text": "on"}'))
        assert client.read_answer() == (200, b"on")


def test_connection_close_and_http_1_0_are_honoured(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        client.send(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.read_answer()[0] == 200
        assert client.closed()
    with Connection(server.inference_port) as client:
        client.send(b"GET /ping HTTP/1.0\r\n\r\n")
        assert client.read_answer()[0] == 200
        assert client.closed()


def test_expect_continue_is_answered_before_the_body(server: TorchServe) -> None:
    body = b'{"do": "text", "text": "after"}'
    with Connection(server.inference_port) as client:
        whole = post(body, b"Expect: 100-continue\r\n")
        client.send(whole[: -len(body)])
        assert client.read_answer()[0] == 100
        client.send(body)
        assert client.read_answer() == (200, b"after")


def test_other_expectations_fail(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        client.send(post(b"{}", b"Expect: magic\r\n"))
        assert client.read_answer()[0] == 417


def test_body_over_the_limit_is_413_with_our_json(start: Callable[..., TorchServe]) -> None:
    server = start(config={"max_request_size": "1000"})
    server.store.add_directory(MODELS / "commands")
    requests.post(f"{server.management}/models?url=commands", timeout=60).raise_for_status()
    with Connection(server.inference_port) as client:
        client.send(post(b"x" * 2000))
        status, body = client.read_answer()
        assert status == 413
        assert b"RequestEntityTooLargeException" in body
        assert b"max_request_size" in body
    with Connection(server.inference_port) as client:
        head = post(b"", b"Expect: 100-continue\r\n").replace(b"Length: 0", b"Length: 2000")
        client.send(head)
        assert client.read_answer()[0] == 413
    with Connection(server.inference_port) as client:
        client.send(
            b"POST /predictions/commands HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(4):
            client.send(b"190\r\n" + b"x" * 0x190 + b"\r\n")
        assert client.read_answer()[0] == 413
        assert client.closed()
    assert server.order("echo").status_code == 200


@pytest.mark.parametrize(
    "message",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nbad header line\r\n\r\n",
        b"POST /predictions/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predictions/commands HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"zz\r\n",
        b"POST /predictions/commands HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /ping HTTP/1.1\r\n\r\n",
    ],
)
def test_malformed_messages_are_400_and_close(server: TorchServe, message: bytes) -> None:
    with Connection(server.inference_port) as client:
        client.send(message)
        status, body = client.read_answer()
        assert status == 400, body
        assert b"BadRequestException" in body
        assert client.closed()
    assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary here",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nunfinished',
        b"--B\r\nno disposition\r\n\r\nx\r\n--B--\r\n",
    ],
)
def test_bad_multipart_is_400(server: TorchServe, body: bytes) -> None:
    answer = server.predict(
        "commands", data=body, headers={"content-type": "multipart/form-data; boundary=B"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "BadRequestException"
    assert server.order("echo").status_code == 200


def test_target_without_a_path_is_not_a_server_error(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        client.send(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.read_answer()[0] < 500


def test_large_bodies_move_both_ways(start: Callable[..., TorchServe]) -> None:
    size = 10_000_000
    server = start(config={"max_request_size": str(2 * size), "max_response_size": str(2 * size)})
    server.store.write_handler(
        "mirror",
        "def handle(data, context):\n"
        "    return None if data is None else [bytes(row['body'])[::-1] for row in data]\n",
        "minWorkers: 1\nmaxWorkers: 1\n",
    )
    requests.post(f"{server.management}/models?url=mirror", timeout=60).raise_for_status()
    body = bytes(range(256)) * (size // 256)
    for _ in range(3):
        answer = server.predict(
            "mirror", data=body, headers={"content-type": "application/octet-stream"}
        )
        assert answer.status_code == 200
        assert answer.content == body[::-1]


def test_cors_headers_and_preflight(start: Callable[..., TorchServe]) -> None:
    server = start(
        config={
            "cors_allowed_origin": "https://app.example",
            "cors_allowed_methods": "GET, POST, PUT, OPTIONS",
            "cors_allowed_headers": "X-Custom",
        }
    )
    origin = {"Origin": "https://app.example"}
    answer = requests.get(f"{server.inference}/ping", headers=origin, timeout=30)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    preflight = requests.options(
        f"{server.inference}/predictions/digits",
        headers={**origin, "Access-Control-Request-Method": "POST"},
        timeout=30,
    )
    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-methods"] == "GET, POST, PUT, OPTIONS"


def test_request_that_no_worker_can_be_given_is_refused_alone(
    start: Callable[..., TorchServe],
) -> None:
    server = start()
    server.store.write_handler(
        "pairs",
        "def handle(data, context):\n"
        "    return None if data is None else [str(len(data)) for row in data]\n",
        "minWorkers: 1\nmaxWorkers: 1\nbatchSize: 2\nmaxBatchDelay: 500\n",
    )
    requests.post(f"{server.management}/models?url=pairs", timeout=60).raise_for_status()
    with ThreadPoolExecutor(2) as pool:
        good = pool.submit(server.predict, "pairs", data={"a": "1"})
        bad = pool.submit(server.predict, "pairs", data={"n" * 70_000: "1"})
        assert (good.result().status_code, good.result().text) == (200, "1")
        assert bad.result().status_code == 400
        assert bad.result().json()["type"] == "BadRequestException"


def ping_over(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    return answer


def test_unix_socket_is_taken_over_from_a_dead_server_only(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    # The name of a socket ends at 107 bytes, which tmp_path may exceed.
    with tempfile.TemporaryDirectory(prefix="ts") as folder:
        path = Path(folder) / "inference.sock"
        config = {"inference_address": f"unix:{path}"}
        first = TorchServe(tmp_path / "first", config=config)
        first.start()
        try:
            second = TorchServe(tmp_path / "second", config=config)
            with pytest.raises(AssertionError):
                second.start()
            assert second.stop() != 0
            assert "Address already in use" in second.tail()
            assert ping_over(path).startswith(b"HTTP/1.1 200 OK")
        finally:
            first.stop(signal.SIGKILL)
        assert path.exists()
        third = start(config=config)
        assert b'"status": "Healthy"' in ping_over(path)
        third.stop()
        assert not path.exists()

"""What one client may cost, on every listener: frames, time and memory."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator

import grpc
import pytest
import requests
from google.protobuf import empty_pb2
from grpc_api import Client
from test_tls import KEYS, pem, tls_server
from torchserve_process import LIMIT_SEC, TorchServe, wait_for

CONNECTIONS = 20
IDLE_SEC = 2
BODY = 16_000
MEMORY = 64 * BODY
HANDLER = """
def handle(data, context):
    return [b"ok" for _ in data] if data else None
"""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, SETTINGS, WINDOW_UPDATE, UNKNOWN = 0, 1, 2, 4, 8, 0xBE
END_HEADERS = 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(**headers: str) -> bytes:
    """A header block of literals; `_` at the start of a name is the colon of a pseudo header."""
    out = b""
    for name, value in headers.items():
        spelled = name.replace("_", ":", 1) if name.startswith("_") else name.replace("_", "-")
        out += b"\0" + bytes([len(spelled)]) + spelled.encode()
        out += bytes([len(value)]) + value.encode()
    return out


def call(rpc: str) -> bytes:
    return block(
        _method="POST",
        _scheme="http",
        _path=f"/{rpc}",
        _authority="t",
        te="trailers",
        content_type="application/grpc",
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """Inference and gRPC over TLS, management in plain."""
    keys = {**pem("ec-pkcs8.pem", "ec.crt"), "enable_grpc_ssl": "true"}
    limits = {
        "connection_idle_timeout_sec": str(IDLE_SEC),
        "request_read_timeout_sec": "5",
        "inference_max_connections": str(CONNECTIONS),
        "body_memory_bytes": str(MEMORY),
        "max_request_size": str(MEMORY),  # for one such body there is always room
    }
    running = tls_server(tmp_path_factory.mktemp("limits"), {**keys, **limits})
    running.store.write_handler("h", HANDLER)
    try:
        running.start("h")
        running.wait_ready("h")
        yield running
    finally:
        running.stop()


def connect(port: int, tls: bool) -> socket.socket:
    connection: socket.socket = socket.create_connection(("127.0.0.1", port), LIMIT_SEC)
    if tls:
        context = ssl.create_default_context(cafile=KEYS / "ec.crt")
        context.set_alpn_protocols(["h2"])
        connection = context.wrap_socket(connection, server_hostname="localhost")
    connection.settimeout(LIMIT_SEC)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Reads what the server still says; fails if it does not close in time."""
    end = time.monotonic() + LIMIT_SEC
    while time.monotonic() < end:
        try:
            if not connection.recv(65536):
                return True
        except TimeoutError:
            return False
        except OSError:
            return True
    return False


def listeners(server: TorchServe) -> list[tuple[int, bool]]:
    return [
        (server.inference_port, True),
        (server.management_port, False),
        (server.grpc_inference_port, True),
        (server.grpc_management_port, True),
    ]


@pytest.mark.parametrize(
    "flood",
    [
        frame(SETTINGS, 0, 0, b"\0\3\0\0\0\1"),
        frame(PRIORITY, 0, 1, b"\0\0\0\0\1"),
        frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
        frame(UNKNOWN, 0, 1, b"x" * 10),
    ],
    ids=["settings", "priority", "window update", "unknown"],
)
def test_floods_end_their_connection_on_every_listener(server: TorchServe, flood: bytes) -> None:
    for port, tls in listeners(server):
        with connect(port, tls) as connection:
            begin = time.monotonic()
            with contextlib.suppress(OSError):
                connection.sendall(flood * 50_000)
            assert is_closed(connection), port
            assert time.monotonic() - begin < LIMIT_SEC
    assert requests.get(f"{server.management}/models", timeout=60).status_code == 200


def test_calls_that_never_end_do_not_shut_others_out(server: TorchServe) -> None:
    rpcs = (
        "no.Service/Rpc",
        "grpc.health.v1.Health/Watch",
        "org.pytorch.serve.grpc.inference.InferenceAPIsService/Ping",
        "org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions",
        "org.pytorch.serve.grpc.inference.InferenceAPIsService/StreamPredictions2",
    )
    with contextlib.ExitStack() as stack:
        held = []
        for number in range(CONNECTIONS):
            connection = stack.enter_context(connect(server.grpc_inference_port, True))
            connection.sendall(frame(HEADERS, END_HEADERS, 1, call(rpcs[number % len(rpcs)])))
            held.append(connection)
        for number, connection in enumerate(held):
            assert is_closed(connection), rpcs[number % len(rpcs)]
    credentials = grpc.ssl_channel_credentials((KEYS / "ec.crt").read_bytes())

    def served() -> bool:
        with Client(server, credentials) as client:
            try:
                return "Healthy" in client.stub.Ping(empty_pb2.Empty(), timeout=30).health
            except grpc.RpcError:
                return False

    wait_for(served, "the places are free")


def test_small_bodies_have_their_share_of_the_memory(server: TorchServe) -> None:
    url = f"{server.inference}/predictions/h"
    head = block(_method="POST", _scheme="https", _path="/predictions/h", _authority="localhost")

    def ask(size: int) -> int:
        answer = requests.post(url, data=b"x" * size, verify=str(KEYS / "ec.crt"), timeout=60)
        return answer.status_code

    with contextlib.ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(connect(server.inference_port, True))
            for stream in (1, 3, 5, 7):
                connection.sendall(
                    frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, 0, stream, bytes(BODY))
                )
        wait_for(lambda: ask(BODY) == 503, "the share is full")
        assert ask(2 * BODY) == 200, "large ones have room"
    wait_for(lambda: ask(BODY) == 200, "the share is free again")

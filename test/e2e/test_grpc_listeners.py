"""The gRPC listeners: where they are, what hostile clients, keys, TLS and a shutdown do to them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from grpc_api import Client
from torchserve_process import LIMIT_SEC, REPOSITORY, TorchServe, wait_for

KEYS = REPOSITORY / "frontend/transport/src/test/resources/org/tsnext/transport/tls"


@pytest.fixture
def client(server: TorchServe) -> Iterator[Client]:
    with Client(server) as made:
        yield made


def listening_on(server: TorchServe) -> set[str]:
    """Local addresses, in hexadecimal, of the listening sockets of the frontend."""
    frontend = next(pid for pid, words in server.processes().items() if "ModelServer" in words)
    inodes = set()
    for link in Path(f"/proc/{frontend}/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue  # closed meanwhile
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{frontend}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1])
    return found


def test_listeners_are_on_loopback_only(server: TorchServe) -> None:
    sockets = listening_on(server)
    ports = {int(address.rsplit(":", 1)[1], 16) for address in sockets}
    assert {server.grpc_inference_port, server.grpc_management_port} <= ports
    loopback = ("0100007F", "0000000000000000FFFF00000100007F", "0" * 24 + "01000000")
    assert all(address.rsplit(":", 1)[0] in loopback for address in sockets), sockets


def test_listeners_can_be_switched_off(start: Callable[..., TorchServe]) -> None:
    server = start(config={"enable_grpc_api": "false"})
    ports = {int(address.rsplit(":", 1)[1], 16) for address in listening_on(server)}
    assert server.inference_port in ports
    assert server.grpc_inference_port not in ports
    assert server.grpc_management_port not in ports


def test_garbage_on_the_port_changes_nothing(client: Client, server: TorchServe) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    rng = random.Random(20261125)
    for number in range(300):
        start_of = (b"", preface, preface + settings)[number % 3]
        frames = b"".join(
            len(body := rng.randbytes(rng.randrange(40))).to_bytes(3, "big")
            + bytes([rng.randrange(11), rng.randrange(256)])
            + rng.randrange(1 << 31).to_bytes(4, "big")
            + body
            for _ in range(rng.randrange(20))
        )
        with socket.create_connection(("127.0.0.1", server.grpc_inference_port), 30) as connection:
            connection.sendall(start_of + (frames or rng.randbytes(100)))
    assert client.predict(client.order(do="text", text="well")).prediction == b"well"


def test_ten_thousand_malformed_messages_change_nothing(client: Client) -> None:
    call = client.channel.unary_unary(
        "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions",
        request_serializer=None,
        response_deserializer=None,
    )
    valid = client.order(do="text", text="x").SerializeToString()
    rng = random.Random(20261125)
    allowed = {"INVALID_ARGUMENT", "NOT_FOUND", "UNAVAILABLE"}

    def ask(_: int) -> str:
        message = bytearray(valid)
        for _ in range(rng.randrange(1, 4)):
            message[rng.randrange(len(message))] = rng.randrange(256)
        try:
            call(bytes(message[: rng.randrange(1, len(message) + 1)]), timeout=LIMIT_SEC)
        except grpc.RpcError as e:
            return str(e.code().name)  # type: ignore[attr-defined]
        return "OK"

    with ThreadPoolExecutor(16) as pool:
        seen = set(pool.map(ask, range(10_000)))
    assert "INVALID_ARGUMENT" in seen
    assert seen <= {"OK", *allowed}
    assert client.predict(client.order(do="text", text="well")).prediction == b"well"


def test_tokens_are_asked_for(start: Callable[..., TorchServe]) -> None:
    server = start(options=("--enable-model-api",))
    keys = json.loads((server.folder / "key_file.json").read_text())
    with Client(server) as client:
        request = client.request("nothing")
        error = client.failure(request)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert error.details().startswith("Token Authorization failed. Token either incorrect,")
        management = (("authorization", f"Bearer {keys['management']['key']}"),)
        error = client.failure(request, metadata=management)
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        inference = (("authorization", f"Bearer {keys['inference']['key']}"),)
        assert client.failure(request, metadata=inference).code() is grpc.StatusCode.NOT_FOUND
        assert "Healthy" in client.stub.Ping(empty_pb2.Empty(), timeout=LIMIT_SEC).health


def test_tls_with_a_key_that_is_exchanged(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    shutil.copy(KEYS / "rsa-pkcs8.pem", key)
    shutil.copy(KEYS / "rsa.crt", certificate)
    config = {
        "enable_grpc_ssl": "true",
        "private_key_file": str(key),
        "certificate_file": str(certificate),
        "tls_reload_interval": "1",
    }
    server = TorchServe(tmp_path / "server", config=config)

    def healthy(trusted: str) -> bool:
        credentials = grpc.ssl_channel_credentials((KEYS / trusted).read_bytes())
        with Client(server, credentials) as client:
            try:
                return "Healthy" in client.stub.Ping(empty_pb2.Empty(), timeout=30).health
            except grpc.RpcError:
                return False

    try:
        server.start()
        assert healthy("rsa.crt")
        assert not healthy("ec.crt")
        with Client(server) as plain, pytest.raises(grpc.RpcError):
            plain.stub.Ping(empty_pb2.Empty(), timeout=30)
        shutil.copy(KEYS / "ec-pkcs8.pem", key)
        shutil.copy(KEYS / "ec.crt", certificate)
        wait_for(lambda: healthy("ec.crt"), "the new certificate")
    finally:
        server.stop()
    server.assert_nothing_left()


def test_stopping_server_answers_what_runs(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server")
    server.store.add_directory(REPOSITORY / "test" / "models" / "commands")
    try:
        server.start("commands")
        server.wait_ready("commands")
        with Client(server) as client, ThreadPoolExecutor(1) as pool:
            # An idle stream, whose client would keep it open, is no reason to wait.
            idle = client.stub.StreamPredictions2(iter(threading.Event().wait, None))
            parts = client.stream(client.order(do="stream", chunks=10, pause=0.1))
            assert next(parts).prediction == b"part0 "
            rest = pool.submit(lambda: [part.prediction for part in parts])
            assert server.stop(signal.SIGTERM) in (0, 143)
            assert rest.result(LIMIT_SEC)[-1] == b"last"
            with pytest.raises(grpc.RpcError):
                next(idle)
    finally:
        server.stop()
    server.assert_nothing_left()

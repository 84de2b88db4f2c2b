"""HTTP/2 as real clients speak it, over TLS and with prior knowledge, and as hostile ones do."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import requests
from test_tls import KEYS, pem, tls_server
from torchserve_process import LIMIT_SEC, TorchServe, wait_for

CERTIFICATE = KEYS / "ec.crt"
HANDLER = """
import time

from ts.handler_utils.utils import send_intermediate_predict_response


def handle(data, context):
    if not data:
        return None
    body = bytes(data[0].get("data") or data[0].get("body") or b"")
    if body.startswith(b"stream"):
        for i in range(int(body.split()[1])):
            send_intermediate_predict_response([f"part{i} "], context.request_ids, "", 200, context)
        return ["last"]
    if body.startswith(b"sleep"):
        words = body.split()
        if len(words) > 2:
            open(words[2], "w").close()
        time.sleep(float(words[1]))
    if body.startswith(b"large"):
        return [b"x" * int(body.split()[1])]
    return [body]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """Inference over TLS, management in plain; both speak HTTP/2."""
    running = tls_server(tmp_path_factory.mktemp("http2"), pem("ec-pkcs8.pem", "ec.crt"))
    running.store.write_handler("h", HANDLER)
    try:
        running.start("h")
        running.wait_ready("h")
        yield running
    finally:
        running.stop()


class Client:
    """One connection with the state machine of the package `h2`, and its events by stream."""

    def __init__(self, port: int, tls: bool) -> None:
        plain = socket.create_connection(("127.0.0.1", port), LIMIT_SEC)
        self.socket: socket.socket = plain
        if tls:
            context = ssl.create_default_context(cafile=CERTIFICATE)
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2"
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.events: list[h2.events.Event] = []
        self.flush()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def request(self, path: str, body: bytes = b"", method: str = "POST") -> int:
        stream = self.h2.get_next_available_stream_id()
        headers = [
            (":method", method),
            (":path", path),
            (":scheme", "https"),
            (":authority", "localhost"),
        ]
        self.h2.send_headers(stream, headers, end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.events.append(event)
        self.flush()

    def of(self, stream: int, kind: type) -> list[h2.events.Event]:
        return [e for e in self.events if isinstance(e, kind) and e.stream_id == stream]

    def answer(self, stream: int) -> tuple[int, bytes]:
        """Status and body of a stream that ends properly."""
        while not self.of(stream, h2.events.StreamEnded):
            assert not self.of(stream, h2.events.StreamReset), self.of(
                stream, h2.events.StreamReset
            )
            self.receive()
        head = dict(self.of(stream, h2.events.ResponseReceived)[0].headers)
        return int(head[":status"]), b"".join(
            e.data for e in self.of(stream, h2.events.DataReceived)
        )


def curl(*words: str) -> str:
    return subprocess.run(
        ["curl", "-sS", "--max-time", "60", *words], check=True, capture_output=True, text=True
    ).stdout


def curl_speaks_http2() -> bool:
    return (
        "HTTP2"
        in subprocess.run(["curl", "--version"], check=False, capture_output=True, text=True).stdout
    )


@pytest.mark.skipif(not curl_speaks_http2(), reason="this curl does not speak HTTP/2")
def test_curl_gets_the_same_answers_over_tls_and_in_plain(server: TorchServe) -> None:
    trusted = ("--cacert", str(CERTIFICATE))
    shown = ("-w", " %{http_version} %{http_code}", "-H", "Content-Type: application/octet-stream")
    url = f"{server.inference}/predictions/h"
    assert curl(*trusted, *shown, "--http2", "-d", "hello", url) == "hello 2 200"
    assert curl(*trusted, *shown, "--http1.1", "-d", "hello", url) == "hello 1.1 200"
    assert (
        curl(*trusted, *shown, "--http2", "-d", "stream 3", url) == "part0 part1 part2 last 2 200"
    )
    plain = f"{server.management}/models/h"
    ordinary = requests.get(plain, timeout=60).text
    assert ordinary.count("\n") == curl(*shown, "--http2-prior-knowledge", plain).count("\n")
    # The dance of Upgrade is not joined in, and does no harm.
    assert curl(*shown, "--http2", plain).endswith(" 1.1 200")
    head = curl("-I", "--http2-prior-knowledge", f"{server.management}/ping")
    assert re.match(r"HTTP/2 \d+", head)


def test_httpx_shares_one_connection(server: TorchServe) -> None:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    with httpx.Client(http2=True, verify=context, timeout=60) as client:
        for i in range(5):
            answer = client.post(f"{server.inference}/predictions/h", content=b"%d" % i)
            assert (answer.http_version, answer.status_code, answer.content) == (
                "HTTP/2",
                200,
                b"%d" % i,
            )
            assert answer.headers["x-request-id"]
        with client.stream(
            "POST", f"{server.inference}/predictions/h", content=b"stream 2"
        ) as stream:
            assert b"".join(stream.iter_bytes()) == b"part0 part1 last"
        large = client.post(f"{server.inference}/predictions/h", content=bytes(5_000_000))
        assert large.content == bytes(5_000_000)
        assert (
            client.post(f"{server.inference}/predictions/h", content=bytes(7_000_000)).status_code
            == 413
        )
        assert client.get(f"{server.inference}/nowhere").json()["code"] == 404


def test_hundred_streams_at_once_are_all_answered(server: TorchServe) -> None:
    with Client(server.inference_port, tls=True) as client:
        streams = [
            client.request("/predictions/h", b"stream 5" if i % 2 else b"%d" % i)
            for i in range(100)
        ]
        for i, stream in enumerate(streams):
            expected = b"part0 part1 part2 part3 part4 last" if i % 2 else b"%d" % i
            assert client.answer(stream) == (200, expected)


def test_stream_taken_back_frees_its_place(server: TorchServe) -> None:
    with Client(server.inference_port, tls=True) as client:
        running = client.request("/predictions/h", b"sleep 1")
        waiting = [client.request("/predictions/h", b"sleep 5") for _ in range(20)]
        for stream in waiting:
            client.h2.reset_stream(stream)
        client.flush()
        begin = time.monotonic()
        assert client.answer(running)[0] == 200
        assert client.answer(client.request("/predictions/h", b"next")) == (200, b"next")
        assert time.monotonic() - begin < 60, "the waiting ones would have taken 100 s"
    server.wait_log("access_log.log", r'"POST /predictions/h HTTP/2.0" 499 ')


def test_slow_reader_holds_up_no_other_stream_of_its_connection(server: TorchServe) -> None:
    with Client(server.inference_port, tls=True) as client:
        client.h2.update_settings({4: 0})  # SETTINGS_INITIAL_WINDOW_SIZE
        client.flush()
        slow = client.request("/predictions/h", b"large 1000000")
        while not client.of(slow, h2.events.ResponseReceived):
            client.receive()
        assert not client.of(slow, h2.events.DataReceived)
        other = client.request("/predictions/h", b"other")
        client.h2.increment_flow_control_window(1000, other)
        client.flush()
        assert client.answer(other) == (200, b"other")
        client.h2.increment_flow_control_window(1_000_000, slow)
        client.flush()
        assert client.answer(slow) == (200, b"x" * 1_000_000)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


# HPACK: GET, http, /ping (literal), and an authority.
PING = b"\x82\x86\x04\x05/ping\x01\x01t"
SETTINGS = frame(4, 0, 0)

FLOODS = {
    "continuations": frame(1, 0, 1, PING) + frame(9, 0, 1, b"") * 20_000,
    "long continuations": frame(1, 0, 1, PING)
    + frame(9, 0, 1, b"\x00\x01a\x7f\xe1\x7f" + b"b" * 16000) * 100,
    "resets": b"".join(
        frame(1, 5, i, PING) + frame(3, 0, i, b"\0\0\0\x08") for i in range(1, 2000, 2)
    ),
    "empty data": frame(1, 4, 1, PING) + frame(0, 0, 1) * 20_000,
    "unread pings": frame(6, 0, 0, b"12345678") * 400_000,
    "unread settings": frame(4, 0, 0, b"\0\3\0\0\0\1") * 400_000,
    "zero window updates": frame(1, 4, 1, PING) + frame(8, 0, 1, b"\0\0\0\0") * 1000,
    "frame too large": frame(0, 0, 1, bytes(20_000)),
    "data on stream 0": frame(0, 0, 0, b"x"),
    "unknown stream": frame(0, 0, 99, b"x"),
    "even stream": frame(1, 5, 2, PING),
    "broken hpack": frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"),
    "push promise": frame(5, 4, 1, b"\0\0\0\2" + PING),
    "settings of a wrong length": frame(4, 0, 0, b"abc"),
    "no settings": b"",
    "nothing but bytes": b"\xff" * 1000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_floods_and_nonsense_end_their_own_connection_only(
    server: TorchServe, flood: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.management_port), LIMIT_SEC) as connection:
        connection.settimeout(LIMIT_SEC)
        try:
            connection.sendall(PREFACE + SETTINGS + flood)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass
    assert requests.get(f"{server.management}/models", timeout=60).status_code == 200
    with Client(server.management_port, tls=False) as client:
        assert client.answer(client.request("/models", method="GET"))[0] == 200
    assert "ERROR" not in "".join(server.output), server.tail()


@pytest.mark.skipif(not curl_speaks_http2(), reason="this curl does not speak HTTP/2")
def test_server_that_stops_answers_what_runs(tmp_path: Path) -> None:
    server = tls_server(tmp_path / "server", pem("ec-pkcs8.pem", "ec.crt"))
    server.store.write_handler("h", HANDLER)
    runs = tmp_path / "runs"
    try:
        server.start("h")
        server.wait_ready("h")
        url = f"{server.inference}/predictions/h"
        words = [
            "curl",
            "-sS",
            "--http2",
            "--cacert",
            str(CERTIFICATE),
            "-H",
            "Content-Type: application/octet-stream",
        ]
        with subprocess.Popen(
            [*words, "-d", f"sleep 2 {runs}", url], stdout=subprocess.PIPE
        ) as client:
            wait_for(runs.exists, "the handler runs")
            server.stop()
            assert client.communicate(timeout=LIMIT_SEC)[0] == f"sleep 2 {runs}".encode()
            assert client.returncode == 0
    finally:
        server.stop()
    server.assert_nothing_left()

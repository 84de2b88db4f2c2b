"""Both clients against a fake of the server: what they send, and what they make of the answers."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib
import inspect
import io
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, description, load_error, serving
from ts.client import (
    AsyncClient,
    Client,
    ModelFailed,
    RequestTimeout,
    ServerError,
    ServerUnreachable,
    Tokens,
    Trust,
)

TOKENS = Tokens("i-token", "m-token")
Ask = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as fake:
        yield fake


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, server: FakeServer) -> Iterator[Ask]:
    """Calls a method of either client by its name."""
    if request.param == "sync":
        with Client(server.url, server.url, tokens=TOKENS) as client:
            yield lambda name, *args, **named: getattr(client, name)(*args, **named)
        return

    def call(name: str, *arguments: Any, **named: Any) -> Any:
        async def run() -> Any:
            async with AsyncClient(server.url, server.url, tokens=TOKENS) as client:
                return await getattr(client, name)(*arguments, **named)

        return asyncio.run(run())

    yield call


@pytest.mark.parametrize(
    ("data", "content_type", "body"),
    [
        (b"\x00", "application/octet-stream", b"\x00"),
        (bytearray(b"a"), "application/octet-stream", b"a"),
        (io.BytesIO(b"file"), "application/octet-stream", b"file"),
        ("é", "text/plain; charset=utf-8", "é".encode()),
        ({"a": [1]}, "application/json", b'{"a": [1]}'),
        ([1.5, None], "application/json", b"[1.5, null]"),
    ],
)
def test_input_has_the_content_type_of_its_kind(
    ask: Ask, server: FakeServer, data: Any, content_type: str, body: bytes
) -> None:
    server.answer("/predictions/m", 7)
    if isinstance(data, io.BytesIO):
        data.seek(0)

    assert ask("predict", "m", data) == 7
    method, _, headers, sent = server.requests[-1]
    assert (method, sent, headers["content-type"]) == ("POST", body, content_type)
    assert headers["authorization"] == "Bearer i-token"


def test_path_is_sent_as_the_content_of_the_file(
    ask: Ask, server: FakeServer, tmp_path: Path
) -> None:
    server.answer("/predictions/m", 7)
    (tmp_path / "a.png").write_bytes(b"png")

    ask("predict", "m", tmp_path / "a.png", content_type="image/png", headers={"x-me": "1"})

    _, _, headers, sent = server.requests[-1]
    assert (sent, headers["content-type"], headers["x-me"]) == (b"png", "image/png", "1")


def test_parts_are_a_form(ask: Ask, server: FakeServer) -> None:
    server.answer("/explanations/m/2.0", b"bytes")

    assert ask("explain", "m", parts={"image": b"\xff", 'a"b': "text"}, version="2.0") == b"bytes"
    _, _, headers, sent = server.requests[-1]
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="image"\r\nContent-Type: application/octet-stream\r\n\r\n\xff\r\n' in sent
    assert b'name="a%22b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ntext\r\n' in sent


def test_names_are_encoded_and_management_has_its_token(ask: Ask, server: FakeServer) -> None:
    server.answer("/models/a%2Fb%20c", {"status": "Workers scaled"})

    assert ask("scale", "a/b c", 2, synchronous=False) == "Workers scaled"
    method, path, headers, _ = server.requests[-1]
    assert (method, path) == ("PUT", "/models/a%2Fb%20c?min_worker=2&synchronous=false")
    assert headers["authorization"] == "Bearer m-token"


def test_errors_have_the_words_of_the_server(ask: Ask, server: FakeServer) -> None:
    error = {"code": 503, "type": "T", "message": "Prediction failed", "detail": "KeyError: 'x'"}
    server.answer("/predictions/m", error, status=503)

    with pytest.raises(ServerError, match="503 Prediction failed: KeyError: 'x'") as raised:
        ask("predict", "m", b"")
    assert (raised.value.status, raised.value.type, raised.value.detail) == (
        503,
        "T",
        "KeyError: 'x'",
    )


def test_every_page_of_models_is_read(ask: Ask, server: FakeServer) -> None:
    def page(name: str, **more: str) -> dict[str, Any]:
        return {"models": [{"modelName": name, "modelUrl": f"{name}.mar"}], **more}

    server.answer("/models", page("a", nextPageToken="1"), page("b"))

    assert [model.name for model in ask("models")] == ["a", "b"]


def test_readiness_says_why_not(ask: Ask, server: FakeServer) -> None:
    models = [{"name": "m", "reason": "broken"}]
    server.answer("/ready", {"status": "NotReady", "models": models}, status=503)

    readiness = ask("ready")

    assert not readiness
    assert readiness.models == {"m": "broken"}
    server.answer("/ready", {"status": "Ready"})
    assert ask("ready")


def test_waiting_ends_with_the_cause_of_a_failure(ask: Ask, server: FakeServer) -> None:
    loading, broken = description("m", "LOADING"), description("m", "RECOVERING")
    server.answer("/models/m", [loading], [{**broken, "lastLoadError": load_error()}])

    with pytest.raises(ModelFailed, match=r"m 1\.0 cannot be loaded: KeyError: 'vocab'"):
        ask("wait_ready", "m")
    server.answer("/models/m", [loading], [description("m")])
    assert ask("wait_ready", "m").ready
    server.answer("/models/m", [loading])
    with pytest.raises(RequestTimeout, match="m is LOADING after 0 s"):
        ask("wait_ready", "m", timeout=0)


def test_stream_comes_in_parts_and_its_error_is_an_error(server: FakeServer) -> None:
    server.answer("/predictions/m", b"abc")

    async def collect(client: AsyncClient, model: str = "m") -> bytes:
        async with client:
            return b"".join([chunk async for chunk in client.stream(model, b"")])

    with Client(server.url, server.url) as client:
        assert b"".join(client.stream("m", b"")) == b"abc"
        assert asyncio.run(collect(AsyncClient(server.url))) == b"abc"
        with pytest.raises(ServerError, match="404"):
            list(client.stream("other", b""))
        with pytest.raises(ServerError, match="404"):
            asyncio.run(collect(AsyncClient(server.url), "other"))


def test_requests_may_be_made_while_a_stream_is_read(server: FakeServer) -> None:
    server.answer("/predictions/m", b"abc")

    with Client(server.url, server.url) as client:
        for _ in client.stream("m", b""):
            assert client.predict("m", b"") == b"abc"


def raw_server(respond: Callable[[socket.socket], None]) -> tuple[str, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                respond(connection)

    thread = threading.Thread(target=run)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


def test_stream_that_breaks_off_is_no_end() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"
    url, thread = raw_server(lambda connection: connection.sendall(head))
    parts: list[bytes] = []

    with Client(url) as client, pytest.raises(ServerUnreachable):
        parts.extend(client.stream("m", b""))
    assert parts == [b"abc"]
    thread.join()


def test_silence_is_a_timeout() -> None:
    silent = threading.Event()
    url, thread = raw_server(lambda _: silent.wait(60) and None)

    with Client(url) as client, pytest.raises(RequestTimeout, match=r"within 0\.05 s"):
        client.predict("m", b"", timeout=0.05)
    silent.set()
    thread.join()


def test_no_server_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with Client(url) as client, pytest.raises(ServerUnreachable, match="No response from"):
        client.ping()

    async def ping() -> bool:
        async with AsyncClient(url) as client:
            return await client.ping()

    with pytest.raises(ServerUnreachable):
        asyncio.run(ping())


def test_connection_that_the_server_closed_is_made_again(server: FakeServer) -> None:
    server.answer("/ping", {"status": "Healthy"})

    with Client(server.url) as client:
        assert client.ping()
        connection = client._listeners["inference"]._connection(None)
        connection.sock.shutdown(socket.SHUT_RD)  # as if its other end had been closed
        assert client.ping()


def test_connection_of_a_thread_is_closed_when_the_thread_has_ended() -> None:
    def respond(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        assert connection.recv(1) == b"", "the connection is closed, not used again"

    url, thread = raw_server(respond)
    with Client(url) as client:
        asking = threading.Thread(target=client.ping)
        asking.start()
        asking.join()
        thread.join(60)
        assert not thread.is_alive()


def test_request_that_could_not_be_sent_does_not_fail_the_next_one(server: FakeServer) -> None:
    server.answer("/ping", {"status": "Healthy"})

    with Client(server.url) as client:
        with pytest.raises(ValueError, match="Invalid header value"):
            client.predict("m", b"", headers={"x-name": "two\nlines"})
        assert client.ping()


def test_interrupted_request_does_not_fail_the_next_one(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer("/ping", {"status": "Healthy"})

    def interrupt(_: http.client.HTTPConnection) -> None:
        raise KeyboardInterrupt

    with Client(server.url) as client:
        with monkeypatch.context() as patch:
            patch.setattr(http.client.HTTPConnection, "getresponse", interrupt)
            with pytest.raises(KeyboardInterrupt):
                client.predict("m", b"")
        assert client.ping()


def test_stream_that_is_not_read_to_its_end_leaves_the_kept_connection(server: FakeServer) -> None:
    server.answer("/ping", {"status": "Healthy"})
    server.answer("/predictions/m", b"abc")

    with Client(server.url) as client:
        client.ping()
        kept = client._listeners["inference"]._connection(None).sock
        stream = client.stream("m", b"")
        next(stream)
        stream.close()
        assert client._listeners["inference"]._connection(None).sock is kept


def test_unix_socket_is_an_address(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=run)
        thread.start()
        with Client(f"unix:{path}") as client:
            assert client.ping()
        thread.join()


def test_both_clients_have_the_same_methods_and_arguments() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        names = [name for name in vars(kind) if not name.startswith("_") and "close" not in name]
        return {name: list(inspect.signature(getattr(kind, name)).parameters) for name in names}

    assert public(Client) == public(AsyncClient)


def test_without_httpx_the_async_client_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = importlib.import_module

    def without_httpx(name: str) -> Any:
        if name == "httpx":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", without_httpx)
    with pytest.raises(ImportError, match=r"pip install 'torchserve-next\[client\]'"):
        AsyncClient()


def test_what_cannot_be_sent_says_what_can() -> None:
    with Client() as client:
        with pytest.raises(TypeError, match=r"set cannot be sent: .*expected bytes, str"):
            client.predict("m", {1})  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="not both"):
            client.predict("m", b"", parts={"a": b""})


def test_tokens_are_in_no_repr() -> None:
    assert "i-token" not in repr(TOKENS)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_certificate_is_checked_and_may_be_named_or_pinned(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    names = ["-subj", "/CN=elsewhere", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*words.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def ask(trust: Trust | None) -> bool:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=_answer_tls, args=(listener, context))
            thread.start()
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            try:
                with Client(url, trust=trust) as client:
                    return client.ping()
            finally:
                thread.join()

    assert ask(Trust(str(certificate), pinned=True)), "whatever name it has"
    assert ask(Trust(insecure=True))
    for refused in (None, Trust(str(certificate))):
        with pytest.raises(ServerUnreachable, match=r"is not trusted: .*--cacert FILE"):
            ask(refused)


def _answer_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with (
        connection,
        contextlib.suppress(OSError),
        context.wrap_socket(connection, server_side=True) as secure,
    ):
        secure.recv(65536)
        secure.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

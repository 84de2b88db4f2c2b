"""`ts.launcher`: a server that a program starts, registers models at, and stops."""

from __future__ import annotations

import io
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from fake_java import FakeJava, Run, Spawn, wait_until
from ts import _http_response, launcher

pytestmark = pytest.mark.usefixtures("own_server")


@pytest.fixture
def own_server(command: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the launcher run the sources' command, and leaves no server of a failed test."""
    monkeypatch.setattr(launcher, "_command", lambda: command)
    yield
    launcher.stop()


class Management:
    """A management API that answers every POST with what it is told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status, self.body, self.fields = 200, b'{"status": "done"}\n', {}  # type: ignore[var-annotated]
        management = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                management.asked.append(self.path)
                self.send_response(management.status)
                for name, value in management.fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(management.body)))
                self.end_headers()
                self.wfile.write(management.body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def management(java: FakeJava) -> Iterator[Management]:
    """One at which the started server claims to listen, on all addresses."""
    api = Management()
    api.fields = {"Content-Type": "application/json; charset=utf-8", "X-Word": "a"}
    java.starts({"management": f"http://0.0.0.0:{api.port}"})
    says_it_started(java)
    yield api
    api.close()


@pytest.fixture(params=["with requests", "without requests"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The package `requests`, and the absence of it: users see the same."""
    if request.param == "without requests":
        monkeypatch.setitem(sys.modules, "requests", None)
    # A proxy of the environment is not asked: nothing listens there.
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    return str(request.param)


def says_it_started(java: FakeJava, more: str = "") -> None:
    java.does(**{**java.told, "prints": f"Model server started.{more}"})


def running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_start_hands_out_lines_and_stop_ends_the_server(java: FakeJava) -> None:
    says_it_started(java, "\nand a log line")
    Path("my.properties").touch()

    lines = launcher.start(
        model_store=Path("store"),
        snapshot_file="my.properties",
        no_config_snapshots=True,
        disable_token=True,
        models="a.mar b.mar",
        enable_model_api=True,
    )

    assert lines.get(timeout=60) == "and a log line\n"
    words = java.words()
    assert words[words.index("-m") + 1 : words.index("--status-file")] == ["a.mar", "b.mar"]
    assert {"-ncs", "-dt", "-mapi", "-f"} <= set(words)
    launcher.stop()
    assert not running(java.records()[-1]["pid"])


def test_reason_of_a_failed_start_is_told(java: FakeJava) -> None:
    java.does(exits=1, prints="Invalid configuration: port")
    with pytest.raises(RuntimeError, match="status 1:\nInvalid configuration: port"):
        launcher.start(model_store="store")
    launcher.stop()  # there is none


def test_stop_leaves_a_server_that_it_did_not_start(
    java: FakeJava, command: list[str], spawn: Spawn, run: Run
) -> None:
    process = spawn([*command, "--foreground", "--model-store", "store"])
    wait_until(lambda: bool(java.records()))

    launcher.stop()

    assert process.poll() is None
    with pytest.raises(RuntimeError, match="TorchServe is already running"):
        launcher.start(model_store="store")
    assert process.poll() is None
    assert run("--stop").out == "TorchServe has stopped.\n"


def test_stop_ends_its_own_server_beside_another_in_the_same_folder(
    java: FakeJava, command: list[str], spawn: Spawn
) -> None:
    other = spawn([*command, "--foreground", "--model-store", "store"])
    wait_until(lambda: bool(java.records()))
    Path("own.properties").write_text(
        "inference_address=http://127.0.0.1:18080\nmanagement_address=http://127.0.0.1:18081\n"
    )
    java.starts({"inference": "http://127.0.0.1:18080", "management": "http://127.0.0.1:18081"})
    says_it_started(java)
    launcher.start(snapshot_file="own.properties", model_store="store")
    own = java.records()[-1]["pid"]

    launcher.stop()

    assert not running(own)
    assert other.poll() is None


def test_second_start_stops_the_first_server(java: FakeJava) -> None:
    says_it_started(java)
    launcher.start(model_store="store")
    launcher.start(model_store="store")
    first, second = (record["pid"] for record in java.records())
    assert not running(first)
    assert running(second)


def test_stop_follows_its_server_where_the_temporary_folder_has_changed(
    java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says_it_started(java)
    launcher.start(model_store="store")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    launcher.stop()
    assert not running(java.records()[-1]["pid"])


def test_models_are_registered_where_the_started_server_listens(
    management: Management, transport: str
) -> None:
    launcher.start(model_store="store")

    response = launcher.register_model("my model", "a&b.mar")

    assert response.status_code == 200
    path, query = urlsplit(management.asked[0])[2:4]
    assert path == "/models"
    assert dict(parse_qsl(query)) == {
        "model_name": "my model",
        "url": "a&b.mar",
        "initial_workers": "1",
        "synchronous": "true",
    }
    launcher.register_model_with_params((("url", "c.mar"), ("batch_size", 4)))
    assert management.asked[1] == "/models?url=c.mar&batch_size=4"


def test_response_is_like_one_of_requests(management: Management, transport: str) -> None:
    management.body = '{"status": "Größe"}\n\nend'.encode()
    launcher.start(model_store="store")
    response = launcher.register_model_with_params({"url": "m.mar"})
    if transport == "with requests":
        assert isinstance(response, requests.Response)
    else:
        assert isinstance(response, _http_response.Response)

    assert response.content == management.body
    assert response.text == management.body.decode()
    assert response.encoding == "utf-8"
    assert (response.status_code, response.reason, response.ok) == (200, "OK", True)
    assert bool(response)
    response.raise_for_status()
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers.get("x-word") == "a"
    assert "X-WORD" in response.headers
    assert response.headers.get("X-Other") is None
    assert response.url == f"http://127.0.0.1:{management.port}/models?url=m.mar"
    assert response.elapsed.total_seconds() >= 0
    assert (response.history, response.is_redirect) == ([], False)
    assert repr(response) == "<Response [200]>"
    with pytest.raises(ValueError, match="Extra data"):
        response.json()
    assert next(iter(response.iter_content(1))) == b"{"
    assert b"".join(response.iter_content(7)) == management.body
    assert list(response.iter_content(None)) == [management.body]
    assert "".join(response.iter_content(13, decode_unicode=True)) == management.body.decode()
    assert list(response.iter_lines()) == management.body.splitlines()
    assert list(response.iter_lines(decode_unicode=True)) == response.text.splitlines()
    assert b"".join(response) == management.body
    with response as same:
        assert same is response
    response.close()


def test_response_of_a_refusal_raises_on_demand(management: Management, transport: str) -> None:
    management.status, management.body = 409, b'{"code": 409}'
    launcher.start(model_store="store")
    response = launcher.register_model_with_params({"url": "m.mar"})

    assert not response
    assert not response.ok
    assert response.json() == {"code": 409}
    error: type[OSError] = _http_response.HTTPError
    if transport == "with requests":
        error = requests.HTTPError
    with pytest.raises(error, match="409 Client Error: Conflict for url: http://127") as raised:
        response.raise_for_status()
    assert raised.value.response is response  # type: ignore[attr-defined]
    management.status = 503
    with pytest.raises(OSError, match="503 Server Error: Service Unavailable for url"):
        launcher.register_model_with_params({"url": "m.mar"}).raise_for_status()


def test_redirection_is_not_followed(management: Management, transport: str) -> None:
    management.status, management.fields = 307, {"Location": "http://127.0.0.1:9/"}
    launcher.start(model_store="store")
    response = launcher.register_model_with_params({"url": "m.mar"})
    assert (response.status_code, response.is_redirect) == (307, True)


@pytest.mark.usefixtures("transport")
def test_absent_server_is_an_error_of_the_system(java: FakeJava) -> None:
    java.starts({"management": "http://127.0.0.1:9"})
    says_it_started(java)
    launcher.start(model_store="store")
    with pytest.raises(OSError, match="refused"):
        launcher.register_model("m", "m.mar")


def test_management_api_without_a_port_is_told(java: FakeJava) -> None:
    java.starts({"management": "unix:/tmp/management.sock"})
    says_it_started(java)
    launcher.start(model_store="store")
    with pytest.raises(RuntimeError, match=r"listens on unix:/tmp/management\.sock, expected"):
        launcher.register_model("m", "m.mar")


def test_server_that_has_ended_is_told(java: FakeJava) -> None:
    java.does(exits=3, prints="Model server started.")
    launcher.start(model_store="store")
    wait_until(lambda: not running(java.records()[-1]["pid"]))
    with pytest.raises(RuntimeError, match="has ended"):
        launcher.register_model("m", "m.mar")
    launcher.stop()


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://[::]:8081", "http://[::1]:8081"),
        ("http://[::1]:8081", "http://[::1]:8081"),
        ("https://0.0.0.0:8444", "https://127.0.0.1:8444"),
        ("http://example", "http://example"),
    ],
)
def test_address_of_a_listener_becomes_one_to_ask(address: str, url: str) -> None:
    assert launcher._url(address) == url


def test_start_in_the_background_of_another_process_is_not_this_ones(
    java: FakeJava, command: list[str]
) -> None:
    subprocess.run([*command, "--model-store", "store"], check=True, stdout=subprocess.DEVNULL)
    launcher.stop()
    assert running(java.records()[-1]["pid"])


def test_tee_gives_each_line_twice_and_print_till_the_end_prints_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tee = launcher.Tee(io.StringIO("one\ntwo\n"))
    printing = launcher.PrintTillTheEnd(tee.queue1)
    for thread in (tee, printing):
        thread.start()
    for thread in (tee, printing):
        thread.join(60)
    assert capsys.readouterr().out == "one\ntwo\n"
    assert taken(tee.queue2.get_nowait) == ["one\n", "two\n", None]


def taken(get: Callable[[], str | None]) -> list[str | None]:
    lines: list[str | None] = []
    while True:
        try:
            lines.append(get())
        except queue.Empty:
            return lines

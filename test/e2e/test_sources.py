"""Where models may come from: URLs through the register API of a real server."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from torchserve_process import TorchServe

SECRET = "secret-of-this-test"
BOMB_BYTES = 512 << 20


def mar(name: str, answer: str = "fetched", version: str = "1.0") -> bytes:
    """An archive whose handler always answers the same."""
    content = io.BytesIO()
    manifest = {"model": {"modelName": name, "modelVersion": version, "handler": "handler.py:run"}}
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
        archive.writestr(
            "handler.py", f"def run(data, context):\n    return [{answer!r}] * len(data or [])\n"
        )
    return content.getvalue()


def bomb() -> bytes:
    """A small archive that unpacks to half a gigabyte."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MAR-INF/MANIFEST.json", '{"model": {"modelName": "bomb"}}')
        with archive.open("weights.pt", "w", force_zip64=True) as entry:
            for _ in range(BOMB_BYTES >> 20):
                entry.write(bytes(1 << 20))
    return content.getvalue()


class Origin:
    """A web server on loopback that also plays S3, and remembers what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                origin.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                if self.path in origin.redirects:
                    self.send_response(302)
                    self.send_header("Location", origin.redirects[self.path])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = origin.files.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    """One origin for the module."""
    running = Origin()
    running.files["/good/fetched.mar"] = mar("fetched")
    running.files["/bucket/models/s3.mar"] = mar("from_s3")
    running.files["/good/bomb.mar"] = bomb()
    yield running
    running.close()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[TorchServe]:
    """A server whose API may load from the origin, and that has loaded one model from it."""
    origin.files["/start.mar?sig=" + SECRET] = mar("at_start")
    digest = hashlib.sha256(origin.files["/start.mar?sig=" + SECRET]).hexdigest()
    server = TorchServe(
        tmp_path_factory.mktemp("open"),
        config={
            "allowed_urls": rf"http://127\\.0\\.0\\.1:{origin.port}/good/.*,s3://bucket/.*,"
            r"http://(localhost|metadata\\.example|169\\.254\\.169\\.254)[:/].*",
            "allowed_private_hosts": f"127.0.0.1:{origin.port}",
        },
        environment={
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": origin.url,
        },
    )
    server.start(f"{origin.url}/start.mar?sig={SECRET}#sha256={digest}")
    yield server
    server.stop()
    server.assert_nothing_left()


def register(server: TorchServe, url: str, **parameters: Any) -> requests.Response:
    """POST /models."""
    return requests.post(
        f"{server.management}/models", params={"url": url, **parameters}, timeout=120
    )


def downloads(server: TorchServe) -> list[Path]:
    """What lies in the cache of downloaded archives."""
    return [p for p in server.temp.rglob("downloads/*") if p.is_file()]


def test_the_operator_names_a_url_at_start(open_server: TorchServe) -> None:
    """Naming it is the permission; its query is shown nowhere."""
    open_server.wait_ready("at_start")
    assert open_server.predict("at_start", data=b"x").text == "fetched"
    shown = open_server.describe("at_start")["modelUrl"]
    assert shown.startswith("http://127.0.0.1:")
    assert "/start.mar#sha256=" in shown
    logs = "".join(open_server.output) + open_server.log("ts_log.log")
    assert SECRET not in logs + json.dumps(open_server.describe("at_start"))


def test_an_allowed_url_serves_and_leaves_nothing_behind(
    open_server: TorchServe, origin: Origin
) -> None:
    """Register, predict, register again (409), unregister."""
    before = downloads(open_server)
    url = f"{origin.url}/good/fetched.mar"
    answer = register(open_server, url, initial_workers=1)
    assert answer.status_code == 200, answer.text
    assert open_server.predict("fetched", data=b"x").text == "fetched"
    assert len(downloads(open_server)) == len(before) + 1
    assert register(open_server, url).status_code == 409
    assert register(open_server, url, model_name="other").status_code == 200
    assert len(downloads(open_server)) == len(before) + 1
    for name in ("fetched", "other"):
        requests.delete(f"{open_server.management}/models/{name}", timeout=60)
    assert downloads(open_server) == before
    assert list(open_server.store.path.iterdir()) == []


def test_s3_is_asked_with_a_signature(open_server: TorchServe, origin: Origin) -> None:
    """From a fake S3 on loopback, which the operator named as the endpoint."""
    answer = register(open_server, "s3://bucket/models/s3.mar", initial_workers=1)
    assert answer.status_code == 200, answer.text
    path, headers = origin.asked[-1]
    assert path == "/bucket/models/s3.mar"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    requests.delete(f"{open_server.management}/models/from_s3", timeout=60)


@pytest.mark.parametrize(
    "path",
    [
        "/good/../start.mar",
        "/good/%2e%2e/start.mar",
        "/good/%252e%252e/start.mar",
        "/good/..%2fstart.mar",
        "/good/..%5cstart.mar",
    ],
)
def test_the_list_cannot_be_walked_out_of(
    open_server: TorchServe, origin: Origin, path: str
) -> None:
    """404, and the listener sees nothing."""
    asked, before = len(origin.asked), downloads(open_server)
    assert register(open_server, origin.url + path).status_code == 404
    assert len(origin.asked) == asked
    assert downloads(open_server) == before


def test_a_redirection_inside_is_not_followed(open_server: TorchServe, origin: Origin) -> None:
    """The second hop is checked like the first."""
    with socket.create_server(("127.0.0.1", 0)) as victim:
        victim.setblocking(False)
        port = victim.getsockname()[1]
        for n, target in enumerate(
            (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/", "http://169.254.169.254/")
        ):
            origin.redirects[f"/good/away{n}"] = target
            answer = register(open_server, f"{origin.url}/good/away{n}")
            assert answer.status_code == 404, answer.text
        with pytest.raises(BlockingIOError):
            victim.accept()


def test_a_failed_download_says_why(open_server: TorchServe, origin: Origin) -> None:
    """400 with the original's text, and the cause beside it."""
    answer = register(open_server, f"{origin.url}/good/none.mar?token={SECRET}")
    assert answer.status_code == 400
    body = answer.json()
    assert body["type"] == "DownloadArchiveException"
    assert body["message"] == f"Failed to download archive from: {origin.url}/good/none.mar"
    assert body["detail"] == "the server responded with status 404"
    assert SECRET not in open_server.log("ts_log.log") + open_server.log("access_log.log")


def test_another_digest_is_refused(open_server: TorchServe, origin: Origin) -> None:
    """An archive that is not the one that was meant is not even unpacked."""
    before = downloads(open_server)
    answer = register(open_server, f"{origin.url}/good/fetched.mar#sha256={'0' * 64}")
    assert answer.status_code == 400
    assert "SHA-256" in answer.json()["detail"]
    assert downloads(open_server) == before


def test_a_zip_bomb_is_refused_through_the_api(open_server: TorchServe, origin: Origin) -> None:
    """Unpacking stops at a limit of what is written, and all of it goes."""
    (open_server.store.path / "bomb.mar").write_bytes(origin.files["/good/bomb.mar"])
    try:
        for url in ("bomb.mar", f"{origin.url}/good/bomb.mar"):
            answer = register(open_server, url)
            assert answer.status_code == 400, answer.text
            assert answer.json()["type"] == "InvalidModelException"
        left = [p for p in open_server.temp.rglob("*") if p.name in ("weights.pt", "bomb.mar")]
        assert left == []
        assert not [
            p for p in open_server.temp.rglob("*") if p.is_file() and p.stat().st_size > 1e8
        ]
    finally:
        (open_server.store.path / "bomb.mar").unlink()


def test_by_default_nothing_is_fetched(server: TorchServe, origin: Origin) -> None:
    """Every trick gets a 404, no listener is connected to, nothing is stored."""
    with socket.create_server(("127.0.0.1", 0)) as victim:
        victim.setblocking(False)
        port = victim.getsockname()[1]
        for url in (
            f"http://127.0.0.1:{port}/m.mar",
            f"http://localhost:{port}/m.mar",
            f"http://localhost.:{port}/m.mar",
            f"http://2130706433:{port}/m.mar",
            f"http://0x7f.1:{port}/m.mar",
            f"http://0177.0.0.1:{port}/m.mar",
            f"http://[::ffff:127.0.0.1]:{port}/m.mar",
            f"http://models.example@127.0.0.1:{port}/m.mar",
            f"https://127.0.0.1:{port}/m.mar",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "FILE:/etc/passwd",
            "file:///etc/../etc/passwd",
            "s3://bucket/m.mar",
            "/etc/passwd",
            "../../etc/passwd",
            "/tmp",
        ):
            answer = register(server, url)
            assert answer.status_code == 404, f"{url}: {answer.text}"
            assert answer.json()["type"] == "ModelNotFoundException"
            assert "root:" not in answer.text
        with pytest.raises(BlockingIOError):
            victim.accept()
    assert downloads(server) == []
    detail = register(server, f"{origin.url}/good/fetched.mar").json()["detail"]
    assert "allowed_urls" in detail


def test_a_directory_outside_the_store_is_not_a_model(server: TorchServe, tmp_path: Path) -> None:
    """Over the API a path is reduced to its last part, which is looked for in the store."""
    shutil.copytree(server.store.path / "commands", tmp_path / "outside")
    assert register(server, str(tmp_path / "outside")).status_code == 404

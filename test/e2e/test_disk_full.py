"""A disk that is full while a model is unpacked or downloaded: a clear status, and nothing left."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe

MEGABYTES = 24
"""What the small disk has: enough for a server, and not for the large model."""

MANIFEST = (
    '{"createdOn": "now", "archiverVersion": "1.0.0", "runtime": "python", "model":'
    ' {"handler": "handler.py", "modelName": "%s", "modelVersion": "1.0"}}'
)
HANDLER = "def handle(data, context):\n    return None if data is None else ['ok'] * len(data)\n"


def pack(path: Path, name: str, megabytes: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", MANIFEST % name)
        archive.writestr("handler.py", HANDLER)
        archive.writestr("weights.bin", os.urandom(megabytes << 20))


class SmallDisk(TorchServe):
    """A server whose temporary folder is a small disk, in a mount namespace of its own."""

    def command(self, *words: str) -> list[str]:
        user = () if os.getuid() == 0 else ("--map-root-user",)
        script = f'mount -t tmpfs -o size={MEGABYTES}m small "$TMPDIR" && exec "$@"'
        return ["unshare", "--mount", *user, "sh", "-c", script, "sh", *super().command(*words)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TorchServe]:
    running = SmallDisk(tmp_path / "server", config={"allowed_private_hosts": "127.0.0.1"})
    tried = subprocess.run(
        SmallDisk.command(running, "--version"),
        env=running.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"no mount namespace can be had: {tried.stderr.strip()}")
    with running.config_file.open("a", encoding="utf-8") as config:
        config.write("allowed_urls=http://127.0.0.1:.*\n")
    pack(running.store.path / "large.mar", "large", 2 * MEGABYTES)
    pack(running.store.path / "small.mar", "small", 1)
    running.start("large.mar")
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.fixture
def origin(server: TorchServe) -> Iterator[str]:
    """Serves the store over HTTP."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words: object, **named: object) -> None:
            super().__init__(*words, directory=str(server.store.path), **named)  # type: ignore

        def log_message(self, *words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def register(server: TorchServe, url: str) -> requests.Response:
    return requests.post(f"{server.management}/models?url={url}&initial_workers=1", timeout=90)


def test_full_disk_is_507_and_nothing_is_half_registered(server: TorchServe, origin: str) -> None:
    # The one of the start is a failed model, which says why.
    described = server.describe("large")
    assert described["state"] == "FAILED"
    assert "The disk is full." in described["reason"]
    assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200
    for url in ("large.mar", f"{origin}/large.mar"):
        full = register(server, url)
        assert full.status_code == 507, full.text
        assert "No space left on device" in full.text
    assert requests.get(f"{server.management}/models", timeout=30).json()["models"] == []
    # What was written of it is gone: there is room for one that fits.
    fits = register(server, "small.mar")
    assert fits.status_code == 200, fits.text
    assert server.predict("small", data=b"x").text == "ok"
    assert requests.get(f"{server.inference}/ready", timeout=30).status_code == 503

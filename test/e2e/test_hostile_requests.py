"""Requests that web pages have a browser send, and requests that are made to take long to read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
import requests
from grpc_api import Api, refused
from torchserve_process import REPOSITORY, TorchServe

COMMANDS = REPOSITORY / "test" / "models" / "commands"
LIMIT_SEC = 60
FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
]
DIGITS = "9" * 1_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """On loopback, without tokens."""
    server = TorchServe(tmp_path_factory.mktemp("server"))
    server.store.add_directory(COMMANDS)
    server.start("commands")
    server.wait_ready("commands")
    yield server
    server.stop()
    server.assert_nothing_left()


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: ",".join(headers.values()))
def test_a_foreign_page_uses_nothing(server: TorchServe, headers: dict[str, str]) -> None:
    simple = {**headers, "Content-Type": "text/plain"}
    for method, url in [
        ("POST", f"{server.management}/models?url=commands&model_name=theirs"),
        ("GET", f"{server.management}/models"),
        ("DELETE", f"{server.management}/models/commands"),
        ("POST", f"{server.inference}/predictions/commands"),
        ("GET", f"{server.inference}/predictions/commands"),
        ("GET", f"{server.inference}/ping"),
    ]:
        answer = requests.request(method, url, headers=simple, data="{}", timeout=LIMIT_SEC)
        assert answer.status_code == 403, (method, url, answer.text)
        assert answer.json()["type"] == "OriginNotAllowedException"
        assert "cors_allowed_origin" in answer.json()["message"]
    assert not server.registered("theirs")
    assert server.registered("commands")
    metadata = tuple((name.lower(), value) for name, value in headers.items())
    port = server.grpc_inference_port
    api = Api(port, "inference", "InferenceAPIsService", metadata=metadata)
    assert refused(api.Predictions, model_name="commands")[0] == "PERMISSION_DENIED"
    api.close()


def test_own_pages_links_and_programs_are_served(server: TorchServe) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for headers in ({}, {"Origin": server.inference}, {"Sec-Fetch-Site": "same-origin"}, link):
        assert requests.get(f"{server.inference}/ping", headers=headers, timeout=30).ok


def test_long_numbers_hold_up_no_other_client(server: TorchServe) -> None:
    """A million digits held every connection of an event loop for 21 seconds."""
    slowest = 0.0
    ended = threading.Event()

    def ping() -> None:
        nonlocal slowest
        while not ended.is_set():
            start = time.monotonic()
            assert requests.get(f"{server.inference}/ping", timeout=LIMIT_SEC).ok
            slowest = max(slowest, time.monotonic() - start)

    pings = [threading.Thread(target=ping) for _ in range(4)]
    for thread in pings:
        thread.start()
    try:
        url = f"{server.management}/models"
        asked = '{"url": "commands", "%s": %s}'
        for name in ("batch_size", "max_batch_delay", "initial_workers", "response_timeout"):
            for number in (DIGITS, f'"{DIGITS}"', '"1e999999999"', f'"1.{DIGITS}"'):
                answer = requests.post(
                    url,
                    data=asked % (name, number),
                    headers={"Content-Type": "application/json"},
                    timeout=LIMIT_SEC,
                )
                assert answer.status_code == 400, answer.text
                assert name in answer.json()["message"], answer.text[:300]
                assert len(answer.text) < 1000
            form = requests.post(url, data={"url": "commands", name: DIGITS}, timeout=LIMIT_SEC)
            assert form.status_code == 400, form.text
    finally:
        ended.set()
        for thread in pings:
            thread.join()
    assert slowest < 3, "far below what one such number took"


def test_long_numbers_of_models_are_refused(server: TorchServe) -> None:
    folder = server.store.path / "long"
    server.store.add_directory(COMMANDS, "long")
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
    manifest["model"]["configFile"] = "model-config.yaml"
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "model-config.yaml").write_text(f"batchSize: {DIGITS}\n", encoding="utf-8")
    answer = requests.post(
        f"{server.management}/models", params={"url": "long", "model_name": "long"}, timeout=60
    )
    assert answer.status_code == 400, answer.text
    assert "batchSize is" in answer.json()["message"]

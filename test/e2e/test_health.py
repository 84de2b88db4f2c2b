"""`/ping` and readiness: what they say while models load, fail and come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"


def test_ping_is_healthy_without_models(start: Callable[..., TorchServe]) -> None:
    server = start()
    assert requests.get(f"{server.inference}/ping", timeout=30).json() == {"status": "Healthy"}


def test_a_model_that_cannot_load_turns_ping_unhealthy_after_the_window_and_says_why(
    start: Callable[..., TorchServe],
) -> None:
    server = start()
    server.store.add_directory(MODELS / "broken_import")
    server.store.add_directory(MODELS / "commands")
    requests.post(f"{server.management}/models?url=commands&initial_workers=1", timeout=60)
    accepted = requests.post(
        f"{server.management}/models?url=broken_import&initial_workers=1&synchronous=false",
        timeout=60,
    )
    assert accepted.status_code == 202, accepted.text
    assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200
    wait_for(
        lambda: requests.get(f"{server.inference}/ping", timeout=30).status_code == 500,
        "ping to turn 500",
    )
    body = requests.get(f"{server.inference}/ping", timeout=30).json()
    assert body["status"] == "Unhealthy"
    (short,) = body["models"]
    assert (short["name"], short["version"], short["ready"], short["min"]) == (
        "broken_import",
        "1.0",
        0,
        1,
    )
    assert "a_module_that_does_not_exist" in short["reason"]
    head = requests.head(f"{server.inference}/ping", timeout=30)
    assert (head.status_code, head.text) == (500, "")
    # No worker can answer: a request is refused at once rather than left waiting.
    refused = server.predict("broken_import", data=b"x")
    assert refused.status_code == 503, refused.text
    # A later scale starts it again, once it is mended; before the end of the last attempt it would
    # have that one's outcome.
    wait_for(lambda: server.describe("broken_import")["state"] == "FAILED", "the last attempt")
    (server.store.path / "broken_import" / "handler.py").write_text(
        "def handle(data, context):\n    return None if data is None else ['mended'] * len(data)\n"
    )
    scaled = requests.put(
        f"{server.management}/models/broken_import?min_worker=1&synchronous=true", timeout=60
    )
    assert scaled.status_code == 200, scaled.text
    assert server.predict("broken_import", data=b"x").text == "mended"
    assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200


def test_restarts_back_off_and_stop_at_the_end_of_the_window(
    start: Callable[..., TorchServe],
) -> None:
    server = start()
    server.store.add_directory(MODELS / "broken_import")
    requests.post(
        f"{server.management}/models?url=broken_import&initial_workers=1&synchronous=false",
        timeout=60,
    )
    wait_for(
        lambda: requests.get(f"{server.inference}/ping", timeout=30).status_code == 500,
        "ping to turn 500",
    )
    starts = server.log("model_log.log").count("Torch worker started.")
    assert 2 <= starts <= 6, f"{starts} starts in a window of 3 s"


def test_readiness_means_that_a_worker_has_the_model(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    server = start(environment={"SLOW_LOAD_GATE": str(gate)})
    server.store.add_directory(MODELS / "slow_load")
    requests.post(
        f"{server.management}/models?url=slow_load&initial_workers=1&synchronous=false", timeout=60
    )
    url = f"{server.inference}/v1/models/slow_load"
    loading = requests.get(url, timeout=30)
    assert loading.status_code == 503
    assert loading.json().items() >= {"name": "slow_load", "ready": False}.items()
    assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200
    assert server.describe("slow_load")["workers"][0]["status"] == "LOADING"
    gate.write_text("open")
    wait_for(lambda: requests.get(url, timeout=30).json()["ready"], "the model to be ready")
    managed = requests.get(f"{server.management}/v1/models/slow_load", timeout=30)
    assert managed.json().items() >= {"name": "slow_load", "ready": True}.items()

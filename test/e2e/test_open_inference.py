"""The Open Inference Protocol (KServe v2) over HTTP, switched on, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe, wait_for

DOUBLE = """
import os, time

def handle(data, context):
    if data is None:
        while not os.path.exists({gate!r}):
            time.sleep(0.01)
        return None
    version = context.manifest["model"]["modelVersion"]
    return [tensor["data"] * 2 if version == "2.0" else tensor["data"] for tensor in data]
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model loads when this file is there."""
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def oip(tmp_path_factory: pytest.TempPathFactory, gate: Path) -> Iterator[TorchServe]:
    """A server with a model whose worker waits for the gate; version 2.0 is in the store."""
    running = TorchServe(
        tmp_path_factory.mktemp("oip"),
        config={"ts_open_inference_protocol": "true", "service_envelope": "kservev2"},
    )
    running.store.write_handler("tensors", DOUBLE.format(gate=str(gate)))
    running.store.write_handler("second", DOUBLE.format(gate=str(gate)))
    manifest = running.store.path / "second" / "MAR-INF" / "MANIFEST.json"
    manifest.write_text(
        manifest.read_text()
        .replace('"modelName": "second"', '"modelName": "tensors"')
        .replace('"modelVersion": "1.0"', '"modelVersion": "2.0"')
    )
    running.start("tensors")
    yield running
    running.stop()
    running.assert_nothing_left()


def v2(server: TorchServe, path: str) -> tuple[int, object]:
    answer = requests.get(f"{server.inference}/v2{path}", timeout=60)
    return answer.status_code, answer.json()


def infer(server: TorchServe, path: str) -> requests.Response:
    tensor = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1.5, -2.0]}
    return requests.post(
        f"{server.inference}/v2/models/tensors{path}",
        json={"id": "7", "inputs": [tensor]},
        timeout=60,
    )


def test_readiness_follows_the_workers(oip: TorchServe, gate: Path) -> None:
    assert v2(oip, "/health/live") == (200, {"live": True})
    wait_for(lambda: oip.registered("tensors"), "the registration")
    assert v2(oip, "/health/ready") == (503, {"ready": False}), "no worker has loaded"
    assert v2(oip, "/models/tensors/ready") == (503, {"name": "tensors", "ready": False})
    assert requests.get(f"{oip.inference}/ping", timeout=30).status_code == 200, "as ever"
    gate.touch()
    oip.wait_ready("tensors")
    assert v2(oip, "/health/ready") == (200, {"ready": True})
    assert v2(oip, "/models/tensors/ready") == (200, {"name": "tensors", "ready": True})


def test_predictions_may_name_a_version(oip: TorchServe, gate: Path) -> None:
    gate.touch()
    oip.wait_ready("tensors")
    url = f"{oip.management}/models?url=second&initial_workers=1"
    requests.post(url, timeout=60).raise_for_status()
    assert v2(oip, "/models/tensors/versions/2.0")[1] == {
        "name": "tensors",
        "versions": ["1.0", "2.0"],
        "platform": "",
        "inputs": [],
        "outputs": [],
    }
    for path, data, version in (
        ("/infer", [1.5, -2.0], "1.0"),
        ("/versions/1.0/infer", [1.5, -2.0], "1.0"),
        ("/versions/2.0/infer", [3.0, -4.0], "2.0"),
        ("/versions/2.0/explain", [3.0, -4.0], "2.0"),
    ):
        assert infer(oip, path).json() == {
            "id": "7",
            "model_name": "tensors",
            "model_version": version,
            "outputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": data}],
        }, path
    missing = infer(oip, "/versions/3.0/infer")
    assert missing.status_code == 404
    assert missing.json()["error"] == "Model version: 3.0 does not exist for model: tensors"

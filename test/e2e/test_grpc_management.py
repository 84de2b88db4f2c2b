"""Managing models over gRPC: a real server, a real client, real workers."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from grpc_api import Api, refused
from torchserve_process import TorchServe, wait_for

MODEL = "org.pytorch.serve.archive.model."
HTTP = "org.pytorch.serve.http."

SAYS_ITS_VERSION = """
def handle(data, context):
    return [context.manifest["model"]["modelVersion"] for _ in data] if data else None
"""

LOADS_WHEN_TOLD = """
import os, time

def handle(data, context):
    if data is None:
        while not os.path.exists({gate!r}):
            time.sleep(0.01)
        return None
    return ["loaded" for _ in data]
"""

DESCRIBES_ITSELF = """
def handle(data, context):
    return [{"labels": ["cat", "dog"]} for _ in data] if data is not None else None
"""

CANNOT_LOAD = """
raise RuntimeError("this model does not load")
"""


def management(server: TorchServe, key: str = "") -> Api:
    return Api(server.grpc_management_port, "management", "ManagementAPIsService", key=key)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slow model loads when this file is there."""
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def managed(
    tmp_path_factory: pytest.TempPathFactory, digits_archive: Path, gate: Path
) -> Iterator[TorchServe]:
    """A server without models, and a store full of them."""
    running = TorchServe(tmp_path_factory.mktemp("managed"), torch=True)
    shutil.copy(digits_archive, running.store.path)
    running.store.write_handler("first", SAYS_ITS_VERSION)
    running.store.write_handler("second", SAYS_ITS_VERSION)
    manifest = running.store.path / "second" / "MAR-INF" / "MANIFEST.json"
    manifest.write_text(
        manifest.read_text()
        .replace('"modelName": "second"', '"modelName": "first"')
        .replace('"modelVersion": "1.0"', '"modelVersion": "2.0"')
    )
    running.store.write_handler("slow", LOADS_WHEN_TOLD.format(gate=str(gate)))
    running.store.write_handler("labels", DESCRIBES_ITSELF)
    running.store.write_handler("broken", CANNOT_LOAD)
    (running.store.path / "rubbish.mar").write_bytes(b"this is no archive")
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.fixture
def api(managed: TorchServe) -> Iterator[Api]:
    client = management(managed)
    yield client
    client.close()


def described(api: Api, model: str, **fields: Any) -> list[dict[str, Any]]:
    return json.loads(api.DescribeModel(model_name=model, **fields).msg)


def listed(api: Api) -> list[str]:
    return [model["modelName"] for model in json.loads(api.ListModels().msg)["models"]]


def predict(server: TorchServe, model: str, data: bytes = b"x") -> str:
    answer = requests.post(f"{server.inference}/predictions/{model}", data=data, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_digits_from_registration_to_its_end(managed: TorchServe, api: Api, seven: bytes) -> None:
    answer = api.RegisterModel(url="digits.mar", initial_workers=1, synchronous=True)
    assert answer.msg == 'Model "digits" Version: 1.0 registered with 1 initial workers'
    assert '"7"' in predict(managed, "digits", seven)
    assert listed(api) == ["digits"]

    answer = api.ScaleWorker(model_name="digits", min_worker=2, synchronous=True)
    assert answer.msg == "Workers scaled to 2 for model: digits"
    (model,) = described(api, "digits")
    assert (model["minWorkers"], model["maxWorkers"]) == (2, 2)
    assert [worker["status"] for worker in model["workers"]] == ["READY", "READY"]

    over_http = requests.get(f"{managed.management}/models/digits", timeout=60).json()
    for either in (model, over_http[0]):
        for worker in either["workers"]:
            del worker["memoryUsage"]
    assert model == over_http[0]

    answer = api.SetDefault(model_name="digits", model_version="1.0")
    assert answer.msg == 'Default version successfully updated for model "digits" to "1.0"'
    assert api.UnregisterModel(model_name="digits").msg == 'Model "digits" unregistered'
    assert listed(api) == []


def test_workers_go_to_zero_and_come_back(managed: TorchServe, api: Api) -> None:
    api.RegisterModel(url="first", initial_workers=1, synchronous=True)
    answer = api.ScaleWorker(model_name="first", min_worker=0, synchronous=True)
    assert answer.msg == "Workers scaled to 0 for model: first"
    assert described(api, "first")[0]["workers"] == []
    refusal = requests.post(f"{managed.inference}/predictions/first", data=b"x", timeout=60)
    assert refusal.status_code == 503

    # Not sent is not zero: old clients cannot say zero, and get one worker.
    assert api.ScaleWorker(model_name="first").msg == "Processing worker updates..."
    wait_for(
        lambda: [w["status"] for w in described(api, "first")[0]["workers"]] == ["READY"],
        "a worker",
    )
    assert predict(managed, "first") == "1.0"
    api.UnregisterModel(model_name="first")


def test_versions_take_turns(managed: TorchServe, api: Api) -> None:
    api.RegisterModel(url="first", initial_workers=1, synchronous=True)
    api.RegisterModel(url="second", initial_workers=1, synchronous=True)
    assert predict(managed, "first") == "1.0"
    assert refused(api.UnregisterModel, model_name="first", model_version="1.0") == (
        "FAILED_PRECONDITION",
        ["Cannot remove default version for model first", HTTP + "InvalidModelVersionException"],
    )
    api.SetDefault(model_name="first", model_version="2.0")
    assert predict(managed, "first") == "2.0"
    versions = described(api, "first", model_version="all")
    assert [model["modelVersion"] for model in versions] == ["2.0", "1.0"]
    api.UnregisterModel(model_name="first", model_version="1.0")
    assert predict(managed, "first") == "2.0"
    api.UnregisterModel(model_name="first")


def test_handler_adds_to_its_description(managed: TorchServe, api: Api) -> None:
    api.RegisterModel(url="labels", initial_workers=1, synchronous=True)
    (model,) = described(api, "labels", customized=True)
    assert model["customizedMetadata"] == {"labels": ["cat", "dog"]}
    assert "customizedMetadata" not in described(api, "labels")[0]
    api.ScaleWorker(model_name="labels", min_worker=0, synchronous=True)
    status, lines = refused(api.DescribeModel, model_name="labels", customized=True)
    assert status == "UNAVAILABLE"
    assert "has no worker to serve describe request" in lines[0]
    api.UnregisterModel(model_name="labels")


def test_refusals_say_why(managed: TorchServe, api: Api) -> None:
    api.RegisterModel(url="first")
    assert refused(api.RegisterModel, url="first") == (
        "ALREADY_EXISTS",
        [
            "Model version 1.0 is already registered for model first",
            HTTP + "ConflictStatusException",
        ],
    )
    unknown = ("NOT_FOUND", ["Model not found: missing", MODEL + "ModelNotFoundException"])
    assert refused(api.DescribeModel, model_name="missing") == unknown
    assert refused(api.ScaleWorker, model_name="missing", min_worker=1) == unknown
    assert refused(api.UnregisterModel, model_name="missing") == unknown
    assert refused(api.SetDefault, model_name="missing", model_version="1")[0] == "NOT_FOUND"
    assert refused(api.RegisterModel) == (
        "INVALID_ARGUMENT",
        ["Parameter url is required.", "BadRequestException.()"],
    )
    assert refused(api.RegisterModel, url="nowhere.mar")[0] == "NOT_FOUND"
    assert refused(api.RegisterModel, url="../../etc/passwd")[0] == "NOT_FOUND"
    assert refused(api.RegisterModel, url="rubbish.mar")[0] == "INVALID_ARGUMENT"
    assert refused(api.ScaleWorker, model_name="first", min_worker=2, max_worker=1) == (
        "INVALID_ARGUMENT",
        ["max_worker cannot be less than min_worker.", HTTP + "BadRequestException"],
    )
    api.UnregisterModel(model_name="first")
    assert listed(api) == []


def test_model_that_cannot_load_is_told_now_or_later(managed: TorchServe, api: Api) -> None:
    broken = {"url": "broken", "initial_workers": 1}
    status, lines = refused(api.RegisterModel, **broken, synchronous=True)
    assert status == "INTERNAL"
    assert lines[0] == "Failed to start workers for model broken version: 1.0"
    assert listed(api) == []

    assert api.RegisterModel(**broken).msg == "Processing worker updates..."
    model = wait_for(
        lambda: next((m for m in described(api, "broken") if "lastLoadError" in m), None),
        "the error in the description",
    )
    assert "this model does not load" in json.dumps(model["lastLoadError"])
    api.UnregisterModel(model_name="broken")


def test_registration_goes_on_when_its_client_has_waited_long_enough(
    managed: TorchServe, api: Api, gate: Path
) -> None:
    status, _ = refused(
        api.RegisterModel, url="slow", initial_workers=1, synchronous=True, timeout=1
    )
    assert status == "DEADLINE_EXCEEDED"
    wait_for(
        lambda: [worker["status"] for worker in described(api, "slow")[0]["workers"]],
        "a worker of the slow model",
    )
    wait_for(
        lambda: described(api, "slow")[0]["workers"][0]["status"] == "LOADING", "the load to begin"
    )
    gate.touch()
    wait_for(lambda: described(api, "slow")[0]["workers"][0]["status"] == "READY", "the slow model")
    assert predict(managed, "slow") == "loaded"
    api.UnregisterModel(model_name="slow")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/model.mar",
        "http://localhost:{port}/model.mar",
        "http://allowed@127.0.0.1:{port}/model.mar",
        "http://[::ffff:127.0.0.1]:{port}/model.mar",
    ],
)
def test_urls_to_other_servers_are_refused_unseen(managed: TorchServe, api: Api, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as victim:
        victim.setblocking(False)
        port = victim.getsockname()[1]
        assert refused(api.RegisterModel, url=url.format(port=port))[0] == "NOT_FOUND"
        with pytest.raises(BlockingIOError):
            victim.accept()
    assert listed(api) == []


def test_files_outside_the_store_are_refused(managed: TorchServe, api: Api) -> None:
    for url in ("file:///etc/passwd", "/etc/passwd", str(managed.store.path.parent)):
        status, lines = refused(api.RegisterModel, url=url)
        assert status in ("NOT_FOUND", "INVALID_ARGUMENT"), (url, lines)
    assert listed(api) == []


def test_keys_and_the_model_api_guard_the_management_of_models(tmp_path: Path) -> None:
    server = TorchServe(
        tmp_path / "guarded",
        options=(),
        environment={
            "TS_INFERENCE_TOKEN": "inference-key-0123456789",
            "TS_MANAGEMENT_TOKEN": "management-key-0123456789",
        },
    )
    server.store.write_handler("first", SAYS_ITS_VERSION)
    server.start("first")
    try:
        without = management(server)
        assert refused(without.ListModels)[0] == "UNAUTHENTICATED"
        other = management(server, "inference-key-0123456789")
        assert refused(other.ListModels)[0] == "PERMISSION_DENIED"
        api = management(server, "management-key-0123456789")
        assert listed(api) == ["first"]
        off = ("PERMISSION_DENIED", ["Model API disabled", MODEL + "ModelException"])
        assert refused(api.RegisterModel, url="first") == off
        assert refused(api.UnregisterModel, model_name="first") == off
        assert api.ScaleWorker(model_name="first", min_worker=1, synchronous=True).msg == (
            "Workers scaled to 1 for model: first"
        )
        for client in (without, other, api):
            client.close()
    finally:
        server.stop()
    server.assert_nothing_left()

"""Names of TorchServe 0.12 that few programs need: what they hold and do."""

from __future__ import annotations

import asyncio
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from ts import model_server, model_service_worker, version
from ts.async_service import PREDICTION_METRIC, predict
from ts.handler_utils.distributed import pt_pippy
from ts.model_service.model_service import ModelService, SingleNodeService
from ts.service import Service
from ts.torch_handler import base_handler


class Doubling(SingleNodeService):
    def _inference(self, data: Any) -> Any:
        return [2 * n for n in data]


def importable(name: str, monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name) if there else None)


def test_flags_say_what_torch_and_other_packages_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert base_handler.PROFILER_AVAILABLE
    assert base_handler.PT2_AVAILABLE
    assert isinstance(base_handler.PT230_AVAILABLE, bool)
    for flag, package in (
        ("ONNX_AVAILABLE", "onnxruntime"),
        ("XLA_AVAILABLE", "torch_xla"),
        ("IPEX_AVAILABLE", "intel_extension_for_pytorch"),
    ):
        monkeypatch.setenv("TS_IPEX_ENABLE", "true")
        for there in (True, False):
            importable(package, monkeypatch, there=there)
            assert getattr(base_handler, flag) is there
    importable("intel_extension_for_pytorch", monkeypatch, there=True)
    monkeypatch.delenv("TS_IPEX_ENABLE")
    assert not base_handler.IPEX_AVAILABLE
    assert isinstance(pt_pippy.pippy_installed, bool)
    for module in (base_handler, pt_pippy, model_service_worker):
        with pytest.raises(AttributeError, match="has no attribute 'UNHEARD'"):
            _ = module.UNHEARD


def test_place_in_a_group_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (model_service_worker.LOCAL_RANK, model_service_worker.WORLD_SIZE) == (0, 0)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert (model_service_worker.WORLD_RANK, model_service_worker.WORLD_SIZE) == (3, 4)


def test_model_service_tells_health_and_signature(tmp_path: Path) -> None:
    (tmp_path / "signature.json").write_text(json.dumps({"inputs": []}))
    manifest = {"Model": {"Signature": "signature.json"}}
    service = Doubling("m", str(tmp_path), manifest)
    assert service.handle([1, 2], "context") == [2, 4]
    assert service.context == "context"
    assert service.ping() == "Healthy"
    assert service.signature() == {"inputs": []}
    for without in (None, {}, {"model": {"modelName": "m"}}):
        assert Doubling("m", str(tmp_path), without).signature() == {}
    assert isinstance(service, ModelService)


def test_properties_are_read_as_the_server_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "config.properties"
    file.write_text("# a comment\nmodel_store = /models\nvmargs=-Xmx1g \\\n  -Dx=y\n")
    values = model_server.load_properties(str(file))
    assert values == {"model_store": "/models", "vmargs": "-Xmx1g -Dx=y"}
    assert model_server.TS_NAMESPACE == "org.pytorch.serve.ModelServer"


def test_coroutine_of_a_service_answers_a_batch() -> None:
    async def handle(data: Any, context: Any) -> Any:
        return [row["body"] for row in data]

    service = Service("m", "/nowhere", None, handle, None, 1)
    request = {
        "requestId": b"a",
        "parameters": [{"name": "body", "contentType": "", "value": "hello"}],
    }
    message = asyncio.run(predict(service, [request]))
    assert message is not None
    assert b"hello" in message
    assert PREDICTION_METRIC == "PredictionTime"


def test_version_is_the_text_of_its_file() -> None:
    assert version.version_path.read_text().strip() == version.__version__

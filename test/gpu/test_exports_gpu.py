"""Exported and compiled models on a GPU: the digits model answers as it does on the CPU."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpu_machine import gpus, register
from torchserve_process import REPOSITORY, TorchServe

DIGITS = REPOSITORY / "examples" / "digits"
LIMITS = "startupTimeout: 600\nresponseTimeout: 120\nbatchSize: 4\n"
WARMUP = "warmup:\n- {file: image.json, repeat: 2}\n"

HANDLER = """
import torch
from ts.torch_handler.base_handler import BaseHandler

class Pixels(BaseHandler):
    def preprocess(self, data):
        rows = [row["body"] for row in data]
        return torch.tensor(rows, dtype=torch.float32, device=self.device).reshape(-1, 1, 8, 8)

    def postprocess(self, data):
        return [{"scores": row, "device": str(data.device)} for row in data.tolist()]
"""

pytestmark = pytest.mark.skipif(gpus() == 0, reason="there is no GPU")


def image() -> list[float]:
    return [(3 * i % 17) / 16 for i in range(64)]


def digits() -> Any:
    """The network on the CPU."""
    import torch
    from ts.torch_handler._loading import load_model_class

    model = load_model_class(DIGITS / "model.py")()
    model.load_state_dict(torch.load(DIGITS / "digits.pt", weights_only=True))
    return model.eval()


def write_model(store: Path, name: str, model: dict[str, str], config: str = "") -> Path:
    """Write a model's folder and return it."""
    folder = store / name
    (folder / "MAR-INF").mkdir(parents=True)
    (folder / "handler.py").write_text(HANDLER)
    (folder / "image.json").write_text(json.dumps(image()))
    (folder / "model-config.yaml").write_text(LIMITS + WARMUP + config)
    described = {"handler": "handler.py", "configFile": "model-config.yaml", **model}
    manifest = {"model": {"modelName": name, "modelVersion": "1.0", **described}}
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    running = TorchServe(tmp_path_factory.mktemp("exports"), torch=True)
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


def exported() -> Any:
    import torch

    batch = torch.export.Dim("batch", min=1, max=64)
    example = (torch.zeros(2, 1, 8, 8),)
    return torch.export.export(digits(), example, dynamic_shapes=({0: batch},))


def expected() -> list[float]:
    import torch

    with torch.inference_mode():
        scores: list[float] = digits()(torch.tensor(image()).reshape(1, 1, 8, 8))[0].tolist()
    return scores


def assert_served(server: TorchServe, name: str) -> None:
    """Register a model, which warms up, and compare its answer with that of the CPU."""
    answer = register(server, name)
    assert answer.status_code == 200, answer.text
    said = server.predict(name, json=image()).json()
    assert said["device"].startswith("cuda")
    assert said["scores"] == pytest.approx(expected(), rel=2e-2, abs=2e-2)


def test_program_of_torch_export_is_moved_to_the_gpu(server: TorchServe) -> None:
    import torch

    folder = write_model(server.store.path, "program", {"serializedFile": "digits.pt2"})
    torch.export.save(exported(), folder / "digits.pt2")
    assert_served(server, "program")


def test_package_that_aotinductor_compiled_for_the_gpu_runs_there(server: TorchServe) -> None:
    if shutil.which("c++") is None:
        pytest.skip("AOTInductor needs c++")
    import torch
    from torch.export.passes import move_to_device_pass

    folder = write_model(server.store.path, "package", {"serializedFile": "digits.pt2"})
    program = move_to_device_pass(exported(), "cuda")
    torch._inductor.aoti_compile_and_package(program, package_path=str(folder / "digits.pt2"))
    assert_served(server, "package")


def test_model_that_torch_compiles_is_compiled_before_it_is_ready(server: TorchServe) -> None:
    if shutil.which("cc") is None:
        pytest.skip("Triton needs a C compiler")
    model = {"serializedFile": "digits.pt", "modelFile": "model.py"}
    config = "pt2: {compile: {enable: true}}\n"
    folder = write_model(server.store.path, "compiled", model, config)
    for name in ("digits.pt", "model.py"):
        shutil.copy(DIGITS / name, folder)
    assert_served(server, "compiled")
    server.wait_log("model_log.log", r"Warmed up in [\d.]+ s, batches: 4")

"""A context and models for tests of handlers."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from ts.metrics._sample import MetricSample
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

LINEAR_MODEL = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)

    def forward(self, x):
        return self.layer(x)
"""

CNN_MODEL = """
import torch

class TinyCnn(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 3, stride=2)
        self.head = torch.nn.Linear(2, 3)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).mean(dim=(2, 3)))
"""


class FakeContext:
    """What a handler sees of the worker, for a batch of any size."""

    def __init__(
        self,
        model_dir: Path,
        model: dict[str, str] | None = None,
        config: dict[str, Any] | None = None,
        headers: list[dict[str, str]] | None = None,
    ) -> None:
        self.manifest: dict[str, Any] | None = None if model is None else {"model": model}
        self.model_name = "m"
        self.model_yaml_config = config or {}
        self.system_properties: dict[str, Any] = {
            "model_dir": str(model_dir),
            "gpu_id": None,
            "batch_size": 1,
            "limit_max_image_pixels": True,
        }
        self.headers = headers or [{}]
        self.request_ids = {i: f"id-{i}" for i in range(len(self.headers))}
        self.statuses: dict[int, int] = {}
        self.samples: list[MetricSample] = []
        self.metrics = MetricsCacheYamlImpl(None, emit=self.samples.append)
        self.metrics.model_name = "m"
        self.metrics.set_request_ids(self.request_ids)

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.headers[idx].get(key)

    def get_request_id(self, idx: int = 0) -> str | None:
        return self.request_ids.get(idx)

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.statuses[idx] = code


def write_eager(folder: Path, source: str = LINEAR_MODEL) -> torch.nn.Module:
    """Write model.py and model.pt into `folder` and return the model."""
    (folder / "model.py").write_text(source)
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    torch.manual_seed(7)
    model: torch.nn.Module = next(
        v for k, v in namespace.items() if isinstance(v, type) and k != "torch"
    )()
    torch.save(model.state_dict(), folder / "model.pt")
    return model.eval()


def write_torchscript(folder: Path) -> torch.nn.Module:
    """Write a TorchScript model.pt into `folder` and return the model it was made of."""
    torch.manual_seed(7)
    model = torch.nn.Linear(2, 3).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # making TorchScript is deprecated; reading it must work
        torch.jit.save(torch.jit.script(model), folder / "model.pt")
    return model


def write_labels(folder: Path, labels: dict[str, Any]) -> None:
    (folder / "index_to_name.json").write_text(json.dumps(labels))


def image_bytes(mode: str = "RGB", size: tuple[int, int] = (12, 10), kind: str = "PNG") -> bytes:
    """Return an image file with a gradient."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


EAGER = {"modelName": "m", "modelFile": "model.py", "serializedFile": "model.pt"}
SCRIPTED = {"modelName": "m", "serializedFile": "model.pt"}

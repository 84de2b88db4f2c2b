"""A context for tests of handlers, without a server."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from ts.metrics.metrics_store import MetricsStore
from ts.utils.util import get_yaml_config


class MockContext:
    """Looks to a handler like the context of a batch with one request.

    Args:
        model_pt_file: The file with the weights, in `model_dir`.
        model_dir: The folder of the model.
        model_file: The file with the class of the model; ``None`` for TorchScript.
        gpu_id: Number of the GPU, used only where there is one.
        model_name: Name of the model.
        model_yaml_config_file: A model-config.yaml in `model_dir`.

    Attributes:
        explain: Whether the request asks for an explanation.
    """

    def __init__(
        self,
        model_pt_file: str | None = "model.pt",
        model_dir: str | Path = "ts/torch_handler/unit_tests/models/tmp",
        model_file: str | None = "model.py",
        gpu_id: str | None = "0",
        model_name: str = "mnist",
        model_yaml_config_file: str | None = None,
    ) -> None:
        model: dict[str, Any] = {"modelName": model_name}
        if model_pt_file:
            model["serializedFile"] = model_pt_file
        if model_file:
            model["modelFile"] = model_file
        self.manifest: dict[str, Any] = {"model": model}
        self.model_name = model_name
        self.system_properties: dict[str, Any] = {
            "model_dir": str(model_dir),
            "gpu_id": gpu_id,
            "batch_size": 1,
            "limit_max_image_pixels": True,
        }
        self.explain = False
        self.request_ids = {0: str(uuid.uuid4())}
        self.metrics = MetricsStore(self.request_ids, model_name)
        self.model_yaml_config: dict[str, Any] = {}
        if model_yaml_config_file is not None:
            self.model_yaml_config = get_yaml_config(Path(model_dir) / model_yaml_config_file)

    def get_request_header(self, idx: int, exp: str) -> Any:
        """Return ``"True"`` for ``explain`` while `explain` is set, else ``False``."""
        return "True" if exp == "explain" and self.explain else False

    def get_request_id(self, idx: int = 0) -> str | None:
        """Return the id of a request."""
        return self.request_ids.get(idx)

"""Base classes of the time before TorchServe. New handlers derive from `BaseHandler`."""

from __future__ import annotations

import json
from abc import ABCMeta, abstractmethod
from pathlib import Path
from typing import Any


class ModelService(metaclass=ABCMeta):
    """Holds what a service is started with.

    Args:
        model_name: Name of the model.
        model_dir: The folder of the model.
        manifest: The archive's manifest.
        gpu: Number of the GPU, or ``None``.
    """

    def __init__(
        self, model_name: str, model_dir: str, manifest: Any, gpu: int | None = None
    ) -> None:
        self.model_name = model_name
        self.model_dir = model_dir
        self.manifest = manifest
        self.gpu = gpu
        self.context: Any = None

    def initialize(self, context: Any) -> None:
        """Store the context."""
        self.context = context

    @abstractmethod
    def inference(self, data: Any) -> Any:
        """Answer a request."""

    def handle(self, data: Any, context: Any) -> Any:
        """Answer a batch."""
        self.context = context
        return self.inference(data)

    def ping(self) -> str:
        """Tell how the service is: one that is there is healthy, unless a subclass knows better."""
        return "Healthy"

    def signature(self) -> dict[str, Any]:
        """Return the inputs and outputs of the model, as the file says that its manifest names.

        Empty where the manifest names none, as those of today's archives.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no JSON.
        """
        model = (self.manifest or {}).get("Model") or {}
        name = model.get("Signature") if isinstance(model, dict) else None
        if not name:
            return {}
        content: dict[str, Any] = json.loads((Path(self.model_dir) / name).read_bytes())
        return content


class SingleNodeService(ModelService):
    """A service that answers in three steps."""

    def inference(self, data: Any) -> Any:
        """Answer a batch without a context."""
        return self._postprocess(self._inference(self._preprocess(data)))

    @abstractmethod
    def _inference(self, data: Any) -> Any:
        """Run the model."""

    def _preprocess(self, data: Any) -> Any:
        return data

    def _postprocess(self, data: Any) -> Any:
        return data

"""Base classes of the time before TorchServe. New handlers derive from `BaseHandler`."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
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


class SingleNodeService(ModelService):
    """A service that answers in three steps."""

    def handle(self, data: Any, context: Any) -> Any:
        """Answer a batch."""
        self.context = context
        return self.inference(data)

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

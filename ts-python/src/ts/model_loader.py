"""Loads a model: its manifest, its configuration and its handler."""

from __future__ import annotations

import inspect
import uuid
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any

from ts._loader.entry_point import find_handler, wrap_in_envelope
from ts._loader.manifest import read_manifest
from ts.service import Service


class ModelLoaderFactory:
    """Where to get a model loader."""

    @staticmethod
    def get_model_loader() -> TsModelLoader:
        """Return a loader for models of the TorchServe layout."""
        return TsModelLoader()


class ModelLoader(metaclass=ABCMeta):
    """Loads models."""

    @abstractmethod
    def load(
        self,
        model_name: str,
        model_dir: str,
        handler: str | None = None,
        gpu_id: int | None = None,
        batch_size: int | None = None,
        envelope: str | None = None,
        limit_max_image_pixels: bool = True,
        metrics_cache: Any = None,
    ) -> Service:
        """Load a model and return the service whose entry point is initialised."""


class TsModelLoader(ModelLoader):
    """Loads models whose handler is a Python module.

    Args:
        run_awaitable: Runs what an asynchronous handler returns while it is initialised; the
            default is an event loop of its own.
    """

    def __init__(self, run_awaitable: Callable[[Any], Any] | None = None) -> None:
        self._run_awaitable = run_awaitable

    def load(
        self,
        model_name: str,
        model_dir: str,
        handler: str | None = None,
        gpu_id: int | None = None,
        batch_size: int | None = None,
        envelope: str | None = None,
        limit_max_image_pixels: bool = True,
        metrics_cache: Any = None,
    ) -> Service:
        """Load a model and return the service whose entry point is initialised.

        Raises `ModuleNotFoundError` or `ValueError` if the handler cannot be found, and whatever
        the handler's module and its `initialize` raise.
        """
        manifest = read_manifest(model_dir)
        if not handler:
            model = (manifest or {}).get("model")
            handler = model.get("handler") if isinstance(model, dict) else None
        if not handler:
            raise ValueError(f"model {model_name!r} has no handler")
        found = find_handler(handler)
        entry_point = found.entry_point
        if envelope:
            entry_point = wrap_in_envelope(envelope, entry_point)
        service = Service(
            model_name,
            model_dir,
            manifest,
            entry_point,
            gpu_id,
            1 if batch_size is None else batch_size,
            limit_max_image_pixels,
            metrics_cache,
        )
        if metrics_cache is not None:
            metrics_cache.model_name = model_name
            # A load answers no request; by an id its metrics are the model's, and no errors.
            metrics_cache.request_ids = str(uuid.uuid4())
        result = found.initialize(service.context)
        if inspect.isawaitable(result):
            self._await(result)
        return service

    def _await(self, awaitable: Any) -> None:
        if self._run_awaitable is not None:
            self._run_awaitable(awaitable)
            return
        import asyncio

        async def wait() -> None:
            await awaitable

        asyncio.run(wait())

"""How weights and the classes of models get from files into memory."""

from __future__ import annotations

import importlib.util
import pickle
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from ts._loader.weights import WEIGHTS_ALONE
from ts.utils._optional import import_optional
from ts.utils.util import list_classes_from_module


def load_weights(path: str | Path, weights_only: bool = True, map_location: Any = "cpu") -> Any:
    """Return what ``torch.save`` wrote to `path`.

    A file that ends in ``.safetensors`` is read as such: it holds tensors and nothing else.

    Args:
        path: The file.
        weights_only: Refuse anything but tensors and plain containers, since other objects run
            code when they are loaded.
        map_location: Device of the tensors.

    Raises:
        RuntimeError: The file holds other objects, and `weights_only` is set; or the package
            safetensors is missing.
    """
    if str(path).endswith(WEIGHTS_ALONE):
        safetensors = import_optional("safetensors.torch", "Weights in .safetensors", "safetensors")
        return safetensors.load_file(str(path), device=str(map_location))
    try:
        return torch.load(path, map_location=map_location, weights_only=weights_only)
    except pickle.UnpicklingError as e:
        if not weights_only:
            raise
        # What to do comes before torch's own text, which is long and may be cut.
        raise RuntimeError(
            f"{Path(path).name} holds more than tensors and plain containers, and loading it "
            "could run any code. Save a state_dict instead, or, if the archive is trusted, "
            f"set handler: {{weights_only: false}} in model-config.yaml: {e}"
        ) from e


def load_torchscript(path: str | Path, device: Any) -> Any:
    """Return the TorchScript module of `path` on `device`."""
    with warnings.catch_warnings():
        # TorchScript archives keep working; users of the server cannot act on this warning.
        warnings.filterwarnings(
            "ignore",
            message=r"`torch\.jit\.load` is deprecated",
            category=Warning,
        )
        return torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]


def load_model_class(path: Path) -> type[Any]:
    """Import the Python file `path` and return the one class it defines.

    Raises:
        ValueError: It defines no class, or several.
    """
    module = _import_file(path)
    classes = list_classes_from_module(module)
    if len(classes) != 1:
        names = ", ".join(cls.__name__ for cls in classes) or "none"
        raise ValueError(f"Expected only one class as model definition in {path}, found {names}")
    return classes[0]


def _import_file(path: Path) -> ModuleType:
    name = path.stem
    present = sys.modules.get(name)
    if present is not None:
        origin = getattr(present, "__file__", None)
        if origin is not None and Path(origin).resolve() == path.resolve():
            return present  # the handler imported it, and must see the same classes
        name = f"_ts_model_file_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Before it runs: its own imports and pickles refer to the module by name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def select_device(gpu_id: int | str | None, ipex_gpu: bool) -> tuple[str | None, Any]:
    """Choose the device of a worker.

    Args:
        gpu_id: The GPU the server gave to the worker, or ``None``.
        ipex_gpu: Whether GPUs of Intel may be used.

    Returns:
        Kind of the device for ``map_location`` (``None`` for XLA), and the device.
    """
    if gpu_id is not None:
        if torch.cuda.is_available():
            return "cuda", torch.device(f"cuda:{gpu_id}")
        if ipex_gpu and hasattr(torch, "xpu") and torch.xpu.is_available():
            return "xpu", torch.device(f"xpu:{gpu_id}")
        if torch.backends.mps.is_available():
            return "mps", torch.device("mps")
    if importlib.util.find_spec("torch_xla") is not None:
        xla_model = importlib.import_module("torch_xla.core.xla_model")
        return None, xla_model.xla_device()
    return "cpu", torch.device("cpu")

"""The kinds of files that hold a model, by their endings. One list for all that look at names.

Handlers load them (`ts.torch_handler`), ``torchserve try`` finds them in a folder, and the
archiver, a distribution of its own, has the same list, which a test compares with this one.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

TORCHSCRIPT = (".pt", ".pth", ".ts", ".jit")
"""Programs of TorchScript; the first two are more often weights of a class, see `is_program`."""
WEIGHTS_ALONE = (".safetensors",)
"""Tensors and nothing else: they need the Python file of their class."""
EXPORTED = (".pt2",)
"""Programs of ``torch.export`` and packages of AOTInductor."""
ONNX = (".onnx",)
LIBRARIES = (".so",)
"""Compiled by AOTInductor before torch 2.6; only model-config.yaml makes them models."""

KINDS = (*TORCHSCRIPT, *WEIGHTS_ALONE, *EXPORTED, *ONNX, *LIBRARIES)


def is_found(path: Path) -> bool:
    """Return whether a file in a folder is taken for the model's without being named.

    Endings that belong to other files, too, need content that fits: ``.ts`` is TypeScript as well.
    """
    suffix = path.suffix
    if suffix in LIBRARIES:
        return False
    return suffix in KINDS and (suffix not in (".ts", ".jit") or _is_torchscript(path))


def is_program(path: Path) -> bool:
    """Return whether a file runs without the Python file of its class."""
    if path.suffix in WEIGHTS_ALONE:
        return False
    return path.suffix in (*EXPORTED, *ONNX, *LIBRARIES) or _is_torchscript(path)


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False

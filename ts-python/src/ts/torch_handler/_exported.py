"""Models of ``torch.export``: programs, and packages that AOTInductor compiled ahead of time."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from ts.torch_handler._compile import keep_compiled_code
from ts.utils._optional import import_optional

_COMPILED = "data/aotinductor/"
"""The folder inside a package in which the compiled library lies."""


def load_exported(path: str | Path, device: torch.device) -> Any:
    """Return what runs the ``.pt2`` file `path` on `device`; it is called as the model was.

    ``torch.export.save`` wrote the file, or ``torch._inductor.aoti_compile_and_package``, whose
    package holds native code for the kind of device and machine that it was compiled on.

    Raises:
        RuntimeError: The file is neither, or this torch cannot run it.
    """
    if _is_compiled(path):
        inductor = import_optional("torch._inductor", "A package of AOTInductor", "torch>=2.6")
        if not hasattr(inductor, "aoti_load_package"):
            raise RuntimeError(
                f"torch {torch.__version__} cannot load {path}, expected 2.6 or newer"
            )
        # torch compiles programs to see which instructions this processor has: once is enough.
        keep_compiled_code(os.environ)
        if device.type == "cpu":
            return inductor.aoti_load_package(str(path))
        return inductor.aoti_load_package(str(path), device_index=device.index or 0)
    export = import_optional("torch.export", "A program of torch.export", "torch>=2.1")
    program = export.load(str(path))
    if device.type != "cpu":
        passes = import_optional(
            "torch.export.passes", "An exported program on a GPU", "torch>=2.5"
        )
        program = passes.move_to_device_pass(program, device)
    return program.module()


def _is_compiled(path: str | Path) -> bool:
    try:
        with zipfile.ZipFile(path) as package:
            return any(_COMPILED in name for name in package.namelist())
    except zipfile.BadZipFile as e:
        raise RuntimeError(
            f"{Path(path).name} is no .pt2 file, expected one of torch.export.save or of "
            f"torch._inductor.aoti_compile_and_package: {e}"
        ) from e

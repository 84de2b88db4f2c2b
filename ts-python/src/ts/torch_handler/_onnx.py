"""ONNX models, run by onnxruntime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from ts.utils._optional import import_optional


def create_session(path: str | Path, map_location: str | None) -> Any:
    """Return an inference session for the model in `path`, on all cores of this machine.

    Args:
        path: The ``.onnx`` file.
        map_location: ``"cuda"`` puts the CUDA provider first.

    Raises:
        RuntimeError: onnxruntime is not installed.
    """
    ort = import_optional("onnxruntime", "An ONNX model")
    providers = ["CPUExecutionProvider"]
    if map_location == "cuda":
        providers.insert(0, "CUDAExecutionProvider")
    options = ort.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    return ort.InferenceSession(str(path), sess_options=options, providers=providers)


def is_session(model: Any) -> bool:
    """Tell whether `model` is an inference session rather than a module."""
    return not callable(model) and hasattr(model, "get_inputs") and hasattr(model, "run")


def run_session(session: Any, data: torch.Tensor) -> Any:
    """Run `session` with its first input; one output is returned as a tensor, more as a list."""
    name = session.get_inputs()[0].name
    outputs = [torch.as_tensor(output) for output in session.run(None, {name: data.cpu().numpy()})]
    return outputs[0] if len(outputs) == 1 else outputs

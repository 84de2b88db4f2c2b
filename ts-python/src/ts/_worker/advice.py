"""What to do about the mistakes that many make: a sentence for the detail of an error.

The type and the text of an error decide, so that the advice is the same whether our handlers or
the user's call torch. A text that a new version of torch has changed loses its advice, no more.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

_MAX_LISTED = 2000

_NOT_TORCHSCRIPT = (
    "The file is no TorchScript: it is a pickled model or a state dict. Pack a state dict with"
    " --model-file FILE.py, which defines the class of the model, or save the model by"
    " torch.jit.script(model).save(FILE)"
)
_NO_ARCHIVE = (
    "The file was not written by torch.save or torch.jit.save, or only a part of it is here"
)
_PICKLED = (
    "The file holds a pickled model, whose loading could run any code: save"
    " model.state_dict() instead and pack it with --model-file FILE.py, which defines the class"
)
_CLASS_NOT_THERE = (
    "A pickle names classes by their module, and this one is not there: save"
    " model.state_dict() instead and pack it with --model-file FILE.py, which defines the class"
)
_OTHER_STATE = (
    "The weights are of another class than the one that --model-file defines, or were saved with"
    " a wrapper: compare the names of their keys"
)
_NO_CUDA = (
    "Load with map_location=device, where device is the one of the worker (gpu_id), or the CPU"
)
_DEVICES = "Move the model and its inputs to one device: tensor.to(self.device)"
_SHAPES = "The input has another shape than the model takes: compare it with that of the training"
_GRADIENT = "Run the model within torch.inference_mode()"
_JSON = (
    "A result is bytes, a str, or what JSON has (dict, list, str, numbers, bool, None): convert"
    " numpy and torch values by .item() or .tolist()"
)

_BY_TEXT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (r"PytorchStreamReader failed locating file constants\.pkl", _NOT_TORCHSCRIPT),
        (r"PytorchStreamReader failed", _NO_ARCHIVE),
        (r"Weights only load failed|holds more than tensors and plain containers", _PICKLED),
        (r"Can't get attribute .+ on <module", _CLASS_NOT_THERE),
        (r"Error\(s\) in loading state_dict", _OTHER_STATE),
        (r"Attempting to deserialize object on a? ?CUDA|Found no NVIDIA driver", _NO_CUDA),
        (r"Expected all tensors to be on the same device", _DEVICES),
        (r"shapes cannot be multiplied", _SHAPES),
        (r"requires grad\. Use tensor\.detach", _GRADIENT),
        (r"is not JSON serializable", _JSON),
    )
)


def advice_on(error: BaseException, model_dir: str | None) -> str | None:
    """Return what to do about an error, if it is one of the common mistakes.

    Args:
        error: What a handler raised, or what its load did.
        model_dir: The folder of the model, or None.
    """
    for kind, advise in _BY_TYPE:
        if isinstance(error, kind):
            advice = advise(error, model_dir)
            if advice is not None:
                return advice
    try:
        text = str(error)
    except BaseException:  # of a text that the handler's own class makes
        return None
    return next((advice for pattern, advice in _BY_TEXT if pattern.search(text)), None)


def advice_on_forms(headers: Iterable[tuple[str, str]], row: Mapping[str, Any]) -> str | None:
    """Return what to do about a request whose body was read as a form, which it likely is not.

    Args:
        headers: Those of a request that failed.
        row: What the handler got.
    """
    if "body" in row or "data" in row:
        return None
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    if not any(kind.lower().startswith("application/x-www-form-urlencoded") for kind in kinds):
        return None
    return (
        "The body came as a form (application/x-www-form-urlencoded, which curl -d sends), and the"
        " handler got its fields: send a file by curl -T FILE, JSON by curl -H"
        " 'content-type: application/json' -d '{...}', and a form with a field named data or body"
    )


def _on_missing_module(error: BaseException, model_dir: str | None) -> str | None:
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if not name:
        return None
    near = _nearest(name, (file.removesuffix(".py") for file in _files(model_dir, ".py")))
    if near is not None:
        return f"Did you mean {near}, which is in the model's folder?"
    if str(error).startswith("handler "):
        packed = ", ".join(sorted(_files(model_dir, ".py"))[:10]) or "none"
        return f"Python files in the model's folder: {packed}"
    top = name.partition(".")[0]
    if top != name and _is_there(top):
        return f"The installed version of {top} has no {name.partition('.')[2]}"
    return (
        f"If {top} is a package, name it in the model's requirements.txt (torch-model-archiver"
        " --requirements-file, install_py_dep_per_model=true) or install it where the server runs;"
        f" if it is a file of yours, pack it with --extra-files {top}.py"
    )


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _on_missing_file(error: BaseException, model_dir: str | None) -> str | None:
    name = error.filename if isinstance(error, FileNotFoundError) else None
    if not isinstance(name, str) or not model_dir:
        return None
    inside = not os.path.isabs(name)
    if inside and os.path.exists(os.path.join(model_dir, name)):
        return (
            "The file is in the model's folder, which is not the working folder: open it below"
            ' context.system_properties["model_dir"]'
        )
    if inside or Path(model_dir) in Path(name).parents:
        near = _nearest(os.path.basename(name), _files(model_dir, ""))
        hint = "" if near is None else f"; {near} is there"
        return f"The model's folder has no such file: pack it with --extra-files{hint}"
    return None


def _files(model_dir: str | None, suffix: str) -> list[str]:
    """Return the names of files of the model's folder itself; of very many a part."""
    if not model_dir:
        return []
    found = []
    try:
        with os.scandir(model_dir) as entries:
            for _, entry in zip(range(_MAX_LISTED), entries):
                if entry.name.endswith(suffix) and not entry.is_dir():
                    found.append(entry.name)
    except OSError:
        return []
    return found


def _nearest(name: str, names: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(name[:100], list(names), n=1, cutoff=0.75)
    return close[0] if close and close[0] != name else None


_BY_TYPE: tuple[
    tuple[type[BaseException], Callable[[BaseException, str | None], str | None]], ...
] = (
    (ModuleNotFoundError, _on_missing_module),
    (FileNotFoundError, _on_missing_file),
)

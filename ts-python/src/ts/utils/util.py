"""Labels, errors, classes and settings: what handlers import from here, as in TorchServe 0.12."""

from __future__ import annotations

import enum
import functools
import importlib
import inspect
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

CLEANUP_REGEX = re.compile(r"<.*?>|&(?:[a-zA-Z0-9]+|#[0-9]{1,6}|#x[0-9a-fA-F]{1,6});")
"""Matches HTML tags and entities."""

# Packages that register their backend with torch only when they are imported.
_BACKEND_PLUGINS = {
    "openvino": "openvino.torch",
    "tensorrt": "torch_tensorrt",
    "ipex": "intel_extension_for_pytorch",
    "hpu_backend": "habana_frameworks.torch.core",
}


class PT2Backend(str, enum.Enum):
    """Names of torch.compile backends that configurations of TorchServe 0.12 used."""

    EAGER = "eager"
    AOT_EAGER = "aot_eager"
    INDUCTOR = "inductor"
    NVFUSER = "nvfuser"
    AOT_NVFUSER = "aot_nvfuser"
    AOT_CUDAGRAPHS = "aot_cudagraphs"
    OFI = "ofi"
    FX2TRT = "fx2trt"
    ONNXRT = "onnxrt"
    IPEX = "ipex"
    TORCHXLA_TRACE_ONCE = "torchxla_trace_once"
    OPENVINO = "openvino"
    TENSORRT = "tensorrt"
    HPU_BACKEND = "hpu_backend"


class PredictionException(Exception):
    """Raised by a handler to choose the code and the message of the answer.

    Args:
        message: Shown to the client.
        error_code: HTTP status of the answer.
    """

    def __init__(self, message: str, error_code: int = 500) -> None:
        super().__init__(message, error_code)
        self.message = message
        self.error_code = error_code

    def __str__(self) -> str:
        return f"{self.message} : {self.error_code}"


def list_classes_from_module(
    module: ModuleType, parent_class: type | None = None
) -> list[type[Any]]:
    """Return the classes defined in `module` (not imported into it), sorted by name.

    Args:
        module: Where to look.
        parent_class: If given, only its subclasses.
    """
    return [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__
        and (parent_class is None or issubclass(member, parent_class))
    ]


def load_label_mapping(mapping_file_path: str | Path) -> dict[str, str] | None:
    """Read the labels of class indexes.

    The file holds a JSON object: index to label, or to a list whose last item is the label; or the
    list of all labels under ``object_type_names``.

    Returns:
        Labels by index (a string), or ``None``, with a warning, if there is no such file.

    Raises:
        ValueError: The file does not hold such an object.
    """
    path = Path(mapping_file_path)
    if not path.is_file():
        logger.warning("%s is missing: answers will show class indexes, not labels", path)
        return None
    mapping = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(mapping, dict):
        raise ValueError(f"{path} holds a {type(mapping).__name__}, expected a JSON object")
    names = mapping.get("object_type_names")
    if isinstance(names, list):
        return {str(index): name for index, name in enumerate(names)}
    return {key: _label_of(key, value, path) for key, value in mapping.items()}


def _label_of(key: str, value: object, path: Path) -> str:
    label = value[-1] if isinstance(value, list) and value else value
    if not isinstance(label, str):
        raise ValueError(
            f"{path}: class {key!r} has the label {value!r}, expected a string, or a list whose "
            "last item is one"
        )
    return label


def map_class_to_label(
    probs: Iterable[Sequence[float]],
    mapping: Mapping[str, str] | None = None,
    lbl_classes: Iterable[Sequence[int]] | None = None,
) -> list[dict[str, float]]:
    """Turn rows of probabilities into dicts from label to probability, in the order of each row.

    Two classes with the same label become one entry, the later one's.

    Args:
        probs: One row per request.
        mapping: Labels by class index as a string; without it the index is the label.
        lbl_classes: For each row the class of each probability; without it 0, 1, 2 and so on.

    Raises:
        KeyError: A class is not in `mapping`.
    """
    rows = [list(row) for row in probs]
    classes = [range(len(row)) for row in rows] if lbl_classes is None else lbl_classes
    return [
        {_name_of(index, mapping): prob for index, prob in zip(indexes, row, strict=False)}
        for indexes, row in zip(classes, rows, strict=False)
    ]


def _name_of(index: int, mapping: Mapping[str, str] | None) -> str:
    if mapping is None:
        return str(index)
    try:
        return mapping[str(index)]
    except KeyError:
        raise KeyError(f"class {index} has no label among the {len(mapping)} given") from None


def get_yaml_config(yaml_file_path: str | Path) -> Any:
    """Return the content of a YAML file; no objects are constructed from it."""
    from ts._yaml import load_yaml

    return load_yaml(Path(yaml_file_path).read_bytes())


def check_valid_pt2_backend(backend: str) -> bool:
    """Tell whether torch.compile knows `backend`, and warn if it does not.

    torch itself is asked, so backends of plug-ins count. Without torch the names of `PT2Backend`
    count.
    """
    known = _known_backends(backend)
    if backend in known:
        return True
    logger.warning(
        "%r is not a torch.compile backend here, expected one of %s", backend, ", ".join(known)
    )
    return False


def _known_backends(wanted: str) -> list[str]:
    plugin = _BACKEND_PLUGINS.get(wanted)
    if plugin is not None:
        try:
            importlib.import_module(plugin)
        except Exception as e:
            # A broken plug-in is reported, with the names that do work, by the caller.
            logger.warning("The package of backend %s cannot be imported: %s", wanted, e)
    try:
        import torch
    except ImportError:
        return [backend.value for backend in PT2Backend]
    # Without arguments the backends meant for debugging, such as eager, are left out.
    return list(torch.compiler.list_backends(exclude_tags=()))


def deprecated(
    version: str, replacement: str = "", klass: type[Warning] = PendingDeprecationWarning
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function warn when it is called.

    Args:
        version: The version in which the function goes away.
        replacement: What to use instead.
        klass: Category of the warning.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        text = f"{function.__name__} will be removed in version {version}"
        if replacement:
            text += f"; use {replacement} instead"

        @functools.wraps(function)
        def warn_and_call(*args: P.args, **kwargs: P.kwargs) -> R:
            warnings.warn(text, klass, stacklevel=2)
            return function(*args, **kwargs)

        return warn_and_call

    return decorate

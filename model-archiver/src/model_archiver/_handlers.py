"""Handlers: which need a file, and where it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from model_archiver.manifest_components.manifest import RuntimeType

KINDS = {
    "base_handler": "base",
    "dali_handler": "vision",
    "dali_image_classifier": "vision",
    "densenet_handler": "vision",
    "image_classifier": "vision",
    "image_segmenter": "vision",
    "object_detector": "vision",
    "text_classifier": "text",
    "text_handler": "text",
    "trt_llm_handler": "text",
    "vision_handler": "vision",
    "vllm_handler": "text",
}
"""The built-in handlers, with the kind of what each reads."""
BUILT_IN = frozenset(KINDS)
BUILT_IN_LSP = frozenset({"BaseHandler", "TorchScriptHandler"})


def handler_file(handler: str, runtime: str) -> Path | None:
    """The file that has to be packed for `handler`, or None for a built-in one.

    A handler is the path of a Python file, with or without its `.py`, and with or without a
    `:function` at its end.
    """
    if runtime == RuntimeType.LSP.value:
        if handler in BUILT_IN_LSP:
            return None
        return Path(handler + (".dylib" if sys.platform == "darwin" else ".so"))
    if handler in BUILT_IN:
        return None
    path = _without_function(handler)
    return Path(path if path.endswith(".py") else path + ".py")


def manifest_handler(handler: str) -> str:
    """What a manifest calls `handler`: its last path part, `:function` kept."""
    return os.path.basename(handler)


def _without_function(handler: str) -> str:
    path, colon, function = handler.rpartition(":")
    return path if colon and function.isidentifier() and path else handler

"""What the section ``pt2`` of model-config.yaml says about torch.compile."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from ts.utils._private_folders import folder_for_caches, is_private

logger = logging.getLogger(__name__)

DEFAULT_BACKEND = "inductor"

# Keys of the section that are not arguments of torch.compile.
_OTHER_KEYS = ("compile", "export", "warm_up")


def compile_arguments(pt2: Any) -> dict[str, Any] | None:
    """Return the arguments of torch.compile, or ``None`` if the model is not to be compiled.

    Args:
        pt2: The section: ``{"compile": {...}}``, or one of the deprecated forms, a backend's name
            or a dict of arguments. It is not changed.

    Raises:
        ValueError: The section has another form.
    """
    if not pt2:
        return None
    if isinstance(pt2, str):
        logger.warning("pt2: %s is deprecated, write pt2: {compile: {backend: %s}}", pt2, pt2)
        return {"backend": pt2}
    if not isinstance(pt2, dict):
        raise ValueError(f"pt2 is {pt2!r} in model-config.yaml, expected a section")
    if "compile" in pt2:
        section = {} if pt2["compile"] is None else pt2["compile"]
        if not isinstance(section, dict):
            raise ValueError(f"pt2.compile is {section!r} in model-config.yaml, expected a section")
        arguments = {key: value for key, value in section.items() if key != "enable"}
        return arguments if section.get("enable", True) else None
    arguments = {key: value for key, value in pt2.items() if key not in _OTHER_KEYS}
    if not arguments:
        return None
    logger.warning("pt2: %s is deprecated, write pt2: {compile: %s}", arguments, arguments)
    return arguments


def aot_compile_wanted(pt2: Any) -> bool:
    """Tell whether the section asks for a library compiled ahead of time."""
    export = pt2.get("export") if isinstance(pt2, dict) else None
    return isinstance(export, dict) and export.get("aot_compile") is True


def describe_compile(arguments: dict[str, Any]) -> str:
    """Return what is logged once a model is compiled with `arguments`."""
    text = f"Compiled model with backend {arguments.get('backend', DEFAULT_BACKEND)}"
    return f"{text}, mode {arguments['mode']}" if arguments.get("mode") else text


def keep_compiled_code(environ: MutableMapping[str, str]) -> None:
    """Have torch keep what it compiles, for all workers and for later starts.

    It goes to ``torchserve-next/compiled`` in the user's folder for caches, unless
    ``TORCHINDUCTOR_CACHE_DIR`` names another. Without it, it would go with the temporary folder of
    the server. A folder that others can write to is not used: what lies there is run.
    """
    chosen = environ.get("TORCHINDUCTOR_CACHE_DIR")
    if chosen and not _is_torchs_own(chosen):
        return
    caches = folder_for_caches(environ)
    if caches is None:
        return
    folder = caches / "compiled"
    try:
        caches.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        private = is_private(caches) and is_private(folder)
    except OSError as problem:
        logger.info("Compiled code is not kept: %s", problem)
        return
    if private:
        environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
    else:
        logger.warning("Compiled code is not kept: others can write to %s", folder)


def _is_torchs_own(folder: str) -> bool:
    """Return whether torch itself has set the variable: the import of ``torch._dynamo`` does."""
    path = Path(folder)
    return path.name.startswith("torchinductor_") and path.parent == Path(tempfile.gettempdir())

"""Import of packages that only some handlers need."""

from __future__ import annotations

import importlib
from typing import Any


def import_optional(module: str, purpose: str, package: str | None = None) -> Any:
    """Import `module` when it is first needed.

    Args:
        module: Name of the module.
        purpose: What needs it, the subject of the error message.
        package: What to install, if it is named otherwise than the module.

    Raises:
        RuntimeError: The module is not installed, or one that it needs is not.
    """
    try:
        return importlib.import_module(module)
    except ImportError as e:
        raise RuntimeError(
            f"{purpose} needs the Python package {package or module.partition('.')[0]}, "
            f"which cannot be imported in this environment: {e}"
        ) from e

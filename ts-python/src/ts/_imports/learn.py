"""What a worker has imported since it was forked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType

MAX_NAMES = 5000
_PACKAGES = ("site-packages", "dist-packages")


def installed_modules(
    modules: Mapping[str, ModuleType], known: Iterable[str], model_dir: str
) -> list[str]:
    """Return the modules of installed packages, in the order in which their imports began.

    Args:
        modules: `sys.modules`.
        known: Names to leave out.
        model_dir: Modules below this folder are the model's own.
    """
    skip = set(known)
    own = os.path.join(os.path.realpath(model_dir), "")
    return [
        name
        for name, module in list(modules.items())
        if name not in skip and _is_installed(name, module, own)
    ][:MAX_NAMES]


def _is_installed(name: str, module: ModuleType, own: str) -> bool:
    if name == "__main__" or name.partition(".")[0] == "ts":
        return False
    spec = getattr(module, "__spec__", None)
    # A module under another name than its own cannot be imported by that name.
    if spec is None or spec.name != name or not isinstance(spec.origin, str):
        return False
    parts = spec.origin.split(os.sep)
    return any(folder in parts for folder in _PACKAGES) and not os.path.realpath(
        spec.origin
    ).startswith(own)


def note_baseline() -> None:
    """Remember what is imported now: a fork reports what it has imported since."""
    global _baseline
    _baseline = frozenset(sys.modules)


def imported_since_baseline(model_dir: str) -> list[str]:
    """Return what was imported since `note_baseline`; nothing if there was none."""
    if _baseline is None:
        return []
    return installed_modules(sys.modules, _baseline, model_dir)


_baseline: frozenset[str] | None = None

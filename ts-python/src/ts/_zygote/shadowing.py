"""Modules of a model that have the names of modules the zygote has imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import all_suffixes
from types import ModuleType

from ts._protocol.control import Spawn

# The worker itself runs on the standard library: a model's socket.py must not take its place.
_NEVER_TAKEN_FROM_MODELS = {"ts", "__main__"} | sys.stdlib_module_names


def why_not_forkable(spawn: Spawn) -> str | None:
    """Return why a model cannot be served by a fork of this process."""
    shadowed = shadowed_modules(spawn.path, sys.modules)
    return f"the model has modules of its own for {', '.join(shadowed)}" if shadowed else None


def shadowed_modules(path: Sequence[str], loaded: Mapping[str, ModuleType]) -> list[str]:
    """Return the imported modules in whose place a program of its own would find a model's.

    What is imported stays, so a fork would not see the model's. Folders that cannot be listed have
    no modules.

    Args:
        path: Folders that come first on the module search path.
        loaded: What is imported: `sys.modules`.
    """
    found: set[str] = set()
    for folder in path:
        try:
            with os.scandir(folder) as entries:
                names = {name for entry in entries if (name := _module_name(entry)) in loaded}
        except OSError:
            continue
        found |= {name for name in names if not _is_in(loaded[name], folder)}
    return sorted(found.difference(_NEVER_TAKEN_FROM_MODELS))


def _module_name(entry: os.DirEntry[str]) -> str:
    """Return the name under which an entry of a folder can be imported, or ``""``."""
    for suffix in all_suffixes():
        if entry.name.endswith(suffix):
            return entry.name.removesuffix(suffix)
    if entry.is_dir() and os.path.isfile(os.path.join(entry.path, "__init__.py")):
        return entry.name
    return ""


def _is_in(module: ModuleType, folder: str) -> bool:
    """Return whether a module was imported from a folder."""
    file: str | None = getattr(module, "__file__", None)
    if file is None:
        return False
    if os.path.basename(file).startswith("__init__."):
        file = os.path.dirname(file)
    return os.path.realpath(os.path.dirname(file)) == os.path.realpath(folder)

"""The list of what was packed, with sizes."""

from __future__ import annotations

import os
from pathlib import Path

from model_archiver._contents import Contents

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def listing(contents: Contents, target: str) -> list[str]:
    """Return a line for each file, and one for the result."""
    files = [(name, source.stat().st_size) for name, source in contents.files()]
    width = max((len(name) for name, _ in files), default=0)
    lines = [f"  {name:<{width}}  {_size(size)}" for name, size in files]
    whole = sum(size for _, size in files)
    path = Path(target)
    packed = path.stat().st_size if path.is_file() else whole
    head = f"{os.path.relpath(target)}: {len(files)} files, {_size(whole)}"
    return [f"{head}, packed {_size(packed)}" if path.is_file() else head, *lines]


def _size(size: float) -> str:
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return ""

"""What was probably meant by a name that there is not."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``. Did you mean image_classifier?``, or nothing."""
    found = difflib.get_close_matches(name, list(names), 1, 0.6)
    return f". Did you mean {found[0]}?" if found else ""


def files_beside(path: str | os.PathLike[str]) -> list[str]:
    """Return the names in the folder where a file was looked for."""
    try:
        return sorted(entry.name for entry in Path(path).parent.iterdir())
    except OSError:
        return []

"""Folders whose files are run or trusted: only this user may write to them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path


def folder_for_caches(environ: Mapping[str, str]) -> Path | None:
    """Return our folder among the user's caches, be it there or not; None if none is named."""
    base = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME", ""), ".cache")
    return Path(base) / "torchserve-next" if os.path.isabs(base) else None


def is_private(folder: Path) -> bool:
    """Return whether it is a folder of this user's, no link, that others cannot write to.

    Raises:
        OSError: It is not there, or cannot be looked at.
    """
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022

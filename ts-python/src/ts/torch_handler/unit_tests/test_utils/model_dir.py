"""Folders of models for tests of handlers."""

from __future__ import annotations

import shutil
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

_TIMEOUT_SEC = 60


def download_model(model_url: str, model_dir: str | Path) -> str:
    """Download `model_url` (http or https) into `model_dir`, unless it is there.

    Returns the path of the file.

    Raises:
        ValueError: The URL has another scheme.
    """
    parts = urllib.parse.urlsplit(model_url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"URL {model_url!r}, expected http or https")
    path = Path(model_dir) / Path(parts.path).name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        with (
            urllib.request.urlopen(model_url, timeout=_TIMEOUT_SEC) as response,  # noqa: S310 - checked
            partial.open("wb") as file,
        ):
            shutil.copyfileobj(response, file)
        partial.replace(path)
    return str(path)


def copy_files(src_dir: str | Path, dst_dir: str | Path, files: Mapping[str, str]) -> None:
    """Copy files from the folder `src_dir` to the folder `dst_dir`, each to its new name."""
    Path(dst_dir).mkdir(parents=True, exist_ok=True)
    for source, target in files.items():
        shutil.copy(Path(src_dir) / source, Path(dst_dir) / target)

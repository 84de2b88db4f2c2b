"""What workers were found to import: a folder with a small file for each content of an archive."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

_MAX_FILE_BYTES = 1 << 20
_MAX_FILES = 500
_IMPORT = re.compile(r"\??\w[\w.]*(:\w+)?")


def recall(folder: Path, digest: str) -> tuple[tuple[str, ...], str]:
    """Return the imports that were kept for a digest, and why others cannot be shared.

    Nothing, if that is missing or not ours.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        with (folder / f"{digest}.json").open("rb") as file:
            fields = json.loads(file.read(_MAX_FILE_BYTES))
        imports, refused = fields["imports"], fields["refused"]
        if isinstance(imports, list) and are_imports(imports) and isinstance(refused, str):
            return tuple(imports), refused
    return (), ""


def keep(folder: Path, digest: str, imports: Sequence[str], refused: str) -> None:
    """Keep what was found out for a digest, all or nothing, and forget the oldest of too many.

    Raises `OSError`.

    Args:
        folder: Is made if it is not there.
        digest: Names the file.
        imports: What workers were found to import.
        refused: Why the imports of the source cannot be shared, or nothing.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
        try:
            json.dump({"imports": list(imports), "refused": refused}, file)
            file.close()
            os.replace(file.name, folder / f"{digest}.json")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(file.name)
            raise
    by_age = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for path in by_age[:-_MAX_FILES]:
        path.unlink(missing_ok=True)


def are_imports(texts: Sequence[object]) -> bool:
    """Return whether all are texts of the form of an import."""
    return all(isinstance(text, str) and _IMPORT.fullmatch(text) for text in texts)

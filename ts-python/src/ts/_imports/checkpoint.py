"""Which classes of transformers the files of a checkpoint name.

``AutoModelFor...`` imports them when it reads the files: most of what a text archive imports, and
no import statement says so. See https://huggingface.co/docs/transformers/main_classes/configuration
for ``architectures``, and ``tokenizer_class`` of tokenizers.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

_MAX_BYTES = 1 << 20
_MAX_FOLDERS = 20
_MAX_CLASSES = 10
_MAX_NAME = 100


def classes_of(model_dir: Path) -> tuple[str, ...]:
    """Return the names of classes that files in a folder, or in folders in it, ask for.

    What cannot be read names none.
    """
    folders = [model_dir]
    with contextlib.suppress(OSError):
        folders += sorted(path for path in model_dir.iterdir() if path.is_dir())[:_MAX_FOLDERS]
    names: dict[str, None] = {}
    for folder in folders:
        architectures = _read(folder / "config.json").get("architectures")
        found = architectures if isinstance(architectures, list) else []
        tokenizer = _read(folder / "tokenizer_config.json").get("tokenizer_class")
        # Either may be what is used.
        found = [*found, tokenizer, f"{tokenizer}Fast"] if isinstance(tokenizer, str) else found
        names |= dict.fromkeys(name for name in found if _is_name(name))
    return tuple(names)[:_MAX_CLASSES]


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= _MAX_NAME
        and value.isascii()
        and value.isidentifier()
    )


def _read(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if file.is_file():
            with file.open("rb") as opened:
                fields = json.loads(opened.read(_MAX_BYTES))
            if isinstance(fields, dict):
                return fields
    return {}

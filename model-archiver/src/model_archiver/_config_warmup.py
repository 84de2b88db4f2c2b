"""The key ``warmup`` of model-config.yaml: inputs that run before a worker is ready."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from model_archiver._config_values import WrongValue, shown

_KEYS = ("file", "body", "contentType", "route", "repeat", "batchSizes")
_MAX_ENTRIES = 32
_MAX_REPEAT = 100
_MAX_SIZES = 16
_MAX_BATCH_SIZE = 4096
_MAX_TEXT = 256
_TYPE = re.compile(r"[!-.0-~]+/[!-:<-~]+(?:;[ -~]*)?")
_ROUTE = re.compile(r"/?[!-~]+")
_LIST = "a list of names of files, or of maps with file or body"
_FILE = "the name of a file in the model's folder"
_SIZES = f"a list of 1 to {_MAX_SIZES} whole numbers from 1 to {_MAX_BATCH_SIZE}"


def check_warmup(value: Any) -> str | None:
    """Refuse what the server refuses; say so of a value that it leaves to the handler."""
    if not isinstance(value, list):
        if isinstance(value, dict) and not {"file", "body"}.isdisjoint(value):
            raise WrongValue(_LIST)
        return f"expected {_LIST}; the server leaves it to the handler"
    if len(value) > _MAX_ENTRIES:
        raise WrongValue(f"a list of at most {_MAX_ENTRIES} files or maps")
    for index, entry in enumerate(value):
        if isinstance(entry, str):
            _check_file(f"[{index}]", entry)
        elif isinstance(entry, dict):
            _check_entry(f"[{index}]", entry)
        else:
            raise _wrong(f"[{index}]", entry, "the name of a file, or a map with file or body")
    return None


def files_of_warmup(document: Mapping[Any, Any]) -> list[str]:
    """Return the files of the archive that a checked configuration names."""
    value = document.get("warmup")
    entries = value if isinstance(value, list) else []
    named = [entry.get("file") if isinstance(entry, dict) else entry for entry in entries]
    return [str(PurePosixPath(name)) for name in named if name is not None]


def _check_entry(place: str, entry: Mapping[Any, Any]) -> None:
    for key, value in entry.items():
        if key not in _KEYS:
            raise _wrong(f"{place}.{key}", value, f"only the keys {', '.join(_KEYS)}")
    file, body = entry.get("file"), entry.get("body")
    if (file is None) == (body is None):
        raise _wrong(place, entry, "a map with file or body, and only one of them")
    if file is not None:
        _check_file(f"{place}.file", file)
    elif not isinstance(body, str):
        try:
            json.dumps(body, allow_nan=False)
        except (TypeError, ValueError) as problem:
            expected = f"a text, or what JSON has; {problem}: put it between quotes"
            raise _wrong(f"{place}.body", body, expected) from None
    _check_text(f"{place}.contentType", entry.get("contentType"), _TYPE, "image/png")
    _check_text(f"{place}.route", entry.get("route"), _ROUTE, "/v1/chat/completions")
    repeat = entry.get("repeat")
    if repeat is not None and not _is_number(repeat, _MAX_REPEAT):
        raise _wrong(f"{place}.repeat", repeat, f"a whole number from 1 to {_MAX_REPEAT}")
    sizes = entry.get("batchSizes")
    if sizes is not None:
        if not isinstance(sizes, list) or not 1 <= len(sizes) <= _MAX_SIZES:
            raise _wrong(f"{place}.batchSizes", sizes, _SIZES)
        for size in sizes:
            if not _is_number(size, _MAX_BATCH_SIZE):
                raise _wrong(f"{place}.batchSizes", size, _SIZES)


def _check_file(place: str, name: Any) -> None:
    path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath()
    outside = path.is_absolute() or ".." in path.parts or not path.parts
    if outside or "\\" in name or not name.isprintable() or re.match(r"[A-Za-z]:", name):
        raise _wrong(place, name, _FILE)


def _check_text(place: str, value: Any, pattern: re.Pattern[str], example: str) -> None:
    fits = isinstance(value, str) and len(value) <= _MAX_TEXT and pattern.fullmatch(value)
    if value is not None and not fits:
        raise _wrong(place, value, f"a text of at most {_MAX_TEXT} characters, such as {example}")


def _is_number(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _wrong(place: str, value: Any, expected: str) -> WrongValue:
    return WrongValue(f"as warmup{place} {expected}", shown(value))

"""What ``warmup`` of model-config.yaml says: the inputs that run before a worker is ready.

The frontend and the archiver check the same when a model is registered and packed; here it is
checked where neither has looked, as with ``torchserve try``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ts._content_types import JSON, TEXT, content_type_of

KEY = "warmup"
MAX_ENTRIES = 32
MAX_REPEAT = 100
MAX_SIZES = 16
MAX_BATCH_SIZE = 4096
MAX_BATCH_BYTES = 1 << 30
"""Of the inputs of one batch together."""

_KEYS = ("file", "body", "contentType", "route", "repeat", "batchSizes")
_MAX_TEXT = 256
_TYPE = re.compile(r"[!-.0-~]+/[!-:<-~]+(?:;[ -~]*)?")
_ROUTE = re.compile(r"/?[!-~]+")


@dataclass(frozen=True, slots=True)
class WarmupEntry:
    """One input, and how it is to run.

    Attributes:
        name: What messages call it.
        content: The body of the request.
        route: What handlers read as ``url_path``; empty for a prediction.
        repeat: Runs at each size of a batch.
        sizes: The sizes; None for the smallest and the largest.
    """

    name: str
    content: bytes
    content_type: str
    route: str = ""
    repeat: int = 1
    sizes: tuple[int, ...] | None = None


def read_entries(
    config: Mapping[str, Any], model_dir: str, max_request_size: int
) -> list[WarmupEntry]:
    """Return the entries of a model; none if the key is no list, which is for the handler.

    Args:
        config: The content of model-config.yaml.
        model_dir: The folder of the model, in which the files are.
        max_request_size: Bytes that the body of a request may have.

    Raises:
        ValueError: Something is not as it has to be; the text names the entry, the key, the value
            and what was expected.
        OSError: A file cannot be read.
    """
    section = config.get(KEY)
    if not isinstance(section, list):
        if isinstance(section, dict) and not {"file", "body"}.isdisjoint(section):
            raise _wrong(KEY, section, "a list of names of files, or of maps with file or body")
        # Handlers of TorchServe 0.12 may have a key of this name for themselves.
        return []
    if len(section) > MAX_ENTRIES:
        raise _wrong(KEY, section, f"at most {MAX_ENTRIES} files or maps")
    if section and config.get("sequenceBatching") is True:
        raise ValueError(
            "warmup is set beside sequenceBatching in model-config.yaml: a warm-up belongs to no"
            " sequence; leave out one of them"
        )
    return [
        _read(f"{KEY}[{index}]", value, Path(model_dir), max_request_size)
        for index, value in enumerate(section)
    ]


def _read(place: str, value: Any, folder: Path, max_request_size: int) -> WarmupEntry:
    entry: Any = {"file": value} if isinstance(value, str) else value
    if not isinstance(entry, dict):
        raise _wrong(place, value, "the name of a file, or a map with file or body")
    for key in entry:
        if key not in _KEYS:
            raise _wrong(place, f"{key}: ...", f"the keys {', '.join(_KEYS)}")
    file, body = entry.get("file"), entry.get("body")
    if (file is None) == (body is None):
        given = "neither file nor body" if file is None else "both file and body"
        raise ValueError(f"{place} has {given} in model-config.yaml, expected one of them")
    if file is not None:
        content, content_type = _content_of(place, file, folder, max_request_size)
    elif isinstance(body, str):
        content, content_type = body.encode("utf-8"), TEXT
    else:
        content, content_type = _encode_json(place, body), JSON
    if len(content) > max_request_size:
        raise ValueError(
            f"{place} has {len(content)} bytes in model-config.yaml, the limit max_request_size is"
            f" {max_request_size}"
        )
    return WarmupEntry(
        name=f"{place} ({file})" if file is not None else place,
        content=content,
        content_type=_text(place, entry, "contentType", _TYPE, "such as image/png") or content_type,
        route=_text(place, entry, "route", _ROUTE, "such as /v1/chat/completions").strip("/"),
        repeat=_number(f"{place}.repeat", entry.get("repeat", 1), MAX_REPEAT),
        sizes=_sizes(f"{place}.batchSizes", entry.get("batchSizes")),
    )


def _content_of(place: str, name: Any, folder: Path, max_request_size: int) -> tuple[bytes, str]:
    if not isinstance(name, str) or not _stays_inside(name):
        raise _wrong(f"{place}.file", name, "the name of a file in the model's folder")
    path = folder / name
    if not path.is_file():
        raise ValueError(
            f"{place}.file is {name!r} in model-config.yaml, which is not in the model's folder;"
            " pack it with --extra-files"
        )
    with path.open("rb") as file:
        return file.read(max_request_size + 1), content_type_of(name)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and not re.match(r"[A-Za-z]:", name)
    return bool(path.parts) and plain and not path.is_absolute() and ".." not in path.parts


def _encode_json(place: str, body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{place}.body is no JSON in model-config.yaml: {error}; put it between quotes"
        ) from error


def _text(
    place: str, entry: Mapping[str, Any], key: str, pattern: re.Pattern[str], example: str
) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not pattern.fullmatch(value):
        raise _wrong(f"{place}.{key}", value, f"a text of at most {_MAX_TEXT} bytes, {example}")
    return value


def _sizes(place: str, value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_SIZES:
        raise _wrong(place, value, f"a list of 1 to {MAX_SIZES} whole numbers")
    return tuple(dict.fromkeys(_number(place, size, MAX_BATCH_SIZE) for size in value))


def _number(place: str, value: Any, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise _wrong(place, value, f"a whole number from 1 to {most}")
    return value


def _wrong(place: str, value: Any, expected: str) -> ValueError:
    shown = "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else None
    return ValueError(
        f"{place} is {shown or repr(value)[:200]} in model-config.yaml, expected {expected}"
    )

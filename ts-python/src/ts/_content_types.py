"""The content type with which a file is sent, by its name."""

from __future__ import annotations

from pathlib import PurePath

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BINARY = "application/octet-stream"

_BY_SUFFIX = {".json": JSON, ".txt": TEXT}


def content_type_of(name: str | PurePath) -> str:
    """Return the type of a file: JSON and text are decoded for handlers, all else is bytes."""
    return _BY_SUFFIX.get(PurePath(name).suffix.lower(), BINARY)

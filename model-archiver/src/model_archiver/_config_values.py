"""What the checks of model-config.yaml say about a value."""

from __future__ import annotations

from typing import Any


class WrongValue(Exception):
    """A value that the server refuses; the text says what was expected.

    Args:
        expected: What the server takes.
        shown: The value, if it is not the whole one.
    """

    def __init__(self, expected: str, shown: str | None = None) -> None:
        super().__init__(expected)
        self.shown = shown


def shown(value: Any) -> str:
    """Return a value as messages show it."""
    if isinstance(value, (dict, list)):
        return "a map" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 100 else text[:100] + "..."

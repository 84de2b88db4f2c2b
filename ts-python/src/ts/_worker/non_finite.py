"""NaN and the infinities in values that become JSON, which cannot express them (RFC 8259).

Looked for only where the encoder has stumbled over one: values without them cost nothing.
"""

from __future__ import annotations

import enum
import json
import math
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

MESSAGE = "The response cannot be sent as JSON"
_ADVICE = "JSON has no such number. json_nan=null sends null, json_nan=literal the word"
_MAX_KEY = 100
_MAX_STEPS = 20
"""Of a longer path the beginning and the end are shown."""


class JsonNan(enum.Enum):
    """The setting ``json_nan``: what becomes of a number that JSON has no word for."""

    ERROR = "error"
    NULL = "null"
    LITERAL = "literal"

    @classmethod
    def of_environment(cls) -> JsonNan:
        """Return what ``TS_JSON_NAN`` says; the frontend sets it for every worker."""
        try:
            return cls(os.environ.get("TS_JSON_NAN", "error").lower())
        except ValueError:
            return cls.ERROR


class NotFiniteError(ValueError):
    """A value holds NaN or an infinity, and may not be sent as JSON.

    Attributes:
        message: Names the place, such as ``[0]["scores"][3] is NaN``.
        advice: What to do about it.
    """

    advice = f"{_ADVICE}."

    def __init__(self, place: str) -> None:
        super().__init__(f"{place}. {_ADVICE}")
        self.message = f"{MESSAGE}: {place}"


class Found(NamedTuple):
    """What was found in a value.

    Attributes:
        place: Such as ``["scores"][3] is NaN``; None if every number is finite.
        key: Whether a key before that place is a number that is not finite.
    """

    place: str | None
    key: bool


def find_not_finite(value: Any) -> Found:
    """Return the place of the first number in `value` that is not finite.

    The order is that of the encoder, and the search ends where the value contains itself, as the
    encoder does. Keys are no such place: they become texts, which may say ``NaN``.
    """
    if isinstance(value, float):
        return Found(None if math.isfinite(value) else f"the value is {_word(value)}", False)
    key = False
    path: list[Any] = []
    stack = [_children(value)]
    open_ids = [id(value)]
    while stack:
        for step, item in stack[-1]:
            key = key or (isinstance(step, float) and not math.isfinite(step))
            if isinstance(item, float):
                if not math.isfinite(item):
                    return Found(f"{_shown([*path, step])} is {_word(item)}", key)
            elif isinstance(item, (dict, list, tuple)):
                if id(item) in open_ids:
                    return Found(None, False)
                path.append(step)
                stack.append(_children(item))
                open_ids.append(id(item))
                break
        else:
            stack.pop()
            open_ids.pop()
            del path[-1:]
    return Found(None, key)


def without_not_finite(value: Any) -> Any:
    """Return a copy of `value` with None for numbers that are not finite; keys become texts.

    Raises `RecursionError` where `value` is nested very deeply, or contains itself.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): without_not_finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_not_finite(item) for item in value]
    return value


def _key(key: Any) -> Any:
    return _word(key) if isinstance(key, float) and not math.isfinite(key) else key


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    if isinstance(value, (list, tuple)):
        return iter(enumerate(value))
    return iter(())


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shown(path: list[Any]) -> str:
    if len(path) > _MAX_STEPS:
        half = _MAX_STEPS // 2
        return f"{_shown(path[:half])}...{_shown(path[-half:])}"
    return "".join(f"[{_step(step)}]" for step in path)


def _step(step: Any) -> str:
    if isinstance(step, str):
        return json.dumps(step if len(step) <= _MAX_KEY else step[:_MAX_KEY] + "...")
    return str(step)[:_MAX_KEY]

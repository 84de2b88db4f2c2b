"""Plain data of what models and their libraries make: arrays, tensors, dataclasses and the like.

Looked for only where the encoder of JSON has met something that it does not know. No library is
imported for it: what has a value of a library has imported the library.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import os
import uuid
from collections.abc import Callable
from typing import Any

_PLAIN = (str, int, float, bool, type(None))
_AS_TEXT = (uuid.UUID, os.PathLike)
_MOMENTS = (datetime.date, datetime.time)


def to_plain(value: Any) -> Any:
    """Return `value` as dicts, lists, texts and numbers; `value` itself if it is that already.

    Arrays and what else has ``tolist()`` become lists, numpy scalars numbers, dataclasses and
    pydantic models objects, members of an `enum.Enum` their values, moments texts of ISO 8601,
    UUIDs and paths texts. What is none of these stays as it is, wherever it stands, and so does a
    value that contains itself or is nested too deeply: the encoder then says what is wrong.
    """
    try:
        return _plain(value, set())
    except (_CircularError, RecursionError):
        return value


class _CircularError(Exception):
    """The value contains itself."""


def _plain(value: Any, open_ids: set[int]) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if id(value) in open_ids:
        raise _CircularError
    open_ids.add(id(value))
    plain: Any
    if isinstance(value, dict):
        plain = _plain_dict(value, open_ids)
    elif isinstance(value, (list, tuple)):
        items = [_plain(item, open_ids) for item in value]
        plain = items if any(map(_differ, items, value)) else value
    else:
        plain = _converted(value)
        if plain is not value:
            plain = _plain(plain, open_ids)
    open_ids.discard(id(value))
    return plain


def _plain_dict(value: dict[Any, Any], open_ids: set[int]) -> dict[Any, Any]:
    changed = False
    plain = {}
    for key, item in value.items():
        # A list is no key of an object, but what is one is turned into a text by the encoder.
        new_key = key if isinstance(key, (*_PLAIN, tuple)) else _converted(key)
        new_item = _plain(item, open_ids)
        changed = changed or new_key is not key or new_item is not item
        plain[new_key] = new_item
    return plain if changed else value


def _differ(one: Any, other: Any) -> bool:
    return one is not other


def _converted(value: Any) -> Any:
    """Return what one value stands for, whose parts need not be plain; or the value itself."""
    kind = type(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, _MOMENTS):
        return value.isoformat()
    if isinstance(value, _AS_TEXT):
        return str(value)
    to_list = getattr(kind, "tolist", None)
    if callable(to_list):
        return _of_array(value, to_list)
    if dataclasses.is_dataclass(kind):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):
        return _of_pydantic_model(value)
    if hasattr(kind, "__fields__") and callable(getattr(kind, "dict", None)):
        return value.dict()  # pydantic 1
    return value


def _of_array(value: Any, to_list: Callable[[Any], Any]) -> Any:
    """Return the numbers of a numpy or torch value, or of anything that has a ``tolist``."""
    if getattr(getattr(value, "dtype", None), "kind", None) == "M":
        value = value.astype(str)  # moments in the words of numpy, which are ISO 8601
    plain = to_list(value)
    # Of numbers that Python has no type for, such as numpy.longdouble, it is the number itself.
    return float(plain) if type(plain) is type(value) else plain


def _of_pydantic_model(value: Any) -> Any:
    try:
        return value.model_dump(mode="json")
    except ValueError:
        # A field of a type that pydantic cannot write, such as an array: perhaps we can.
        return value.model_dump()

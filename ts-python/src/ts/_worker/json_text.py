"""``json.dumps(value, indent=2)``, the same text in less time.

With an indent Python's own encoder does not use its C part. Here the C encoder writes every list
or object that holds only scalars, and every evenly nested list of numbers; only what stands
around them is Python.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from json.encoder import encode_basestring_ascii
from typing import Any

from ts._worker.non_finite import JsonNan, NotFiniteError, find_not_finite, without_not_finite
from ts._worker.plain_values import to_plain

_INDENT = "  "
_NUMBERS = frozenset((int, float, bool, type(None)))
_SCALARS = _NUMBERS | {str}
_MAX_LEVELS = 32


def dumps_indented(value: Any, nan: JsonNan = JsonNan.ERROR) -> str:
    """Return exactly ``json.dumps(value, indent=2)``, or raise what that raises.

    What JSON does not know, such as an array, is written as `to_plain` says.

    Args:
        value: What to write.
        nan: What becomes of NaN and the infinities: an error, null, or the words that
            ``json.dumps`` writes, which are no JSON.

    Raises `NotFiniteError` for a number that is not finite, where that is an error.
    """
    return _dumps(value, nan, _indented)


def dumps_compact(value: Any, nan: JsonNan = JsonNan.ERROR) -> str:
    """Return ``json.dumps(value)``; arguments and errors are those of `dumps_indented`."""
    return _dumps(value, nan, _compact)


class _Encoders(dict[int, json.JSONEncoder]):
    """The encoders whose separators are those of elements at a level, made when one is needed."""

    def __init__(self, *, allow_nan: bool) -> None:
        super().__init__()
        self.allow_nan = allow_nan

    def __missing__(self, level: int) -> json.JSONEncoder:
        separators = (",\n" + _INDENT * level, ": ")
        encoder = json.JSONEncoder(separators=separators, allow_nan=self.allow_nan)
        self[level] = encoder
        return encoder


_STRICT = _Encoders(allow_nan=False)
_LITERAL = _Encoders(allow_nan=True)


def _dumps(value: Any, nan: JsonNan, write: Callable[[Any, _Encoders], str]) -> str:
    try:
        return write(value, _STRICT)
    except ValueError:
        # A number that is not finite, or what the library refuses whatever the setting says.
        value = to_plain(value)
        if nan is JsonNan.LITERAL:
            return write(value, _LITERAL)
        found = find_not_finite(value)
        if found.place is not None and nan is JsonNan.ERROR:
            raise NotFiniteError(found.place) from None
        if found.place is None and not found.key:
            raise
    return write(without_not_finite(value), _STRICT)


def _compact(value: Any, encoders: _Encoders) -> str:
    try:
        return json.dumps(value, allow_nan=encoders.allow_nan)
    except TypeError:
        return json.dumps(to_plain(value), allow_nan=encoders.allow_nan)


def _indented(value: Any, encoders: _Encoders) -> str:
    if type(value) is str:
        return encode_basestring_ascii(value)
    text = _quickly(value, encoders)
    if text is None:
        plain = to_plain(value)
        text = None if plain is value else _quickly(plain, encoders)
        if text is None:
            text = json.dumps(plain, indent=2, allow_nan=encoders.allow_nan)
    return text


def _quickly(value: Any, encoders: _Encoders) -> str | None:
    """Return the text of plain lists and objects; None if the library's encoder is needed."""
    if type(value) is not dict and type(value) is not list:
        return None
    out: list[str] = []
    try:
        _write(value, 0, out, encoders)
    except _NotPlainError:
        return None
    return "".join(out)


class _NotPlainError(Exception):
    """The value holds something only the library's encoder knows how to write."""


def _write(value: Any, level: int, out: list[str], encoders: _Encoders) -> None:
    kind = type(value)
    if kind is list or kind is tuple:
        _write_list(value, level, out, encoders)
    elif kind is dict:
        _write_dict(value, level, out, encoders)
    elif kind in _SCALARS:
        out.append(encoders[0].encode(value))
    else:
        raise _NotPlainError


def _write_list(
    value: list[Any] | tuple[Any, ...], level: int, out: list[str], encoders: _Encoders
) -> None:
    if not value:
        out.append("[]")
        return
    kinds = set(map(type, value))
    if kinds <= _SCALARS:
        out.append(_pad("[", encoders[level + 1].encode(value), "]", level))
        return
    if level >= _MAX_LEVELS:
        # Very deep, or it contains itself: the library knows what to say.
        raise _NotPlainError
    if kinds <= {list, tuple}:
        text = _nested_numbers(value, level, encoders)
        if text is not None:
            out.append(text)
            return
    separator = ",\n" + _INDENT * (level + 1)
    out.append("[" + separator[1:])
    for index, item in enumerate(value):
        if index:
            out.append(separator)
        _write(item, level + 1, out, encoders)
    out.append("\n" + _INDENT * level + "]")


def _write_dict(value: dict[Any, Any], level: int, out: list[str], encoders: _Encoders) -> None:
    if not value:
        out.append("{}")
        return
    if not all(type(key) is str for key in value):
        raise _NotPlainError
    if set(map(type, value.values())) <= _SCALARS:
        out.append(_pad("{", encoders[level + 1].encode(value), "}", level))
        return
    if level >= _MAX_LEVELS:
        raise _NotPlainError
    separator = ",\n" + _INDENT * (level + 1)
    first = True
    for key, item in value.items():
        out.append("{" + separator[1:] if first else separator)
        first = False
        out.append(encode_basestring_ascii(key))
        out.append(": ")
        _write(item, level + 1, out, encoders)
    out.append("\n" + _INDENT * level + "}")


def _pad(opening: str, text: str, closing: str, level: int) -> str:
    """Put the line breaks inside the brackets of a list or object written on one level."""
    outer = "\n" + _INDENT * level
    return f"{opening}{outer}{_INDENT}{text[1:-1]}{outer}{closing}"


def _nested_numbers(
    value: list[Any] | tuple[Any, ...], level: int, encoders: _Encoders
) -> str | None:
    """Write lists of lists ... of numbers, all equally deep and none empty; else return None.

    The C encoder puts the innermost separator everywhere. Numbers contain no brackets, so the
    separators between lists can be found by the brackets around them, outermost first.
    """
    depth = 1
    row = value
    while type(row[0]) is list or type(row[0]) is tuple:
        depth += 1
        row = row[0]
        if not row or depth > _MAX_LEVELS:
            return None
    rows: list[Any] = list(value)
    for _ in range(depth - 2):
        if not all(rows) or not set(map(type, rows)) <= {list, tuple}:
            return None
        rows = list(chain.from_iterable(rows))
    if not all(rows) or not set(map(type, rows)) <= {list, tuple}:
        return None
    if not set(map(type, chain.from_iterable(rows))) <= _NUMBERS:
        return None
    innermost = ",\n" + _INDENT * (level + depth)
    text = encoders[level + depth].encode(value)
    for closed in range(depth - 1, 0, -1):
        text = text.replace(
            "]" * closed + innermost + "[" * closed,
            _closing(level + depth - 1, closed) + "," + _opening(level + depth - closed, closed),
        )
    opening = _opening(level, depth).lstrip()
    return opening + text[depth:-depth] + _closing(level + depth - 1, depth)


def _opening(level: int, count: int) -> str:
    """Return `count` brackets opened from `level` inwards, and the first element's line."""
    lines = ["\n" + _INDENT * (level + i) + "[" for i in range(count)]
    return "".join(lines) + "\n" + _INDENT * (level + count)


def _closing(level: int, count: int) -> str:
    """Return `count` brackets closed from `level` outwards."""
    return "".join("\n" + _INDENT * (level - i) + "]" for i in range(count))

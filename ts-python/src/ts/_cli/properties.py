"""Reads Java properties files as `java.util.Properties.load` does.

The frontend reads the same files with Java's own class; a second syntax here would give one
file two meanings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_BLANKS = " \t\f"
_SEPARATORS = "=:"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_properties(path: Path) -> dict[str, str]:
    r"""Return the keys and trimmed values of a file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds a malformed `\uXXXX` escape.
    """
    values = parse_properties(_decode(path.read_bytes()))
    return {key: value.strip() for key, value in values.items()}


def _decode(data: bytes) -> str:
    """Files in ISO-8859-1 are no valid UTF-8 as soon as they hold more than ASCII.

    The mark that some editors put in front of UTF-8 is no part of the first key.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("iso-8859-1")


def parse_properties(text: str) -> dict[str, str]:
    """Return the keys and values of a text; of a key given twice the last value counts."""
    return dict(_split(line) for line in _logical_lines(text))


def _logical_lines(text: str) -> Iterator[str]:
    """Join continued lines; drop comments and blank lines. Only CR, LF and CRLF end a line."""
    logical = ""
    continued = False
    for natural in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        line = natural.lstrip(_BLANKS)
        if not continued and (not line or line[0] in "#!"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        continued = backslashes % 2 == 1
        logical += line[:-1] if continued else line
        if not continued:
            yield logical
            logical = ""
    if logical:
        yield logical


def _split(line: str) -> tuple[str, str]:
    end = 0
    while end < len(line) and line[end] not in _BLANKS + _SEPARATORS:
        end += 2 if line[end] == "\\" else 1
    value = line[end:].lstrip(_BLANKS)
    if value[:1] and value[0] in _SEPARATORS:
        value = value[1:].lstrip(_BLANKS)
    return _unescape(line[:end]), _unescape(value)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain: list[str] = []
    rest = iter(text)
    for character in rest:
        if character != "\\":
            plain.append(character)
            continue
        escaped = next(rest, "")
        if escaped == "u":
            digits = "".join(next(rest, "") for _ in range(4))
            if len(digits) != 4 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise ValueError(f"malformed \\uXXXX escape: \\u{digits}")
            plain.append(chr(int(digits, 16)))
        else:
            plain.append(_ESCAPES.get(escaped, escaped))
    return "".join(plain)

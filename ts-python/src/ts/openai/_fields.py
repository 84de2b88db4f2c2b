"""Reads the members of a request's body, each with its type and its limits."""

from __future__ import annotations

import json
import math
from typing import Any

from ts.openai._errors import OpenAIError

_MAX_SHOWN = 60
_BAD_REQUEST = 400


def body_of(value: Any) -> dict[str, Any]:
    """Return the body as an object.

    Args:
        value: What the handler was given: an object, or the bytes of one.

    Raises:
        OpenAIError: 400, it is not a JSON object in UTF-8.
    """
    if isinstance(value, (bytes, bytearray, str)):
        try:
            value = json.loads(value)
        except UnicodeDecodeError as error:
            raise OpenAIError(_BAD_REQUEST, f"The body is not text in UTF-8: {error}.") from error
        except json.JSONDecodeError as error:
            raise OpenAIError(_BAD_REQUEST, f"The body is not JSON: {error}.") from error
        except RecursionError as error:
            message = "The body is nested too deeply, expected a plain request."
            raise OpenAIError(_BAD_REQUEST, message) from error
        except ValueError as error:  # the limit of the interpreter
            message = "The body has a number of too many digits, expected a plain request."
            raise OpenAIError(_BAD_REQUEST, message) from error
    if not isinstance(value, dict):
        message = f"The body is {shown(value)}, expected a JSON object."
        raise OpenAIError(_BAD_REQUEST, message)
    return value


def shown(value: Any) -> str:
    """Return a value for an error message: its kind if it is large, else itself."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (dict, list)):
        return f"a list of {len(value)}" if isinstance(value, list) else "an object"
    if isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN:
        return "a number of very many digits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def wrong(param: str, value: Any, expected: str) -> OpenAIError:
    """Return the error for a member with a wrong value."""
    return OpenAIError(
        _BAD_REQUEST, f"{param} is {shown(value)}, expected {expected}.", param, "invalid_value"
    )


def unbroken(param: str, text: str) -> str:
    """Return a text that can be sent on as UTF-8.

    Raises:
        OpenAIError: 400, it has half of a surrogate pair, as a cut escape of JSON leaves.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            found = f"\\u{ord(text[error.start]):04x} at character {error.start}"
            message = f"{param} has {found}, half of a surrogate pair, expected whole characters."
            raise OpenAIError(_BAD_REQUEST, message, param, "invalid_value") from error
    return text


class Fields:
    """The members of a body. An absent one and null are the same.

    Args:
        body: The object.
        prefix: What stands before the names in errors, with its dot.
    """

    def __init__(self, body: dict[str, Any], prefix: str = "") -> None:
        self.body = body
        self._prefix = prefix

    def flag(self, name: str, absent: bool = False) -> bool:
        """Return a boolean."""
        value = self.body.get(name)
        if value is None:
            return absent
        if not isinstance(value, bool):
            raise wrong(self._prefix + name, value, "true or false")
        return value

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, str):
            raise wrong(name, value, "a text")
        return value if value is None else unbroken(name, value)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number of the range."""
        value = self.body.get(name)
        if value is None:
            return None
        if type(value) is not int or not low <= value <= high:
            raise wrong(name, value, f"a whole number from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float, absent: float) -> float:
        """Return a number of the range."""
        value = self.body.get(name)
        if value is None:
            return absent
        is_number = type(value) in (int, float)
        # Compared before it becomes a float: a whole number may be too large for one.
        if not is_number or value != value or not low <= value <= high or math.isinf(value):
            raise wrong(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def texts(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        """Return a text or a list of texts, none of them empty."""
        value = self.body.get(name)
        if value is None:
            return ()
        values = value if isinstance(value, list) else [value]
        expected = f"a text or a list of at most {most}, each of 1 to {longest} characters"
        if len(values) > most:
            raise wrong(name, value, expected)
        for each in values:
            if not isinstance(each, str) or not 1 <= len(each) <= longest:
                raise wrong(name, each, expected)
        return tuple(unbroken(name, each) for each in values)

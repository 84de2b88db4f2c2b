"""Requests and responses, whatever carries them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from ts.client._errors import ServerError

Input: TypeAlias = (
    bytes
    | bytearray
    | memoryview
    | str
    | Path
    | BinaryIO
    | dict[str, Any]
    | list[Any]
    | int
    | float
    | None
)
"""What can be sent to a model: bytes, a text, the content of a file, or a value of JSON."""

T = TypeVar("T")
_OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Response:
    """What the server answered.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name; of a header that came twice the last value.
        content: The body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8")

    @property
    def value(self) -> Any:
        """The body by its content type: a value of JSON, a text, else bytes."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return json.loads(self.content)
        return self.text if kind.startswith("text/") else self.content

    def raise_for_status(self) -> Response:
        """Return this response; raise `ServerError` if it is an error."""
        if self.status >= 400:
            raise ServerError.of(self.status, self.content, self.headers.get("x-request-id", ""))
        return self


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """A request, and how its response is read.

    Attributes:
        api: ``inference``, ``management`` or ``metrics``: which listener, which token.
        path: Encoded, with the query.
        parse: Turns the response into what the caller gets; may raise `ServerError`.
    """

    api: str
    method: str
    path: str
    parse: Callable[[Response], T]
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def path_of(*segments: str, **query: Any) -> str:
    """Return a path of encoded segments, with what of the query is not None."""
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    given = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }
    return f"{path}?{urlencode(given)}" if given else path


def encode_input(
    data: Input, parts: Mapping[str, Input] | None, content_type: str | None
) -> tuple[bytes, str]:
    """Return a body and its content type.

    Args:
        data: The body; with `parts` it has to be None.
        parts: Named values, which become a form (``multipart/form-data``).
        content_type: In place of the one that the type of `data` has.

    Raises `TypeError` for a value that has no such form.
    """
    if parts is None:
        body, usual = _encode_value(data)
        return body, content_type or usual
    if data is not None:
        raise TypeError("expected either data or parts, not both")
    boundary = secrets.token_hex(16)
    return _form(parts, boundary), f"multipart/form-data; boundary={boundary}"


def _encode_value(data: Input) -> tuple[bytes, str]:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), _OCTETS
    if isinstance(data, str):
        return data.encode("utf-8"), "text/plain; charset=utf-8"
    if isinstance(data, Path):
        return data.read_bytes(), _OCTETS
    read = getattr(data, "read", None)
    if read is not None:
        content = read()
        if not isinstance(content, bytes):
            raise TypeError("expected a file that is open in binary mode")
        return content, _OCTETS
    try:
        return json.dumps(data).encode("utf-8"), "application/json"
    except TypeError as error:
        raise TypeError(
            f"{type(data).__name__} cannot be sent: {error}; expected bytes, str, a Path, an open "
            "file, or a value of JSON (a numpy array: array.tolist() or array.tobytes())"
        ) from None


def _form(parts: Mapping[str, Input], boundary: str) -> bytes:
    out: list[bytes] = []
    for name, value in parts.items():
        body, content_type = _encode_value(value)
        shown = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        out.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{shown}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n".encode()
            + body
            + b"\r\n"
        )
    return b"".join([*out, f"--{boundary}--\r\n".encode()])

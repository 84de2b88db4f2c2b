"""Responses of `ts.launcher` where the package `requests` is not installed.

A `Response` offers what users of `requests.Response` read: the same names, the same meanings.
"""

from __future__ import annotations

import codecs
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from email.message import Message
from typing import Any

_FIRST_ERROR = 400
_FIRST_SERVER_ERROR = 500
_END_OF_ERRORS = 600


class HTTPError(OSError):
    """A response with a status of 400 to 599; `response` holds it."""

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message)
        self.response = response


class Headers(Mapping[str, str]):
    """Header fields, found by name in any case; several of one name are joined by commas."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs: dict[str, tuple[str, str]] = {}
        for name, value in pairs:
            known = self._pairs.get(name.lower())
            joined = (known[0], f"{known[1]}, {value}") if known else (name, value)
            self._pairs[name.lower()] = joined

    def __getitem__(self, name: str) -> str:
        return self._pairs[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs.values())

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        return str(dict(self.items()))


class Response:
    """A response of a server, whatever its status; its body is read already.

    Attributes:
        status_code: The status, such as 200.
        reason: The status in words, such as ``OK``.
        headers: The header fields, found by name in any case.
        content: The body.
        url: What was asked for.
        encoding: The charset of `text`; may be set.
        elapsed: The time from the request until the whole response was there.
        history: Always empty: redirections are not followed.
    """

    def __init__(
        self,
        status_code: int,
        reason: str,
        headers: Headers,
        content: bytes,
        url: str,
        elapsed: timedelta = timedelta(0),
    ) -> None:
        self.status_code = status_code
        self.reason = reason
        self.headers = headers
        self.content = content
        self.url = url
        self.elapsed = elapsed
        self.encoding: str | None = _charset(headers.get("Content-Type", ""))
        self.history: list[Response] = []

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < _FIRST_ERROR

    @property
    def is_redirect(self) -> bool:
        """Whether the response names another address to ask."""
        return "Location" in self.headers and self.status_code in (301, 302, 303, 307, 308)

    @property
    def apparent_encoding(self) -> str:
        """The charset that is taken where the response names none."""
        return "utf-8"

    @property
    def text(self) -> str:
        """The body as text; what is not in its charset is replaced."""
        return self.content.decode(self.encoding or self.apparent_encoding, errors="replace")

    def json(self, **options: Any) -> Any:
        """Return the body as JSON; `options` are those of `json.loads`.

        Raises:
            ValueError: It is no JSON.
        """
        return json.loads(self.content, **options)

    def raise_for_status(self) -> None:
        """Raise an `HTTPError` where the status is 400 to 599."""
        if not _FIRST_ERROR <= self.status_code < _END_OF_ERRORS:
            return
        whose = "Client" if self.status_code < _FIRST_SERVER_ERROR else "Server"
        raise HTTPError(
            f"{self.status_code} {whose} Error: {self.reason} for url: {self.url}", self
        )

    def iter_content(
        self, chunk_size: int | None = 1, decode_unicode: bool = False
    ) -> Iterator[Any]:
        """Return the body in pieces of `chunk_size` bytes; None gives it whole.

        Args:
            chunk_size: The length of a piece in bytes, 1 or more.
            decode_unicode: Give text, where the response names a charset.

        Raises:
            ValueError: `chunk_size` is 0 or negative.
        """
        size = max(len(self.content), 1) if chunk_size is None else chunk_size
        if size < 1:
            raise ValueError(f"Chunk size {size}, expected 1 or more bytes")
        pieces = (self.content[i : i + size] for i in range(0, len(self.content), size))
        if not decode_unicode or self.encoding is None:
            return pieces
        return _decoded(pieces, self.encoding)

    def iter_lines(
        self,
        chunk_size: int = 512,
        decode_unicode: bool = False,
        delimiter: bytes | str | None = None,
    ) -> Iterator[Any]:
        """Return the lines of the body without their ends; `chunk_size` has no effect."""
        body: Any = self.text if decode_unicode and self.encoding else self.content
        return iter(body.splitlines() if delimiter is None else body.split(delimiter))

    def close(self) -> None:
        """Do nothing: the connection is closed already."""

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[bytes]:
        return self.iter_content(128)

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


class _NoRedirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def post(url: str) -> Response:
    """Send a POST without a body, straight to the server and by no proxy.

    Raises:
        urllib.error.URLError: No server answers there.
    """
    request = urllib.request.Request(url, method="POST")  # noqa: S310 - an http address of ours
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirections)
    began = time.monotonic()
    try:
        answer: Any = opener.open(request)
    except urllib.error.HTTPError as error:  # a response too, of a status that is not 2xx
        answer = error
    with answer:
        content = answer.read()
    elapsed = timedelta(seconds=time.monotonic() - began)
    headers = Headers(answer.headers.items())
    return Response(answer.status, answer.reason, headers, content, answer.url or url, elapsed)


def _charset(content_type: str) -> str | None:
    message = Message()
    message["Content-Type"] = content_type
    charset = message.get_content_charset()
    if charset is None:
        return "utf-8" if content_type.lower().startswith("application/json") else None
    try:
        return codecs.lookup(charset).name
    except LookupError:
        return None


def _decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text

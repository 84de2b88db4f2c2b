"""What can go wrong between a client and a server."""

from __future__ import annotations

import json


class ClientError(Exception):
    """The base of what clients raise."""


class ServerUnreachable(ClientError, ConnectionError):
    """There is no connection to the server, or it ended before the response did."""


class RequestTimeout(ClientError, TimeoutError):
    """The server did not respond within the time that the client gives it."""


class ModelFailed(ClientError):
    """A model cannot be loaded; the text names it and the cause."""


class ServerError(ClientError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
        type: The kind of error, such as ``ModelNotFoundException``; "" if it has none.
        message: What was wrong.
        detail: The cause; "" if the server tells none.
        request_id: By which the server's access log knows the request; "" if unknown.
    """

    def __init__(
        self, status: int, type: str, message: str, detail: str = "", request_id: str = ""
    ) -> None:
        super().__init__(f"{status} {message}" + (f": {detail}" if detail else ""))
        self.status = status
        self.type = type
        self.message = message
        self.detail = detail
        self.request_id = request_id

    @classmethod
    def of(cls, status: int, body: bytes, request_id: str = "") -> ServerError:
        """Read the body of a response; one that is no error of the server's is the message."""
        try:
            said = json.loads(body)
            message = str(said["message"])
        except (ValueError, KeyError, TypeError):
            text = body[:2000].decode("utf-8", "replace").strip()
            return cls(status, "", text or "no response body", "", request_id)
        detail, kind = str(said.get("detail") or ""), str(said.get("type") or "")
        return cls(status, kind, message, detail, request_id)

"""Errors as clients of the OpenAI API read them."""

from __future__ import annotations

from typing import Any

from ts.handler import RequestError

_TYPES = {401: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error"}
_SERVER_ERROR = 500


class OpenAIError(RequestError):
    """An error whose body tells the parameter that was wrong, and a word for programs.

    Args:
        status: 400 to 599.
        message: What was wrong, the value, and what was expected.
        param: The member of the request's body.
        code: A word that programs compare, such as ``context_length_exceeded``.
    """

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(status, message)
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """Return the body of the response."""
        kind = "server_error" if self.status >= _SERVER_ERROR else "invalid_request_error"
        return {
            "error": {
                "message": self.message,
                "type": _TYPES.get(self.status, kind),
                "param": self.param,
                "code": self.code,
            }
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.message, self.param, self.code)


def error_result(error: OpenAIError, context: Any, index: int = 0) -> dict[str, Any]:
    """Return the result for a request that failed, and set its status.

    Args:
        error: What was wrong.
        context: The handler's context.
        index: The request in the batch.
    """
    context.set_response_status(error.status, "", index)
    context.set_response_content_type(index, "application/json")
    return error.body()

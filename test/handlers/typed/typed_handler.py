"""A handler with types. mypy, which is strict here, shows that a user's types fit those of `ts`.

Each line with ``type: ignore`` is a mistake that mypy finds: an ignore that nothing needs is an
error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from ts.context import Context as OldContext
from ts.handler import AsyncHandler, Context, Data, Handler, RequestError, Results
from ts.handler_utils.utils import send_intermediate_predict_response
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException


@dataclass
class Answer:
    """What a client gets."""

    text: str
    score: float


class Words:
    """A result for each request."""

    def initialize(self, context: Context) -> None:
        """Read the settings."""
        self.limit: int = context.model_yaml_config.get("limit", 100)
        self.folder: str = context.system_properties["model_dir"]

    def handle(self, data: Data, context: Context) -> Results:
        """Answer each request."""
        results: list[object] = []
        for index, row in enumerate(data):
            text = row.get("body")
            if not isinstance(text, str):
                results.append(RequestError(400, "expected text", {"X-Row": str(index)}))
                continue
            context.set_response_header(index, "x-length", len(text))
            results.append(Answer(text[: self.limit], 0.5))
        return results


class Stream:
    """Parts of one result."""

    def initialize(self, context: Context) -> None:
        """Load nothing."""

    def handle(self, data: Data, context: Context) -> Iterator[str]:
        """Yield words."""
        context.set_response_content_type(0, "text/plain")
        send_intermediate_predict_response([""], context.request_ids, "ok", 200, context)
        yield from data[0]["body"].split()


class Chat:
    """Requests side by side."""

    async def initialize(self, context: Context) -> None:
        """Connect."""
        self.gate = asyncio.Event()

    async def handle(self, data: Data, context: Context) -> AsyncIterator[str]:
        """Return a stream."""
        return self.words(context.get_request_id(0) or "")

    async def words(self, text: str) -> AsyncIterator[str]:
        """Yield words."""
        for word in text.split():
            await asyncio.sleep(0)
            yield word


class Ticker:
    """Parts of one result, from an asynchronous generator."""

    def initialize(self, context: Context) -> None:
        """Load nothing."""

    async def handle(self, data: Data, context: Context) -> AsyncIterator[dict[str, int]]:
        """Yield numbers."""
        for number in range(len(data)):
            yield {"number": number}


class Derived(BaseHandler):
    """One built on the base handler."""

    def postprocess(self, data: object) -> list[object]:
        """Return one result for each request."""
        return [data]


def handle(data: Data | None, context: OldContext) -> Results:
    """A function; it is called once with None while the model loads."""
    if data is None:
        return []
    try:
        raise RequestError(404, "no such word")
    except PredictionException as error:
        return [error.message, error.error_code]


_HANDLERS: tuple[Handler, ...] = (Words(), Stream())
_ASYNC: tuple[AsyncHandler, ...] = (Chat(), Ticker())

_NOT_A_HANDLER: Handler = object()  # type: ignore[assignment]
_NOT_AN_ERROR = RequestError("404", "no such word")  # type: ignore[arg-type]
_NOT_HEADERS = RequestError(404, "no", ["x"])  # type: ignore[arg-type]


def _mistakes(context: Context) -> None:
    context.set_response_status("404")  # type: ignore[arg-type]
    print(context.no_such_attribute)  # type: ignore[attr-defined]

"""Handlers whose requests are generators: many at once, each at its own pace."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from ts.handler import Context, Data, RequestError
from ts.openai._answers import TextAnswer
from ts.openai._embeddings import embeddings_response
from ts.openai._errors import OpenAIError, error_result
from ts.openai._requests import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Limits,
    read_chat,
    read_completion,
)
from ts.openai._routes import CHAT, COMPLETIONS, EMBEDDINGS, path_of
from ts.openai._tokens import Embeddings, Token

Tokens = Iterator["str | Token"] | AsyncIterator["str | Token"]
"""What a generation gives: pieces of text, one for each token, or tokens."""

Vectors = Embeddings | Sequence[Sequence[float]]


class OpenAIHandler:
    """Base of handlers that serve the OpenAI API with a generator for each request.

    A handler overrides those of `chat`, `complete` and `embed` that its model can do; the others
    are answered with 404. With ``concurrency: N`` in model-config.yaml up to N requests run side
    by side. A client that leaves closes its generators.

    Attributes:
        max_tokens: Tokens that a request may ask for; also what a chat gets that asks for none.
        has_logprobs: Whether the tokens have probabilities.
        supports: Parameters such as ``tools`` that the handler reads from `body` itself; without
            that they are refused.
    """

    max_tokens: int = 4096
    has_logprobs: bool = False
    supports: frozenset[str] = frozenset()

    def initialize(self, context: Context) -> Any:
        """Load the model; called once in each worker. May be a coroutine function."""

    def chat(self, request: ChatRequest) -> Tokens:
        """Continue a conversation: a generator, synchronous or not.

        It sets ``request.prompt_tokens``. An exception before the first token answers the request
        with its status (`OpenAIError`, else 503), a later one ends the stream.
        """
        raise NotImplementedError

    def complete(self, request: CompletionRequest) -> Tokens:
        """Continue a text: as `chat`."""
        raise NotImplementedError

    def embed(self, request: EmbeddingRequest) -> Any:
        """Return a vector for each text, as a list or as `Embeddings`; may be a coroutine."""
        raise NotImplementedError

    async def predict(self, data: Data, context: Context) -> list[Any]:
        """Answer what came by another route, such as ``/predictions``: by default with 404."""
        message = f"This model serves {', '.join(self.openai_routes) or 'nothing'}."
        raise RequestError(404, message)

    @property
    def openai_routes(self) -> tuple[str, ...]:
        """The paths that are served; the frontend refuses the others."""
        methods = {CHAT: "chat", COMPLETIONS: "complete", EMBEDDINGS: "embed"}
        return tuple(
            path
            for path, name in methods.items()
            if getattr(type(self), name) is not getattr(OpenAIHandler, name)
        )

    async def handle(self, data: Data, context: Context) -> list[Any]:
        """Answer the requests of a batch."""
        paths = [path_of(context, index) for index in range(len(data))]
        if not any(path in self.openai_routes for path in paths):
            return await self.predict(data, context)
        results = [self._answer(row, context, index) for index, row in enumerate(data)]
        if len(results) == 1:
            return [await results[0]]
        return list(await asyncio.gather(*results, return_exceptions=True))

    async def _answer(self, row: Any, context: Context, index: int) -> Any:
        path, body = path_of(context, index), row.get("body")
        limits = Limits(self.max_tokens, self.has_logprobs, self.supports)
        try:
            if path not in self.openai_routes:
                raise OpenAIError(404, f"This model does not serve {path or 'predictions'}.")
            if path == EMBEDDINGS:
                request = EmbeddingRequest.of(body)
                vectors = self.embed(request)
                if inspect.isawaitable(vectors):
                    vectors = await vectors
                return embeddings_response(request, vectors)
            text = read_chat(body, limits) if path == CHAT else read_completion(body, limits)
            return await self._generate(text, context, index)
        except OpenAIError as error:
            return error_result(error, context, index)

    async def _generate(
        self, request: ChatRequest | CompletionRequest, context: Context, index: int
    ) -> Any:
        answer = TextAnswer(request, str(context.get_request_id(index)))
        events = EventStream(answer, [self._tokens_of(each) for each in answer.requests])
        try:
            # An engine that fails before its first token still has a status to say so.
            await events.prepare()
            if not request.stream:
                async for _ in events:
                    pass
        except BaseException:
            await events.aclose()
            raise
        if not request.stream:
            return answer.whole()
        context.set_response_content_type(index, "text/event-stream")
        return events

    def _tokens_of(self, request: ChatRequest | CompletionRequest) -> Tokens:
        return self.chat(request) if isinstance(request, ChatRequest) else self.complete(request)


class EventStream:
    """The events of a response, made of the generators of its choices as they go on.

    An asynchronous iterator. Closing it closes all generators, also if it was never asked.
    """

    def __init__(self, answer: TextAnswer, sources: list[Tokens]) -> None:
        self._answer = answer
        self._sources = dict(enumerate(sources))
        self._steps: dict[asyncio.Task[str | Token | None], int] = {}
        self._first: tuple[int, str | Token | None] | None = None
        self._ended = False

    def __aiter__(self) -> EventStream:
        return self

    async def prepare(self) -> None:
        """Wait for the first token."""
        self._first = await self._next_piece()

    async def __anext__(self) -> str:
        """Return the next events, at least one."""
        events = ""
        while not events:
            if self._first is not None:
                (index, piece), self._first = self._first, None
            elif self._sources:
                index, piece = await self._next_piece()
            elif not self._ended:
                self._ended = True
                return self._answer.last_events()
            else:
                raise StopAsyncIteration
            events = await self._take(index, piece)
        return events

    async def aclose(self) -> None:
        """Close what still generates."""
        steps, self._steps = list(self._steps), {}
        for step in steps:
            step.cancel()
        await asyncio.gather(*steps, return_exceptions=True)
        sources, self._sources = self._sources, {}
        for source in sources.values():
            await _close(source)

    async def _take(self, index: int, piece: str | Token | None) -> str:
        if piece is None:
            self._sources.pop(index, None)
            return self._answer.finish(index)
        events = self._answer.add(index, piece)
        if not self._answer.wants_more(index):
            source = self._sources.pop(index, None)
            if source is not None:
                await _close(source)
        return events

    async def _next_piece(self) -> tuple[int, str | Token | None]:
        """Return the next token of any choice; None for the end of one."""
        if len(self._sources) == 1 and not self._steps:
            ((index, source),) = self._sources.items()
            return index, await _next(source)
        busy = set(self._steps.values())
        for index, source in self._sources.items():
            if index not in busy:
                self._steps[asyncio.ensure_future(_next(source))] = index
        done, _ = await asyncio.wait(self._steps, return_when=asyncio.FIRST_COMPLETED)
        step = done.pop()
        return self._steps.pop(step), step.result()


async def _next(source: Tokens) -> str | Token | None:
    if isinstance(source, AsyncIterator):
        return await anext(source, None)
    piece = next(source, None)
    # A synchronous generator has no await at which other requests have their turn.
    await asyncio.sleep(0)
    return piece


async def _close(source: Tokens) -> None:
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if close is not None:
        closing = close()
        if inspect.isawaitable(closing):
            await closing

"""An engine that says what the last message asks for: no model, but every way to misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ts.openai import ChatRequest, CompletionRequest, Embeddings, OpenAIError, OpenAIHandler, Token


class Words(OpenAIHandler):
    """Repeats the words of the last message, one by one; some first words are orders."""

    max_tokens = 1000
    has_logprobs = True

    def initialize(self, context: Any) -> None:
        self.running = 0

    async def chat(self, request: ChatRequest) -> AsyncIterator[str | Token]:
        request.prompt_tokens = sum(len(each.content.split()) for each in request.messages)
        order, *words = request.messages[-1].content.split()
        self.running += 1
        try:
            if order == "fail":
                raise RuntimeError("the engine has no more memory for keys")
            if order == "busy":
                raise OpenAIError(429, "too many requests for now", code="rate_limit_exceeded")
            if order == "die":
                import os

                os._exit(3)
            if order == "forever":
                while True:
                    yield "tick "
                    await asyncio.sleep(0.01)
            if order == "silent":
                await asyncio.Event().wait()
            for word in words:
                if word == "FAIL":
                    raise RuntimeError("the engine broke in the middle")
                yield Token(f"{word} ", -0.25, [(f"{word} ", -0.25), ("other ", -1.5)])
                await asyncio.sleep(0)
        finally:
            self.running -= 1

    async def complete(self, request: CompletionRequest) -> AsyncIterator[str | Token]:
        request.prompt_tokens = 1
        for letter in str(request.prompt)[::-1]:
            yield letter

    async def embed(self, request: Any) -> Embeddings:
        vectors = [[float(len(text)), 0.5] for text in request.texts]
        return Embeddings(vectors, tokens=len(vectors))

    async def predict(self, data: Any, context: Any) -> list[Any]:
        """How many generations run now."""
        return [{"running": self.running, "seen": json.dumps(len(data)), "at": str(Path.cwd())}]

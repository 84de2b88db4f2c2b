"""Handlers of the OpenAI API: what engines give, and what clients get of it."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from openai_fakes import CHAT, FakeContext, chat_body, events_of
from ts.handler import RequestError
from ts.openai import (
    COMPLETIONS,
    EMBEDDINGS,
    ChatRequest,
    CompletionRequest,
    Embeddings,
    OpenAIError,
    OpenAIHandler,
    Token,
)


class Words(OpenAIHandler):
    """Says the words it is given, one by one."""

    has_logprobs = True

    def __init__(self, *words: str | Token | Exception) -> None:
        self.words = words
        self.closed = 0
        self.given: list[ChatRequest | CompletionRequest] = []

    async def chat(self, request: ChatRequest) -> AsyncIterator[str | Token]:
        self.given.append(request)
        request.prompt_tokens = 3
        try:
            for word in self.words:
                if isinstance(word, Exception):
                    raise word
                yield word
                await asyncio.sleep(0)
        finally:
            self.closed += 1

    def complete(self, request: CompletionRequest) -> Iterator[str | Token]:
        request.prompt_tokens = 2
        yield from (word for word in self.words if not isinstance(word, Exception))

    def embed(self, request: Any) -> Embeddings:
        return Embeddings([[0.5, -1.0] for _ in request.texts], tokens=4)


async def result_of(handler: OpenAIHandler, path: str, body: Any) -> tuple[Any, FakeContext]:
    context = FakeContext(path)
    (result,) = await handler.handle([{"body": body}], context)
    if hasattr(result, "__aiter__"):
        result = "".join([events async for events in result])
    return result, context


def ask(handler: OpenAIHandler, body: Any, path: str = CHAT) -> tuple[Any, FakeContext]:
    return asyncio.run(result_of(handler, path, body))


def test_a_chat_is_answered_whole() -> None:
    result, _ = ask(Words("Hel", "lo", "!"), chat_body())
    assert result["object"] == "chat.completion"
    assert result["id"] == "chatcmpl-id0"
    assert result["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert result["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


def test_a_stream_ends_with_usage_and_done() -> None:
    body = chat_body(stream=True, stream_options={"include_usage": True})
    text, context = ask(Words("Hel", "lo"), body)
    *events, usage, done = events_of(text)
    assert done == "[DONE]"
    assert context.content_types == {0: "text/event-stream"}
    assert [event["choices"][0]["delta"] for event in events] == [
        {"role": "assistant", "content": ""},
        {"content": "Hel"},
        {"content": "lo"},
        {},
    ]
    assert [event["choices"][0]["finish_reason"] for event in events] == [None, None, None, "stop"]
    assert {event["usage"] for event in events} == {None}
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_a_stream_that_asks_for_no_usage_has_none() -> None:
    text, _ = ask(Words("a"), chat_body(stream=True))
    assert all("usage" not in event for event in events_of(text)[:-1])


@pytest.mark.parametrize("stream", [False, True])
def test_text_ends_before_a_stop_that_comes_in_pieces(stream: bool) -> None:
    handler = Words("one E", "N", "D two", " never")
    result, _ = ask(handler, chat_body(stop=["END"], stream=stream))
    if stream:
        events = events_of(result)[:-1]
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
        reason = events[-1]["choices"][0]["finish_reason"]
    else:
        text = result["choices"][0]["message"]["content"]
        reason = result["choices"][0]["finish_reason"]
    assert (text, reason) == ("one ", "stop")
    assert handler.closed == 1


def test_what_only_looked_like_a_stop_is_sent() -> None:
    result, _ = ask(Words("E", "N", "E", "N"), chat_body(stop="END"))
    assert result["choices"][0]["message"]["content"] == "ENEN"


def test_generation_ends_at_max_tokens() -> None:
    handler = Words("a", "b", "c")
    result, _ = ask(handler, chat_body(max_tokens=2))
    assert result["choices"][0]["message"]["content"] == "ab"
    assert result["choices"][0]["finish_reason"] == "length"
    assert handler.closed == 1


def test_the_engine_may_say_why_it_ends() -> None:
    result, _ = ask(Words("a", Token("", finish_reason="length")), chat_body())
    assert result["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_choices_are_generated_beside_each_other(stream: bool) -> None:
    handler = Words("a", "b")
    result, _ = ask(handler, chat_body(n=3, seed=1, stream=stream))
    texts = ["", "", ""]
    if stream:
        for event in events_of(result)[:-1]:
            (choice,) = event["choices"]
            texts[choice["index"]] += choice["delta"].get("content", "")
    else:
        texts = [choice["message"]["content"] for choice in result["choices"]]
        assert result["usage"]["completion_tokens"] == 6
        assert result["usage"]["prompt_tokens"] == 3
    assert texts == ["ab"] * 3
    assert [request.sampling.seed for request in handler.given] == [1, 2, 3]


def test_probabilities_are_told_in_the_words_of_both_routes() -> None:
    handler = Words(Token("é", -0.5, [("é", -0.5), ("b", -2.0)]))
    chat, _ = ask(handler, chat_body(logprobs=True, top_logprobs=1))
    entry = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    assert chat["choices"][0]["logprobs"]["content"] == [{**entry, "top_logprobs": [entry]}]
    text, _ = ask(handler, {"model": "m", "prompt": "x", "logprobs": 2}, COMPLETIONS)
    assert text["choices"][0]["logprobs"] == {
        "tokens": ["é"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"é": -0.5, "b": -2.0}],
        "text_offset": [0],
    }


@pytest.mark.parametrize("impossible", [-math.inf, math.nan])
def test_a_probability_that_json_does_not_have_is_told_as_very_unlikely(impossible: float) -> None:
    handler = Words(Token("a", impossible, [("a", impossible), ("b", -2.0)]))
    chat = chat_body(logprobs=True, top_logprobs=2)
    whole, _ = ask(handler, chat)
    (told,) = whole["choices"][0]["logprobs"]["content"]
    assert told["logprob"] == -9999.0
    assert [each["logprob"] for each in told["top_logprobs"]] == [-9999.0, -2.0]
    events, _ = ask(handler, {**chat, "stream": True})
    assert events_of(events)[1]["choices"][0]["logprobs"]["content"] == [told]
    text, _ = ask(handler, {"model": "m", "prompt": "x", "logprobs": 2}, COMPLETIONS)
    logprobs = text["choices"][0]["logprobs"]
    assert logprobs["token_logprobs"] == [-9999.0]
    assert logprobs["top_logprobs"] == [{"a": -9999.0, "b": -2.0}]


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_probability_may_be_a_number_of_numpy(path: str) -> None:
    numpy = pytest.importorskip("numpy")
    half = numpy.float32(-0.5)
    asked = (
        {"logprobs": True, "top_logprobs": 1} if path == CHAT else {"prompt": "x", "logprobs": 1}
    )
    body = {**chat_body(stream=True), **asked}
    events, _ = ask(Words(Token("a", half, [("a", half)])), body, path)
    assert '"logprob":-0.5' in events or '"token_logprobs":[-0.5]' in events


def test_a_completion_of_several_prompts_has_a_choice_for_each() -> None:
    body = {"model": "m", "prompt": ["x", "y"], "echo": True}
    result, _ = ask(Words("a", "b"), body, COMPLETIONS)
    assert result["object"] == "text_completion"
    assert [choice["text"] for choice in result["choices"]] == ["xab", "yab"]
    assert result["usage"] == {"prompt_tokens": 4, "completion_tokens": 4, "total_tokens": 8}


def test_vectors_come_as_numbers_or_base64() -> None:
    plain, _ = ask(Words(), {"model": "m", "input": ["a", "b"]}, EMBEDDINGS)
    assert [each["embedding"] for each in plain["data"]] == [[0.5, -1.0]] * 2
    assert plain["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    packed, _ = ask(Words(), {"model": "m", "input": "a", "encoding_format": "base64"}, EMBEDDINGS)
    content = base64.b64decode(packed["data"][0]["embedding"])
    assert struct.unpack("<2f", content) == (0.5, -1.0)


def test_vectors_of_another_length_are_refused() -> None:
    result, context = ask(Words(), {"model": "m", "input": "a", "dimensions": 3}, EMBEDDINGS)
    assert context.statuses == {0: 400}
    assert result["error"]["message"] == "dimensions is 3, expected 2, which the model has."


def test_a_wrong_request_has_a_status_and_a_body_of_the_api() -> None:
    result, context = ask(Words(), chat_body(n=0))
    assert context.statuses == {0: 400}
    assert result["error"]["param"] == "n"


@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_fails_before_the_first_token_has_a_status(stream: bool) -> None:
    handler = Words(OpenAIError(429, "too busy", code="rate_limit_exceeded"))
    result, context = ask(handler, chat_body(stream=stream))
    assert context.statuses == {0: 429}
    assert result["error"] == {
        "message": "too busy",
        "type": "rate_limit_error",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    with pytest.raises(RuntimeError, match="broken"):
        ask(Words(RuntimeError("broken")), chat_body(stream=stream))


def test_an_engine_that_fails_in_the_middle_ends_the_stream_with_its_error() -> None:
    handler = Words("a", RuntimeError("broken"))

    async def run() -> list[str]:
        (stream,) = await handler.handle([{"body": chat_body(stream=True)}], FakeContext(CHAT))
        seen = [await anext(stream)]
        with pytest.raises(RuntimeError, match="broken"):
            await anext(stream)
        await stream.aclose()
        return seen

    seen = asyncio.run(run())
    assert "[DONE]" not in "".join(seen)
    assert handler.closed == 1


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("tokens", [0, 1, 2])
def test_a_client_that_leaves_closes_its_generators(n: int, tokens: int) -> None:
    handler = Words("a", "b", "c", "d")

    async def run() -> None:
        body = chat_body(stream=True, n=n)
        (stream,) = await handler.handle([{"body": body}], FakeContext(CHAT))
        for _ in range(tokens):
            await anext(stream)
        await stream.aclose()

    asyncio.run(run())
    assert handler.closed == n


def test_a_client_that_leaves_before_the_first_token_closes_its_generator() -> None:
    class Waits(Words):
        async def chat(self, request: ChatRequest) -> AsyncIterator[str | Token]:
            try:
                await asyncio.Event().wait()
                yield ""
            finally:
                self.closed += 1

    handler = Waits()

    async def run() -> None:
        coroutine = handler.handle([{"body": chat_body(stream=True)}], FakeContext(CHAT))
        task = asyncio.ensure_future(coroutine)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert handler.closed == 1


def test_routes_are_those_that_a_handler_has_methods_for() -> None:
    class Vectors(OpenAIHandler):
        def embed(self, request: Any) -> list[list[float]]:
            return [[1.0] for _ in request.texts]

    assert Vectors().openai_routes == (EMBEDDINGS,)
    assert len(Words().openai_routes) == 3
    with pytest.raises(RequestError, match="404 This model serves v1/embeddings"):
        ask(Vectors(), {}, "")
    with pytest.raises(RequestError, match="404"):
        ask(Vectors(), chat_body(), CHAT)


def test_half_a_surrogate_pair_of_an_engine_does_not_break_the_response() -> None:
    check: Callable[[str], bytes] = str.encode
    text, _ = ask(Words("a\ud83d"), chat_body(stream=True))
    assert check(text)

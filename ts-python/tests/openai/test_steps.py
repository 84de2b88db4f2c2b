"""Continuous batching of requests of the OpenAI API: they join and leave between two steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from openai_fakes import CHAT, FakeContext, chat_body, events_of
from ts.handler import NOT_YET, RequestError
from ts.openai import OpenAIError, StepHandler, Token


class Counter(StepHandler):
    """Each sequence counts; one whose prompt is a number ends there."""

    max_sequences = 4
    begins_per_step = 2

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[Any] = []
        self.steps: list[int] = []
        self.fail: dict[str, Exception] = {}

    def begin(self, request: Any) -> dict[str, Any]:
        text = request.messages[-1].content
        if text == "bad":
            raise OpenAIError(400, "a bad prompt", "messages")
        request.prompt_tokens = 1
        return {"text": text, "count": 0}

    def step(self, sequences: list[Any]) -> Sequence[str | Token | Exception]:
        self.steps.append(len(sequences))
        tokens: list[str | Token | Exception] = []
        for sequence in sequences:
            sequence["count"] += 1
            if sequence["text"] in self.fail:
                tokens.append(self.fail[sequence["text"]])
            elif sequence["text"].isdigit() and sequence["count"] > int(sequence["text"]):
                tokens.append(Token("", count=0, finish_reason="stop"))
            else:
                tokens.append(f"{sequence['count']} ")
        return tokens

    def end(self, sequence: Any) -> None:
        self.ended.append(sequence["text"])


class Calls:
    """Calls a handler as a worker does, until all requests have ended."""

    def __init__(self, handler: StepHandler) -> None:
        self.handler = handler
        self.running: dict[str, object] = {}
        self.results: dict[str, list[Any]] = {}
        self.statuses: dict[str, int] = {}
        self.types: dict[str, str] = {}

    def call(self, *, paths: Mapping[str, str] = MappingProxyType({}), **new: Any) -> None:
        names = [*self.running, *new]
        rows = [{} for _ in self.running] + [{"body": body} for body in new.values()]
        self.running.update({name: object() for name in new})
        asked = [paths.get(name, CHAT) for name in names]
        context = FakeContext(*asked, requests=list(self.running.values()))
        results = self.handler.handle(rows, context)
        for index, (name, result) in enumerate(zip(names, results)):
            if result is not NOT_YET:
                self.results.setdefault(name, []).append(result)
            if context.stopping_criteria[index](result):
                del self.running[name]
            if index in context.statuses:
                self.statuses[name] = context.statuses[index]
            if index in context.content_types:
                self.types[name] = context.content_types[index]

    def finish(self, limit: int = 50) -> None:
        while self.running and limit:
            limit -= 1
            self.call()
        assert not self.running


def of(text: str, **more: Any) -> dict[str, Any]:
    return chat_body(messages=[{"role": "user", "content": text}], **more)


def test_requests_join_and_leave_between_steps() -> None:
    handler = Counter()
    calls = Calls(handler)
    calls.call(a=of("5"))
    calls.call()
    calls.call(b=of("1", stream=True))
    calls.finish()
    (whole,) = calls.results["a"]
    assert whole["choices"][0]["message"]["content"] == "1 2 3 4 5 "
    assert whole["usage"] == {"prompt_tokens": 1, "completion_tokens": 5, "total_tokens": 6}
    events = events_of("".join(calls.results["b"]))
    assert events[-1] == "[DONE]"
    assert calls.types == {"b": "text/event-stream"}
    assert len(calls.results["b"]) == 2
    assert handler.steps == [1, 1, 2, 2, 1, 1]
    assert sorted(handler.ended) == ["1", "5"]


def test_sequences_for_which_there_is_no_room_wait() -> None:
    handler = Counter()
    calls = Calls(handler)
    calls.call(**{f"r{index}": of("3", n=2) for index in range(3)})
    calls.finish()
    assert max(handler.steps) == 4
    assert [len(calls.results[f"r{index}"][0]["choices"]) for index in range(3)] == [2, 2, 2]
    assert len(handler.ended) == 6


def test_a_client_that_leaves_ends_its_sequences_before_the_next_step() -> None:
    handler = Counter()
    calls = Calls(handler)
    calls.call(a=of("x", n=2), b=of("2"))
    del calls.running["a"]
    calls.finish()
    assert handler.ended.count("x") == 2
    assert calls.results["b"][0]["choices"][0]["message"]["content"] == "1 2 "


def test_a_prompt_that_is_refused_fails_its_request_alone() -> None:
    calls = Calls(Counter())
    calls.call(a=of("bad"), b=of("1"), c=of("1", n=0))
    calls.finish()
    assert calls.statuses == {"a": 400, "c": 400}
    assert calls.results["a"][0]["error"]["param"] == "messages"
    assert calls.results["b"][0]["choices"][0]["message"]["content"] == "1 "


@pytest.mark.parametrize("error", [ValueError("odd"), RequestError(400, "odd")])
def test_a_request_of_another_route_that_fails_leaves_the_streams_alone(error: Exception) -> None:
    class Odd(Counter):
        def predict(self, row: Any, context: Any, index: int) -> Any:
            raise error

    handler = Odd()
    calls = Calls(handler)
    calls.call(a=of("2", stream=True))
    calls.call(paths={"other": "predictions/m"}, other={"odd": True})
    assert calls.results["other"] == [error]
    assert list(calls.running) == ["a"]
    calls.finish()
    assert events_of("".join(calls.results["a"]))[-1] == "[DONE]"
    assert handler.ended == ["2"]


def test_a_request_of_another_route_that_is_cancelled_ends_all_sequences() -> None:
    class Cancelled(Counter):
        def predict(self, row: Any, context: Any, index: int) -> Any:
            raise asyncio.CancelledError

    handler = Cancelled()
    calls = Calls(handler)
    calls.call(a=of("x"))
    with pytest.raises(asyncio.CancelledError):
        calls.call(paths={"other": "predictions/m"}, other={})
    assert handler.ended == ["x"]


def test_a_sequence_that_fails_ends_its_request_alone() -> None:
    handler = Counter()
    handler.fail["x"] = ValueError("broken")
    calls = Calls(handler)
    calls.call(a=of("x", n=2), b=of("2"))
    calls.finish()
    assert isinstance(calls.results["a"][0], ValueError)
    assert handler.ended.count("x") == 2
    assert calls.results["b"][0]["choices"][0]["message"]["content"] == "1 2 "


def test_a_step_that_fails_ends_all_sequences() -> None:
    handler = Counter()
    calls = Calls(handler)
    calls.call(a=of("x"))
    handler.step = lambda sequences: []  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="step returned 0 tokens for 1 sequences"):
        calls.call()
    assert handler.ended == ["x"]
    assert not handler._requests


def test_stops_and_limits_end_a_sequence() -> None:
    handler = Counter()
    calls = Calls(handler)
    calls.call(a=of("x", stop=["4"]), b=of("x", max_tokens=2))
    calls.finish()
    a, b = (calls.results[name][0]["choices"][0] for name in "ab")
    assert (a["message"]["content"], a["finish_reason"]) == ("1 2 3 ", "stop")
    assert (b["message"]["content"], b["finish_reason"]) == ("1 2 ", "length")
    assert len(handler.ended) == 2

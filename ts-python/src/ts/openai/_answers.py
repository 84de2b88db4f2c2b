"""The responses to requests that generate text: whole, or as server-sent events."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

from ts.openai._requests import ChatRequest, CompletionRequest
from ts.openai._stops import ChoiceText
from ts.openai._tokens import Token

DONE = "data: [DONE]\n\n"
_VERY_UNLIKELY = -9999.0
"""The API's number for a log probability that is unknown, or none that JSON has."""


class TextAnswer:
    """The response to one request, of which the choices grow token by token.

    Args:
        request: What was asked.
        request_id: For the response's id.

    Attributes:
        requests: One for each choice, for the engine.
    """

    def __init__(self, request: ChatRequest | CompletionRequest, request_id: str) -> None:
        self.request = request
        self.requests: Sequence[ChatRequest | CompletionRequest] = request.choices()
        self._is_chat = isinstance(request, ChatRequest)
        sampling = request.sampling
        self._choices = [
            ChoiceText(sampling.stop, sampling.max_tokens, keep=sampling.logprobs is not None)
            for _ in self.requests
        ]
        self._begun = [False] * len(self._choices)
        self._told = [0] * len(self._choices)
        self._open = len(self._choices)
        self._head = {
            "id": f"{'chatcmpl' if self._is_chat else 'cmpl'}-{request_id}",
            "object": self._object(request.stream),
            "created": int(time.time()),
            "model": request.model,
        }

    @property
    def is_finished(self) -> bool:
        """Whether no choice wants more tokens."""
        return self._open == 0

    def add(self, index: int, piece: str | Token) -> str:
        """Take a token of a choice; return the events to send, empty if there are none.

        Tokens of a choice that is finished are dropped.
        """
        choice = self._choices[index]
        if choice.finish_reason is not None:
            return ""
        return self._events(index, choice.add(piece))

    def finish(self, index: int) -> str:
        """The engine has ended a choice; return the events to send."""
        choice = self._choices[index]
        return "" if choice.finish_reason is not None else self._events(index, choice.finish())

    def wants_more(self, index: int) -> bool:
        """Whether a choice is not finished."""
        return self._choices[index].finish_reason is None

    def last_events(self) -> str:
        """Return what ends the stream."""
        if not self.request.include_usage:
            return DONE
        return self._event([], self._usage()) + DONE

    def whole(self) -> dict[str, Any]:
        """Return the response, once it is finished."""
        choices = [self._whole_choice(index) for index in range(len(self._choices))]
        return {**self._head, "choices": choices, "usage": self._usage()}

    def _object(self, stream: bool) -> str:
        if not self._is_chat:
            return "text_completion"
        return "chat.completion.chunk" if stream else "chat.completion"

    def _usage(self) -> dict[str, int]:
        # The choices of a prompt share it.
        prompt = sum(each.prompt_tokens for each in self.requests[:: self.request.n])
        completion = sum(choice.tokens for choice in self._choices)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    def _events(self, index: int, text: str) -> str:
        """Return the events for new text of a choice, which may be the last."""
        choice = self._choices[index]
        finished = choice.finish_reason is not None
        if finished:
            self._open -= 1
        if not self.request.stream:
            return ""
        events = ""
        if not self._begun[index]:
            self._begun[index] = True
            events = self._beginning(index)
        if text or (finished and self._told[index] < len(choice.kept)):
            events += self._event([self._part(index, text)])
        if finished:
            events += self._event([self._part(index, "", choice.finish_reason)])
        return events

    def _beginning(self, index: int) -> str:
        if self._is_chat:
            delta = {"role": "assistant", "content": ""}
            return self._event(
                [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]
            )
        echo = self._echo(index)
        return self._event([self._part(index, echo)]) if echo else ""

    def _echo(self, index: int) -> str:
        request = self.requests[index]
        if isinstance(request, CompletionRequest) and request.echo:
            return str(request.prompt)
        return ""

    def _part(self, index: int, text: str, finish_reason: str | None = None) -> dict[str, Any]:
        choice = self._choices[index]
        logprobs = None
        if finish_reason is None and choice.kept:
            logprobs = self._logprobs(index, self._told[index])
            self._told[index] = len(choice.kept)
        part: dict[str, Any] = {"index": index}
        if self._is_chat:
            part["delta"] = {"content": text} if finish_reason is None else {}
        else:
            part["text"] = text
        return {**part, "logprobs": logprobs, "finish_reason": finish_reason}

    def _event(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> str:
        event = {**self._head, "choices": choices}
        if self.request.include_usage:
            event["usage"] = usage
        return f"data: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n"

    def _whole_choice(self, index: int) -> dict[str, Any]:
        choice = self._choices[index]
        logprobs = self._logprobs(index, 0)
        body: dict[str, Any] = {"index": index}
        if self._is_chat:
            body["message"] = {"role": "assistant", "content": choice.text, "refusal": None}
        else:
            body["text"] = self._echo(index) + choice.text
        return {**body, "logprobs": logprobs, "finish_reason": choice.finish_reason}

    def _logprobs(self, index: int, start: int) -> dict[str, Any] | None:
        if self.request.sampling.logprobs is None:
            return None
        tokens = self._choices[index].kept
        if self._is_chat:
            entries = [
                {
                    **_entry(token.text, token.logprob),
                    "top_logprobs": [
                        _entry(*each) for each in token.top[: self.request.sampling.logprobs]
                    ],
                }
                for token in tokens[start:]
            ]
            return {"content": entries, "refusal": None}
        offsets = [0]
        for token in tokens:
            offsets.append(offsets[-1] + len(token.text))
        return {
            "tokens": [token.text for token in tokens[start:]],
            "token_logprobs": [
                None if token.logprob is None else _number(token.logprob)
                for token in tokens[start:]
            ],
            "top_logprobs": [
                {text: _number(each) for text, each in token.top[: self.request.sampling.logprobs]}
                for token in tokens[start:]
            ],
            "text_offset": offsets[start:-1],
        }


def _entry(text: str, logprob: float | None) -> dict[str, Any]:
    number = _VERY_UNLIKELY if logprob is None else _number(logprob)
    return {"token": text, "logprob": number, "bytes": list(text.encode("utf-8", "replace"))}


def _number(logprob: float) -> float:
    """Return a log probability, which may be a number of numpy, as one that JSON has."""
    number = float(logprob)
    return number if math.isfinite(number) else _VERY_UNLIKELY

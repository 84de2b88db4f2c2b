"""The requests of the OpenAI API, read and checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ts.openai._errors import OpenAIError
from ts.openai._fields import Fields, body_of, shown, unbroken, wrong

MAX_MESSAGES = 2048
MAX_CHOICES = 128
MAX_INPUTS = 2048
MAX_STOPS = 16
MAX_STOP_LENGTH = 1024
MAX_TOP_LOGPROBS = 20
COMPLETION_TOKENS = 16
"""What the OpenAI API gives a completion that asks for no number."""

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MAX_TOKEN_ID = 2**31 - 1
_MAX_SEED = 2**63 - 1
_UNSUPPORTED = (
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "logit_bias",
    "response_format",
    "modalities",
    "audio",
    "prediction",
    "web_search_options",
    "suffix",
)
"""What would change the response: refused where the handler does not say that it supports it."""

_BELONGS_TO = {"tool_choice": "tools", "function_call": "functions"}
"""Parameters that a handler supports with another one."""

_HARMLESS: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "suffix": ("",),
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a conversation.

    Attributes:
        role: ``system``, ``developer``, ``user``, ``assistant``, ``tool`` or ``function``.
        content: The text; parts of type ``text`` are put together.
        name: Of the participant, if there is one.
        body: The member of the request, whole.
    """

    role: str
    content: str
    name: str | None
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen.

    Attributes:
        max_tokens: Tokens to generate, at most.
        temperature: 0 to 2; 0 takes the likeliest token.
        top_p: 0 to 1: only the likeliest tokens that together have this probability.
        seed: For the random numbers; None for other ones each time.
        presence_penalty: -2 to 2, taken from the score of each token that the text has.
        frequency_penalty: -2 to 2, the same for each time that the text has it.
        logprobs: How many of the likeliest tokens are wanted with each token; None for no
            probabilities at all.
        stop: The text ends before the first of these. Found by this package, not by the engine.
    """

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logprobs: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(slots=True)
class _TextRequest:
    """What both kinds of generation have.

    Attributes:
        model: The name that the client gave the model.
        sampling: How tokens are chosen, for this choice.
        stream: Whether the response comes in events.
        include_usage: Whether the stream ends with the number of tokens.
        n: Choices for each prompt.
        choice: Which of them this is, from 0.
        body: The request's body, whole, for parameters of the engine's own.
        prompt_tokens: Tokens of the prompt; the engine sets it, for `usage`.
    """

    model: str
    sampling: Sampling
    stream: bool
    include_usage: bool
    n: int
    body: dict[str, Any]
    choice: int = field(default=0, kw_only=True)
    prompt_tokens: int = field(default=0, kw_only=True)


@dataclass(slots=True)
class ChatRequest(_TextRequest):
    """A conversation to continue; see `Message` and `Sampling`."""

    messages: list[Message] = field(default_factory=list)

    def choices(self) -> list[ChatRequest]:
        """Return a request for each choice, with seeds of their own."""
        return [
            dataclasses.replace(self, choice=index, sampling=_seeded(self.sampling, index))
            for index in range(self.n)
        ]


@dataclass(slots=True)
class CompletionRequest(_TextRequest):
    """A text to continue.

    Attributes:
        prompt: The text, or the ids of its tokens.
        prompts: Of all the texts of the request; `prompt` is one of them.
        echo: Whether the response begins with the prompt.
    """

    prompt: str | list[int] = ""
    prompts: list[str | list[int]] = field(default_factory=list)
    echo: bool = False

    def choices(self) -> list[CompletionRequest]:
        """Return a request for each choice of each prompt, with seeds of their own."""
        return [
            dataclasses.replace(
                self,
                prompt=prompt,
                choice=number * self.n + index,
                sampling=_seeded(self.sampling, index),
            )
            for number, prompt in enumerate(self.prompts)
            for index in range(self.n)
        ]


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts to turn into vectors.

    Attributes:
        model: The name that the client gave the model.
        texts: The texts, or the ids of their tokens.
        encoding: ``float`` or ``base64``.
        dimensions: Numbers of a vector, if the client says it.
        body: The request's body, whole.
    """

    model: str
    texts: list[str | list[int]]
    encoding: str
    dimensions: int | None
    body: dict[str, Any]

    @classmethod
    def of(cls, value: Any) -> EmbeddingRequest:
        """Read a body.

        Args:
            value: What the handler was given: an object, or the bytes of one.

        Raises:
            OpenAIError: 400, naming the parameter.
        """
        fields = Fields(body_of(value))
        encoding = fields.text("encoding_format") or "float"
        if encoding not in ("float", "base64"):
            raise wrong("encoding_format", encoding, "float or base64")
        return cls(
            model=fields.text("model") or "",
            texts=_prompts(fields.body.get("input"), "input", MAX_INPUTS, empty=False),
            encoding=encoding,
            dimensions=fields.whole("dimensions", 1, 1 << 20),
            body=fields.body,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a handler offers.

    Attributes:
        max_tokens: Tokens that a request may ask for.
        logprobs: Whether the engine knows probabilities.
        supports: Parameters beyond those of `Sampling` that it reads from the body itself.
    """

    max_tokens: int
    logprobs: bool
    supports: Collection[str]


def read_chat(value: Any, limits: Limits) -> ChatRequest:
    """Read a request to continue a conversation. Raises `OpenAIError`."""
    fields = Fields(body_of(value))
    _refuse_unsupported(fields, limits)
    messages = [_message(index, each) for index, each in enumerate(_list_of_messages(fields.body))]
    wanted = fields.flag("logprobs")
    top = fields.whole("top_logprobs", 0, MAX_TOP_LOGPROBS)
    if top is not None and not wanted:
        raise wrong("top_logprobs", top, "logprobs: true beside it")
    sampling = _sampling(fields, limits, (top or 0) if wanted else None, limits.max_tokens)
    return ChatRequest(**_common(fields, sampling, 1), messages=messages)


def read_completion(value: Any, limits: Limits) -> CompletionRequest:
    """Read a request to continue a text. Raises `OpenAIError`."""
    fields = Fields(body_of(value))
    _refuse_unsupported(fields, limits)
    prompts = _prompts(fields.body.get("prompt"), "prompt", MAX_CHOICES, empty=True)
    top = fields.whole("logprobs", 0, MAX_TOP_LOGPROBS)
    default = min(COMPLETION_TOKENS, limits.max_tokens)
    common = _common(fields, _sampling(fields, limits, top, default), len(prompts))
    n = common["n"]
    best_of = fields.whole("best_of", 1, MAX_CHOICES)
    if best_of is not None and best_of != n:
        raise wrong("best_of", best_of, f"n, which is {n}")
    echo = fields.flag("echo")
    if echo and top is not None:
        raise wrong("echo", True, "no logprobs beside it")
    if echo and not all(isinstance(prompt, str) for prompt in prompts):
        raise wrong("echo", True, "a prompt that is text")
    return CompletionRequest(**common, prompts=prompts, echo=echo)


def _seeded(sampling: Sampling, index: int) -> Sampling:
    if sampling.seed is None or index == 0:
        return sampling
    return dataclasses.replace(sampling, seed=(sampling.seed + index) % _MAX_SEED)


def _common(fields: Fields, sampling: Sampling, prompts: int) -> dict[str, Any]:
    """Return what both kinds of generation have, by the names of `_TextRequest`."""
    n = fields.whole("n", 1, MAX_CHOICES) or 1
    if n * prompts > MAX_CHOICES:
        raise wrong("n", n, f"at most {MAX_CHOICES} choices for all {prompts} prompts together")
    stream = fields.flag("stream")
    options = fields.body.get("stream_options")
    include_usage = False
    if options is not None:
        if not isinstance(options, dict):
            raise wrong("stream_options", options, "an object")
        if not stream:
            raise wrong("stream_options", options, "stream: true beside it")
        include_usage = Fields(options, "stream_options.").flag("include_usage")
    return {
        "model": fields.text("model") or "",
        "sampling": sampling,
        "stream": stream,
        "include_usage": include_usage,
        "n": n,
        "body": fields.body,
    }


def _sampling(fields: Fields, limits: Limits, logprobs: int | None, default: int) -> Sampling:
    if logprobs is not None and not limits.logprobs:
        raise wrong("logprobs", fields.body["logprobs"], "none: this model gives no probabilities")
    tokens = [
        fields.whole(name, 1, limits.max_tokens) for name in ("max_completion_tokens", "max_tokens")
    ]
    return Sampling(
        max_tokens=next((number for number in tokens if number is not None), default),
        temperature=fields.number("temperature", 0, 2, 1.0),
        top_p=fields.number("top_p", 0, 1, 1.0),
        seed=fields.whole("seed", -_MAX_SEED, _MAX_SEED),
        presence_penalty=fields.number("presence_penalty", -2, 2, 0.0),
        frequency_penalty=fields.number("frequency_penalty", -2, 2, 0.0),
        logprobs=logprobs,
        stop=fields.texts("stop", MAX_STOPS, MAX_STOP_LENGTH),
    )


def _refuse_unsupported(fields: Fields, limits: Limits) -> None:
    for name in _UNSUPPORTED:
        value = fields.body.get(name)
        is_supported = _BELONGS_TO.get(name, name) in limits.supports
        if value is None or is_supported or value in _HARMLESS.get(name, ()):
            continue
        message = f"{name} is not supported by this model."
        raise OpenAIError(400, message, name, "unsupported_parameter")


def _list_of_messages(body: dict[str, Any]) -> list[Any]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not 1 <= len(messages) <= MAX_MESSAGES:
        raise wrong("messages", messages, f"a list of 1 to {MAX_MESSAGES} messages")
    return messages


def _message(index: int, value: Any) -> Message:
    place = f"messages[{index}]"
    if not isinstance(value, dict):
        raise wrong(place, value, "an object with role and content")
    role = value.get("role")
    if role not in _ROLES:
        raise wrong(f"{place}.role", role, f"one of {', '.join(_ROLES)}")
    name = value.get("name")
    if name is not None and not isinstance(name, str):
        raise wrong(f"{place}.name", name, "a text")
    content = value.get("content")
    if content is None and role == "assistant":
        content = ""
    if isinstance(content, list):
        content = "".join(
            _part(f"{place}.content[{number}]", part) for number, part in enumerate(content)
        )
    if not isinstance(content, str):
        raise wrong(f"{place}.content", content, "a text, or a list of parts of type text")
    return Message(role, unbroken(f"{place}.content", content), name, value)


def _part(place: str, part: Any) -> str:
    if not isinstance(part, dict):
        raise wrong(place, part, "a part of type text")
    kind, text = part.get("type"), part.get("text")
    if kind != "text":
        message = f"{place} is of type {shown(kind)}, expected a part of type text."
        raise OpenAIError(400, message, place, "invalid_value")
    if not isinstance(text, str):
        raise wrong(f"{place}.text", text, "a text")
    return text


def _prompts(value: Any, param: str, most: int, *, empty: bool) -> list[str | list[int]]:
    """Return the texts of a prompt or input: one, a list of them, or the same as ids of tokens."""
    expected = f"a text, a list of 1 to {most} texts, or the ids of their tokens"
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value:
        raise wrong(param, value, expected)
    if all(type(each) is int for each in value):
        value = [value]
    if len(value) > most:
        raise wrong(param, value, expected)
    for index, each in enumerate(value):
        place = param if len(value) == 1 else f"{param}[{index}]"
        if isinstance(each, str):
            if not each and not empty:
                raise wrong(place, each, "a text that is not empty")
            unbroken(place, each)
        elif not isinstance(each, list) or not each:
            raise wrong(place, each, expected)
        elif not all(type(token) is int and 0 <= token <= _MAX_TOKEN_ID for token in each):
            raise wrong(place, each, "ids of tokens, whole numbers from 0")
    return list(value)

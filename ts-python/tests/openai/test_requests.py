"""What the requests of the OpenAI API may be, and what is said of those that are not."""

from __future__ import annotations

from typing import Any

import pytest
from openai_fakes import chat_body
from ts.openai import EmbeddingRequest, OpenAIError
from ts.openai._requests import Limits, read_chat, read_completion

LIMITS = Limits(max_tokens=100, logprobs=True, supports=())


def refusal(read: Any, body: Any, limits: Limits = LIMITS) -> OpenAIError:
    with pytest.raises(OpenAIError) as caught:
        read(body, limits)
    assert caught.value.status == 400
    return caught.value


def test_a_chat_has_the_defaults_of_the_api() -> None:
    request = read_chat(chat_body(), LIMITS)
    assert [(message.role, message.content) for message in request.messages] == [("user", "hello")]
    sampling = request.sampling
    assert (sampling.max_tokens, sampling.temperature, sampling.top_p) == (100, 1.0, 1.0)
    assert (request.n, request.stream, sampling.stop, sampling.logprobs) == (1, False, (), None)


def test_a_chat_is_read_from_bytes_too() -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}'
    request = read_chat(
        bytearray(body + b', {"type": "text", "text": "b"}]}], "stop": "x"}'), LIMITS
    )
    assert request.messages[0].content == "ab"
    assert request.sampling.stop == ("x",)


def test_max_completion_tokens_comes_before_max_tokens() -> None:
    request = read_chat(chat_body(max_tokens=5, max_completion_tokens=7), LIMITS)
    assert request.sampling.max_tokens == 7


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("max_tokens", 0, "max_tokens is 0, expected a whole number from 1 to 100."),
        ("max_tokens", 10**9, "max_tokens is 1000000000, expected a whole number from 1 to 100."),
        ("max_tokens", 10**200, "max_tokens is a number of very many digits, expected"),
        ("max_tokens", 1.5, "max_tokens is 1.5, expected"),
        ("max_tokens", True, "max_tokens is true, expected"),
        ("max_tokens", "5", 'max_tokens is "5", expected'),
        ("temperature", -1, "temperature is -1, expected a number from 0 to 2."),
        ("temperature", float("nan"), "temperature is NaN, expected"),
        ("temperature", 10**400, "temperature is a number of very many digits, expected"),
        ("top_p", 2, "top_p is 2, expected a number from 0 to 1."),
        ("seed", "x", 'seed is "x", expected a whole number'),
        ("n", 0, "n is 0, expected a whole number from 1 to 128."),
        ("n", 129, "n is 129, expected"),
        ("stream", 1, "stream is 1, expected true or false."),
        ("stop", ["a"] * 17, "stop is a list of 17, expected a text or a list of at most 16"),
        ("stop", [""], 'stop is "", expected'),
        ("stop", {}, "stop is an object, expected"),
        ("stream_options", {}, "stream_options is an object, expected stream: true beside it."),
        ("top_logprobs", 3, "top_logprobs is 3, expected logprobs: true beside it."),
        ("tool_choice", "required", "tool_choice is not supported by this model."),
        ("tool_choice", {"type": "function"}, "tool_choice is not supported by this model."),
        ("function_call", {"name": "f"}, "function_call is not supported by this model."),
        ("stop", "a\ud83d", "stop has \\ud83d at character 1, half of a surrogate pair, expected"),
        (
            "messages",
            [{"role": "user", "content": "\ude00"}],
            "messages[0].content has \\ude00 at character 0, half of a surrogate pair, expected",
        ),
        ("tools", [{"type": "function"}], "tools is not supported by this model."),
        ("response_format", {"type": "json_object"}, "response_format is not supported"),
        ("messages", [], "messages is a list of 0, expected a list of 1 to 2048 messages."),
        ("messages", "hi", 'messages is "hi", expected a list'),
        ("messages", None, "messages is null, expected a list"),
        ("messages", [{}] * 100_000, "messages is a list of 100000, expected"),
        ("messages", ["hi"], 'messages[0] is "hi", expected an object with role and content.'),
        ("messages", [{"role": "boss"}], 'messages[0].role is "boss", expected one of system, '),
        ("messages", [{"role": "user"}], "messages[0].content is null, expected a text"),
        (
            "messages",
            [{"role": "user", "content": [{"type": "image_url"}]}],
            'messages[0].content[0] is of type "image_url", expected a part of type text.',
        ),
        (
            "messages",
            [{"role": "user", "content": [{"type": "text"}]}],
            "messages[0].content[0].text is null, expected a text.",
        ),
        (
            "messages",
            [{"role": "user", "content": ["a"]}],
            'messages[0].content[0] is "a", expected',
        ),
    ],
)
def test_a_wrong_member_of_a_chat_is_named(member: str, value: Any, said: str) -> None:
    error = refusal(read_chat, chat_body(**{member: value}))
    assert error.message.startswith(said)
    assert error.param is not None
    assert error.param.startswith(member)
    assert error.body()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": "\xff"}', "The body is not text in UTF-8: "),
        (b"{", "The body is not JSON: "),
        (b'{"seed": ' + b"9" * 5000 + b"}", "The body has a number of too many digits"),
        ([], "The body is a list of 0, expected a JSON object."),
        (b"[" * 100_000, "The body is nested too deeply"),
        (None, "The body is null, expected a JSON object."),
    ],
)
def test_a_body_that_is_no_object_is_refused(body: Any, said: str) -> None:
    assert refusal(read_chat, body).message.startswith(said)


def test_what_says_nothing_is_accepted() -> None:
    read_chat(chat_body(tools=[], response_format={"type": "text"}, user="u", extra=1), LIMITS)
    read_chat(chat_body(tool_choice="auto", function_call="none", seed=None), LIMITS)


def test_a_parameter_that_the_handler_supports_is_left_to_it() -> None:
    limits = Limits(100, False, frozenset({"tools"}))
    body = read_chat(chat_body(tools=[1], tool_choice="required"), limits).body
    assert (body["tools"], body["tool_choice"]) == ([1], "required")


def test_a_member_of_the_options_is_named_whole() -> None:
    body = chat_body(stream=True, stream_options={"include_usage": 1})
    error = refusal(read_chat, body)
    assert error.message == "stream_options.include_usage is 1, expected true or false."
    assert error.param == "stream_options.include_usage"


def test_probabilities_need_an_engine_that_has_them() -> None:
    error = refusal(read_chat, chat_body(logprobs=True), Limits(100, False, ()))
    assert error.message == "logprobs is true, expected none: this model gives no probabilities."


def test_choices_have_seeds_of_their_own() -> None:
    request = read_chat(chat_body(n=3, seed=7), LIMITS)
    assert [(each.choice, each.sampling.seed) for each in request.choices()] == [
        (0, 7),
        (1, 8),
        (2, 9),
    ]


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), (["a", ""], ["a", ""]), ([1, 2], [[1, 2]]), ([[1], [2]], [[1], [2]])],
)
def test_prompts_are_texts_or_ids(prompt: Any, prompts: Any) -> None:
    request = read_completion({"model": "m", "prompt": prompt, "n": 2}, LIMITS)
    assert request.prompts == prompts
    assert [each.prompt for each in request.choices()] == [p for p in prompts for _ in range(2)]
    assert request.sampling.max_tokens == 16


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "prompt is null, expected a text"),
        ({"prompt": []}, "prompt is a list of 0, expected"),
        ({"prompt": [1, "a"]}, "prompt[0] is 1, expected"),
        ({"prompt": [-1]}, "prompt is a list of 1, expected ids of tokens"),
        ({"prompt": ["a"] * 129}, "prompt is a list of 129, expected"),
        ({"prompt": ["a", "b"], "n": 100}, "n is 100, expected at most 128 choices for all 2"),
        ({"prompt": "a", "best_of": 2}, "best_of is 2, expected n, which is 1."),
        ({"prompt": "a", "suffix": "x"}, "suffix is not supported"),
        ({"prompt": [1], "echo": True}, "echo is true, expected a prompt that is text."),
        ({"prompt": ["a", "\ud83d"]}, "prompt[1] has \\ud83d at character 0, half of"),
    ],
)
def test_a_wrong_member_of_a_completion_is_named(more: dict[str, Any], said: str) -> None:
    assert refusal(read_completion, {"model": "m", **more}).message.startswith(said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "input is null, expected a text"),
        ({"input": ""}, 'input is "", expected a text that is not empty.'),
        ({"input": ["a", ""]}, 'input[1] is "", expected'),
        ({"input": ["a"] * 2049}, "input is a list of 2049, expected"),
        ({"input": "a", "encoding_format": "int8"}, 'encoding_format is "int8", expected float or'),
        ({"input": "a", "dimensions": 0}, "dimensions is 0, expected"),
    ],
)
def test_a_wrong_member_of_an_embedding_is_named(more: dict[str, Any], said: str) -> None:
    with pytest.raises(OpenAIError) as caught:
        EmbeddingRequest.of({"model": "m", **more})
    assert caught.value.message.startswith(said)

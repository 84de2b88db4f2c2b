"""The text generation example through the running server, asked by OpenAI's own client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
import requests
from openai import OpenAI
from torchserve_process import REPOSITORY, ModelStore, TorchServe, wait_for

pytest.importorskip("tokenizers", reason="see examples/embeddings/requirements.txt")

README = REPOSITORY / "examples" / "textgen" / "README.md"
MODEL = "torchserve-next/textgen"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    running = TorchServe(tmp_path_factory.mktemp("textgen"), torch=True)
    ModelStore.build_example("textgen", running.store.path)
    running.start("textgen.mar")
    running.wait_ready("textgen")
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.fixture
def client(server: TorchServe) -> Iterator[OpenAI]:
    url = f"{server.inference}/v1"
    with OpenAI(base_url=url, api_key="none", max_retries=0, timeout=90) as made:
        yield made


def says(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_the_answer_is_the_one_of_the_readme(server: TorchServe) -> None:
    text = README.read_text(encoding="utf-8")
    asked = re.search(r"-d '(\{.*?\})'", text, re.S)
    answered = re.search(r'"content": (".*"),$', text, re.M)
    assert asked
    assert answered
    answer = requests.post(
        f"{server.inference}/v1/chat/completions", data=asked.group(1), timeout=60
    )
    assert answer.json()["choices"][0]["message"]["content"] == json.loads(answered.group(1))


def test_a_stream_has_the_text_of_a_whole_answer(client: OpenAI) -> None:
    ask: dict[str, Any] = {
        "model": "textgen",
        "messages": says("for"),
        "max_tokens": 30,
        "temperature": 0,
    }
    whole = client.chat.completions.create(**ask)
    chunks = list(client.chat.completions.create(**ask, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 15
    assert whole.usage is not None
    assert whole.usage.prompt_tokens == 3
    assert whole.choices[0].finish_reason == "length"


def test_texts_that_join_while_others_run_are_what_they_are_alone(client: OpenAI) -> None:
    def ask(number: int) -> str:
        answer = client.completions.create(
            model=MODEL,
            prompt=f'The "{number}"',
            max_tokens=20 + number,
            temperature=1,
            seed=number,
        )
        return answer.choices[0].text

    alone = [ask(number) for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(8)))
    # Sums of another order may round otherwise, and then another token follows.
    assert sum(one == other for one, other in zip(alone, together, strict=True)) >= 6


def test_choices_stops_and_probabilities(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=says("class"),
        max_tokens=40,
        n=3,
        seed=1,
        stop=["."],
        logprobs=True,
        top_logprobs=2,
    )
    assert len(answer.choices) == 3
    for choice in answer.choices:
        assert choice.message.content is not None
        assert "." not in choice.message.content
        assert choice.logprobs is not None
        assert choice.logprobs.content is not None
        assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)


def test_clients_that_leave_at_every_token_leave_room_for_others(
    client: OpenAI, server: TorchServe
) -> None:
    for tokens in range(1, 12):
        stream = client.chat.completions.create(
            model=MODEL, messages=says("while"), max_tokens=250, stream=True, n=3
        )
        for _ in range(tokens):
            next(stream)
        stream.close()
    wait_for(lambda: server.describe("textgen")["jobQueueStatus"]["remainingCapacity"] > 0, "room")
    # More sequences than the model runs at once: those of clients that left take no place.
    answer = client.completions.create(model=MODEL, prompt="x", n=60, max_tokens=3)
    assert len(answer.choices) == 60


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, "context_length_exceeded"),
        ({"max_tokens": 256}, "invalid_value"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "unsupported_parameter"),
    ],
)
def test_what_the_model_cannot_do_is_refused(client: OpenAI, more: Any, code: str) -> None:
    ask: dict[str, Any] = {"messages": says("x"), "model": MODEL, **more}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ask)
    assert caught.value.code == code

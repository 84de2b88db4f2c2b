"""The OpenAI API through the running server, asked by OpenAI's own client."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from openai import OpenAI
from torchserve_process import REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"
CHAT = "/v1/chat/completions"
MODEL = "acme/words"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    running = TorchServe(tmp_path_factory.mktemp("openai"))
    running.store.add_directory(MODELS / "openai_words")
    running.store.add_directory(MODELS / "commands")
    running.start("openai_words", "commands")
    running.wait_ready("openai_words")
    running.wait_ready("commands")
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.fixture
def client(server: TorchServe) -> Iterator[OpenAI]:
    with client_of(server) as made:
        yield made


def client_of(server: TorchServe, key: str = "none") -> OpenAI:
    return OpenAI(base_url=f"{server.inference}/v1", api_key=key, max_retries=0, timeout=60)


def says(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def post(server: TorchServe, body: Any, path: str = CHAT, **more: Any) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(server.inference + path, data=data, timeout=60, **more)


def running(server: TorchServe) -> int:
    return int(server.predict("openai_words", data=b"x").json()["running"])


def wait_idle(server: TorchServe) -> None:
    wait_for(lambda: running(server) == 0, "all generations to have ended")


@pytest.mark.parametrize("name", ["openai_words", "acme/words", "words-latest"])
def test_a_chat_is_answered_under_each_name_of_the_model(client: OpenAI, name: str) -> None:
    answer = client.chat.completions.create(model=name, messages=says("say one two"))
    assert answer.choices[0].message.content == "one two "
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == name
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 2)


def test_a_stream_comes_token_by_token_and_ends_with_usage(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL,
        messages=says("say one two"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert texts == ["", "one ", "two ", None]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 5
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_ends_with_done(server: TorchServe) -> None:
    body = {"model": MODEL, "messages": says("say one"), "stream": True}
    answer = post(server, body)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.text.endswith("data: [DONE]\n\n")


def test_stop_n_and_probabilities(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=says("say one two three"),
        stop=["two"],
        n=2,
        logprobs=True,
        top_logprobs=2,
    )
    assert [choice.message.content for choice in answer.choices] == ["one ", "one "]
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert logprobs.content[0].token == "one "
    assert [top.token for top in logprobs.content[0].top_logprobs] == ["one ", "other "]


def test_max_tokens_ends_a_text(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=says("say a b c"), max_completion_tokens=2
    )
    assert answer.choices[0].message.content == "a b "
    assert answer.choices[0].finish_reason == "length"


def test_completions_and_embeddings(client: OpenAI) -> None:
    text = client.completions.create(model=MODEL, prompt=["abc", "de"], max_tokens=5)
    assert [choice.text for choice in text.choices] == ["cba", "ed"]
    vectors = client.embeddings.create(model=MODEL, input=["abc", "de"])
    assert [each.embedding for each in vectors.data] == [[3.0, 0.5], [2.0, 0.5]]


def test_models_are_listed_for_clients_of_openai_and_of_kserve(
    client: OpenAI, server: TorchServe
) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["acme/words", "commands", "openai_words", "words-latest"]
    assert requests.get(f"{server.inference}/v1/models", timeout=30).json()["models"] == names
    model = client.models.retrieve("acme/words")
    assert (model.id, model.object) == ("acme/words", "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("acme/unknown")


def test_an_unknown_model_is_404(client: OpenAI) -> None:
    for name in ("unknown", "acme/unknown", "ünknown"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model=name, messages=says("hello"))
        assert caught.value.code == "model_not_found"
        assert caught.value.param == "model"


def test_a_model_that_is_not_of_this_api_is_404_and_is_not_asked(
    client: OpenAI, server: TorchServe
) -> None:
    with pytest.raises(openai.NotFoundError, match="Model commands does not serve /v1/chat"):
        client.chat.completions.create(model="commands", messages=says("hello"))


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"max_tokens": 10**12}, "max_tokens"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x"}] * 100_000}, "messages"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 1000}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"messages": [{"role": "user", "content": "say \ud83d"}]}, "messages[0].content"),
    ],
)
def test_wrong_values_are_400_and_name_the_parameter(
    server: TorchServe, more: dict[str, Any], param: str
) -> None:
    answer = post(server, {"messages": says("say x"), **more, "model": MODEL})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request_error")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model": 1}',
        b'{"messages": []}',
        b'{"model": "acme/words", "messages": "\xff\xfe"}',
        b'{"x": "\xff", "model": "acme/words"}',
        b'{"model": "acme/words", "messages": ' + b"[" * 50_000,
        b'{"messages": ' + b"[" * 50_000,
        b"model=acme/words",
        b'{"' + b"k" * 100_000 + b'": x',
    ],
)
def test_broken_bodies_are_400_in_the_form_of_the_api(server: TorchServe, body: bytes) -> None:
    answer = post(server, body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["message"]
    assert len(answer.content) < 1000


@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_fails_before_the_first_token_has_a_status(
    client: OpenAI, stream: bool
) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=MODEL, messages=says("fail"), stream=stream)
    assert caught.value.status_code == 503
    assert "no more memory for keys" in str(caught.value)
    with pytest.raises(openai.RateLimitError, match="too many requests"):
        client.chat.completions.create(model=MODEL, messages=says("busy"), stream=stream)


def test_an_engine_that_fails_in_the_middle_ends_the_stream_with_the_error(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=says("say one FAIL two"), stream=True
    )
    seen = []
    with pytest.raises(openai.APIError) as caught:
        seen += [chunk.choices[0].delta.content for chunk in stream]
    assert caught.value.code == "prediction_failed"
    with pytest.raises(openai.InternalServerError, match="broke in the middle"):
        client.chat.completions.create(model=MODEL, messages=says("say one FAIL"))


@pytest.mark.parametrize("tokens", [0, 1, 2, 5])
def test_a_client_that_leaves_after_any_token_ends_its_generation(
    client: OpenAI, server: TorchServe, tokens: int
) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=says("forever"), stream=True, n=3)
    for _ in range(tokens):
        next(stream)
    assert running(server) == 3
    stream.close()
    wait_idle(server)


def test_a_client_that_leaves_before_the_first_token_ends_its_generation(
    server: TorchServe,
) -> None:
    body = json.dumps({"model": MODEL, "messages": says("silent")}).encode()
    with socket.create_connection(("127.0.0.1", server.inference_port), timeout=30) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        wait_for(lambda: running(server) == 1, "the generation to run")
    wait_idle(server)


def test_a_deadline_ends_a_generation_with_504(server: TorchServe) -> None:
    body = {"model": MODEL, "messages": says("silent")}
    answer = post(server, body, headers={"x-request-timeout-ms": "300"})
    assert answer.status_code == 504
    assert answer.json()["error"]["type"] == "server_error"
    wait_idle(server)


def test_many_clients_are_served_side_by_side(client: OpenAI, server: TorchServe) -> None:
    texts: list[str | None] = []

    def ask(number: int) -> None:
        answer = client.chat.completions.create(model=MODEL, messages=says(f"say {number} x"))
        texts.append(answer.choices[0].message.content)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, texts)) == sorted(f"{number} x " for number in range(30))
    wait_idle(server)


def test_the_engines_paths_are_served_below_predictions_too(server: TorchServe) -> None:
    body = {"model": MODEL, "messages": says("say one")}
    answer = post(
        server,
        body,
        "/predictions/openai_words/1.0/v1/chat/completions",
        headers={"content-type": "application/json"},
    )
    assert answer.json()["choices"][0]["message"]["content"] == "one "


def test_no_two_models_are_served_under_one_name(server: TorchServe) -> None:
    registered = requests.post(
        f"{server.management}/models?url=openai_words&model_name=second&initial_workers=0",
        timeout=60,
    )
    assert registered.status_code == 409
    assert registered.json()["message"] == (
        'servedModelName of model second is "acme/words", but model openai_words has it as'
        " servedModelName."
    )
    assert not server.registered("second")
    taken = requests.post(
        f"{server.management}/models?url=commands&model_name=words-latest&initial_workers=0",
        timeout=60,
    )
    assert taken.status_code == 409


def test_the_handler_of_the_page_works(start: Callable[..., TorchServe]) -> None:
    page = (REPOSITORY / "docs" / "llm.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n# parrot\.py\n(.*?)```", page, re.S)
    config = re.search(r"```yaml\n# parrot\.yaml\n(.*?)```", page, re.S)
    assert code
    assert config
    server = start()
    server.store.write_handler("parrot", code.group(1), config.group(1))
    server.register("parrot")
    with client_of(server) as client:
        answer = client.chat.completions.create(model="parrot", messages=says("a b"))
        assert answer.choices[0].message.content == "a b "
        with pytest.raises(openai.NotFoundError, match="It serves v1/chat/completions"):
            client.embeddings.create(model="parrot", input="x")


def test_the_servers_token_is_the_api_key(start: Callable[..., TorchServe], tmp_path: Path) -> None:
    server = start(options=("--enable-model-api",))
    server.store.add_directory(MODELS / "openai_words")
    keys = json.loads((server.folder / "key_file.json").read_text())
    requests.post(
        f"{server.management}/models?url=openai_words&initial_workers=1&synchronous=true",
        headers={"Authorization": f"Bearer {keys['management']['key']}"},
        timeout=60,
    ).raise_for_status()
    with client_of(server, keys["inference"]["key"]) as client:
        answer = client.chat.completions.create(model=MODEL, messages=says("say one"))
        assert answer.choices[0].message.content == "one "
        assert "acme/words" in [model.id for model in client.models.list()]
    for wrong in ("wrong", keys["management"]["key"]):
        with client_of(server, wrong) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.chat.completions.create(model=MODEL, messages=says("say one"))
            assert caught.value.code == "invalid_api_key"
            with pytest.raises(openai.AuthenticationError):
                client.models.list()
    assert post(server, {"model": MODEL}).status_code == 401

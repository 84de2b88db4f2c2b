"""`python -m ts.llm_launcher` with a fake of vLLM: one command from a model to its OpenAI API."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from openai import OpenAI
from torchserve_process import REPOSITORY, TorchServe, wait_for

WORDS = (
    "--model_name chat --model_id acme/Large-1B --served_model_name large --lora_adapter sql=a/sql"
)
HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


class Launched(TorchServe):
    """The launcher and its server, with ports of their own by a settings file."""

    def __init__(self, folder: Path) -> None:
        environment = {
            "TS_CONFIG_FILE": str(folder / "config.properties"),
            "PYTHONPATH": str(REPOSITORY / "test" / "vllm_fake"),
        }
        super().__init__(folder, environment=environment)

    def command(self, *_: str) -> list[str]:
        return [sys.executable, "-m", "ts.llm_launcher", *WORDS.split()]

    def text(self) -> str:
        return "".join(self.output)

    def key(self) -> str:
        keys = json.loads((self.folder / "key_file.json").read_text())
        return str(keys["inference"]["key"])


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    running = Launched(tmp_path_factory.mktemp("launched"))
    running.start()
    wait_for(lambda: "chat is ready:" in running.text(), "the model to be ready")
    yield running
    assert running.stop() == 0, running.text()
    running.assert_nothing_left()


@pytest.fixture
def client(launched: Launched) -> Iterator[OpenAI]:
    url = f"{launched.inference}/v1"
    with OpenAI(base_url=url, api_key=launched.key(), max_retries=0, timeout=60) as made:
        yield made


def test_the_printed_command_works_as_printed(launched: Launched) -> None:
    match = re.search(r"^  curl .*?\n\n", launched.text(), re.M | re.S)
    assert match, launched.text()
    done = subprocess.run(
        ["bash", "-c", match.group(0).replace("curl ", "curl -s ", 1)],
        cwd=launched.folder,
        env=launched.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == "HELLO", done.stdout


@pytest.mark.parametrize("name", ["chat", "acme/Large-1B", "large", "sql"])
def test_the_model_and_its_adapters_are_served_under_all_their_names(
    client: OpenAI, name: str
) -> None:
    answer = client.chat.completions.create(model=name, messages=HELLO)
    assert answer.choices[0].message.content == "HELLO THERE"
    assert answer.model == name
    chunks = list(client.chat.completions.create(model=name, messages=HELLO, stream=True))
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["hello", "there"]


def test_tokens_are_on(launched: Launched, client: OpenAI) -> None:
    wrong = client.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        wrong.chat.completions.create(model="chat", messages=HELLO)


def test_nothing_but_the_api_can_be_reached(launched: Launched, client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["acme/Large-1B", "chat", "large", "sql"]
    head = {"Authorization": f"Bearer {launched.key()}"}
    for path in ("v1/load_lora_adapter", "sleep", "metrics", "v1/audio/speech"):
        url = f"{launched.inference}/predictions/chat/1.0/{path}"
        assert requests.post(url, json={}, headers=head, timeout=60).status_code == 404
    with pytest.raises(openai.NotFoundError, match="not here"):
        client.embeddings.create(model="chat", input="x", encoding_format="float")

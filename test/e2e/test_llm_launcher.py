"""`python -m ts.llm_launcher` with a fake of vLLM: one command from a model to its OpenAI API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from class_cache import folder_for_caches
from openai import OpenAI
from torchserve_process import REPOSITORY, free_ports, wait_for

WORDS = (
    "--model_name chat --model_id acme/Large-1B --served_model_name large --lora_adapter sql=a/sql"
)
HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


class Launched:
    """The launcher and its server, with ports of their own by a settings file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = free_ports(5)
        self.url = f"http://127.0.0.1:{ports[0]}"
        names = ("inference", "management", "metrics")
        settings = [
            f"{name}_address=http://127.0.0.1:{port}"
            for name, port in zip(names, ports, strict=False)
        ]
        settings += [f"grpc_inference_port={ports[3]}", f"grpc_management_port={ports[4]}"]
        (folder / "config.properties").write_text("\n".join(settings) + "\n")
        (folder / "tmp").mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TS_")},
            "TS_CONFIG_FILE": str(folder / "config.properties"),
            "PYTHONPATH": str(REPOSITORY / "test" / "vllm_fake"),
            "TMPDIR": str(folder / "tmp"),
            "TEMP": str(folder / "tmp"),
            "XDG_CACHE_HOME": folder_for_caches(),
            "LOG_LOCATION": str(folder / "logs"),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ts.llm_launcher", *WORDS.split()],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self.output.extend(lines)

    def text(self) -> str:
        return "".join(self.output)

    def key(self) -> str:
        keys = json.loads((self.folder / "key_file.json").read_text())
        return str(keys["inference"]["key"])

    def stop(self) -> int:
        self.process.terminate()
        status = self.process.wait(90)
        self.reader.join(90)
        return status


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    running = Launched(tmp_path_factory.mktemp("launched"))
    try:
        wait_for(
            lambda: "chat is ready:" in running.text() or running.process.poll() is not None,
            "the model to be ready",
        )
        assert running.process.poll() is None, running.text()
        yield running
    finally:
        status = running.stop()
    assert status == 0, running.text()


@pytest.fixture
def client(launched: Launched) -> Iterator[OpenAI]:
    url = f"{launched.url}/v1"
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
        url = f"{launched.url}/predictions/chat/1.0/{path}"
        assert requests.post(url, json={}, headers=head, timeout=60).status_code == 404
    with pytest.raises(openai.NotFoundError, match="not here"):
        client.embeddings.create(model="chat", input="x", encoding_format="float")

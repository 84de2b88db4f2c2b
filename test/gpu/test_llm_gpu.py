"""Language models on GPUs with the real vLLM, by the launcher's one command.

What the fake of vLLM in the other tests cannot show: that weights load, that tensor parallelism
says what one GPU says, and that the cache of keys and values is in the memory of the GPU.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from gpu_machine import gpus
from tiny_llama import write_tiny_llama
from torchserve_process import TorchServe, wait_for

LOADING_SEC = 400.0
QUESTION: list[Any] = [{"role": "user", "content": "tell a story"}]


def why_not() -> str | None:
    """Why this machine cannot show it, or None."""
    if gpus() == 0:
        return "there is no GPU"
    for package in ("vllm", "transformers", "tokenizers"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed; pip install vllm in this environment brings it"
    return None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


class Launched(TorchServe):
    """The launcher and its server, with ports of their own by a settings file."""

    def __init__(self, folder: Path, model: Path, *words: str) -> None:
        settings = {"TS_CONFIG_FILE": str(folder / "config.properties")}
        super().__init__(folder, environment=settings, torch=True)
        self._words = ("--model_name", "tiny", "--model_id", str(model), *words)

    def command(self, *_: str) -> list[str]:
        options = ("--disable_token_auth", "--vllm_engine.max_model_len", "512")
        return [sys.executable, "-m", "ts.llm_launcher", *self._words, *options]

    def wait_loaded(self) -> None:
        wait_for(lambda: "tiny is ready:" in "".join(self.output), "the model", LOADING_SEC)

    def chat(self, **more: Any) -> requests.Response:
        body = {"model": "tiny", "messages": QUESTION, "max_tokens": 16, "temperature": 0, **more}
        return requests.post(f"{self.inference}/v1/chat/completions", json=body, timeout=120)

    def said(self) -> str:
        answer = self.chat()
        assert answer.status_code == 200, answer.text
        return str(answer.json()["choices"][0]["message"]["content"])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "llama"
    write_tiny_llama(folder)
    return folder


@pytest.fixture(scope="module")
def launch(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[int], Launched]]:
    """Starts a server on that many GPUs; each number once, one server at a time."""
    running: dict[int, Launched] = {}

    def launched(size: int) -> Launched:
        if gpus() < size:
            pytest.skip(f"a tensor parallel size of {size} needs {size} GPUs, this has {gpus()}")
        if size not in running:
            stop()
            words = ("--vllm_engine.tensor_parallel_size", str(size))
            running[size] = Launched(tmp_path_factory.mktemp(f"gpus{size}"), tiny, *words)
            running[size].start()
            running[size].wait_loaded()
        return running[size]

    def stop() -> None:
        while running:
            _, server = running.popitem()
            assert server.stop() == 0, server.tail()
            # Not its temporary files: the engine leaves the sockets of its processes there.
            wait_for(lambda server=server: not server.processes(), "the end of all processes")

    yield launched
    stop()


def test_one_command_serves_real_weights_to_clients_of_openai(
    launch: Callable[[int], Launched],
) -> None:
    server = launch(1)
    answer = server.chat().json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "tiny"
    assert 0 < answer["usage"]["completion_tokens"] <= 16
    assert server.said() == answer["choices"][0]["message"]["content"]
    events = server.chat(stream=True).text.strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    pieces = [json.loads(event.removeprefix("data: "))["choices"] for event in events[:-1]]
    text = "".join(choices[0]["delta"].get("content") or "" for choices in pieces if choices)
    assert text == answer["choices"][0]["message"]["content"]


def test_errors_of_the_engine_have_the_form_of_the_api(launch: Callable[[int], Launched]) -> None:
    answer = launch(1).chat(max_tokens=100_000)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_cache_of_keys_and_values_is_in_the_memory_of_the_gpu(
    launch: Callable[[int], Launched],
) -> None:
    server = launch(1)

    def used() -> int:
        (worker,) = server.describe("tiny")["workers"]
        match = re.search(r"([\d.]+) *MiB", str(worker.get("gpuUsage")))
        return int(float(match.group(1))) if match else 0

    # The weights are 3 MB: what is taken beyond a context of CUDA is the cache.
    wait_for(lambda: used() > 4096, "memory of the GPU in the description", 150)


@pytest.mark.parametrize("size", [2, 4])
def test_tensor_parallel_workers_say_what_one_gpu_says(
    launch: Callable[[int], Launched], size: int
) -> None:
    if gpus() < size:
        pytest.skip(f"a tensor parallel size of {size} needs {size} GPUs, this has {gpus()}")
    alone = launch(1).said()
    server = launch(size)
    described = server.describe("tiny")
    assert (described["parallelType"], described["parallelLevel"]) == ("custom", size)
    # Sums in another order may choose another token, but hardly the first ones.
    assert server.said()[:8] == alone[:8]

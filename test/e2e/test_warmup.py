"""``warmup`` of model-config.yaml, and code that torch.compile keeps: no client waits for it."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"

COUNTING = """
seen = []

def handle(data, context):
    if data is None:
        return None
    seen.append([len(data), context.warming_up, str(data[0]["body"])])
    context.metrics.add_counter("SeenByHandler", len(data))
    return [seen] * len(data)
"""

FAILING = """
def handle(data, context):
    if data is None:
        return None
    return [{}["vocab"] for _ in data]
"""

CHAT = """
warmup:
- body: {model: m, messages: [{role: user, content: say one two}], max_tokens: 2}
  route: /v1/chat/completions
- body: {model: m, messages: [{role: user, content: say one two}], stream: true}
  route: /v1/chat/completions
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    running = TorchServe(tmp_path_factory.mktemp("warmup"))
    store = running.store
    sample = "batchSize: 4\nwarmup: [sample.txt]\n"
    store.write_handler("counting", COUNTING, sample)
    (store.path / "counting" / "sample.txt").write_text("a sample")
    store.write_handler("forgotten", COUNTING, sample)
    store.write_handler("failing", FAILING, "warmup: [{body: a sample}]\n")
    empty = "warmup: [{body: {messages: []}, route: /v1/chat/completions}]\n"
    for name, warmup in (("chat", CHAT), ("empty_chat", empty)):
        store.add_directory(MODELS / "openai_words", name)
        (store.path / name / "model-config.yaml").write_text(f"concurrency: 4\n{warmup}")
        manifest = store.path / name / "MAR-INF" / "MANIFEST.json"
        manifest.write_text(manifest.read_text().replace("openai_words", name))
    running.start("counting")
    yield running
    running.stop()
    running.assert_nothing_left()


def register(server: TorchServe, name: str) -> requests.Response:
    url = f"{server.management}/models?url={name}&initial_workers=1&synchronous=true"
    return requests.post(url, timeout=90)


def test_first_client_comes_after_the_samples_and_they_count_as_no_requests(
    server: TorchServe,
) -> None:
    server.wait_ready("counting")
    figures = requests.get(f"{server.metrics}/metrics", timeout=30).text
    counted = r'^ts_requests_total\{model_name="counting".*\} [1-9]'
    assert not re.search(counted, figures, re.MULTILINE)
    answer = server.predict("counting", data=b"x", headers={"content-type": "text/plain"})
    assert answer.json() == [[1, True, "a sample"], [4, True, "a sample"], [1, False, "x"]]
    server.wait_log("model_log.log", r"Warmed up with warmup\[0\] \(sample.txt\) in a batch of 4")
    server.wait_log("model_metrics.log", r"PredictionTime.*ModelName:counting")
    assert "warmup-" not in server.log("access_log.log") + server.log("model_metrics.log")


def test_sample_that_was_not_packed_is_told_at_registration(server: TorchServe) -> None:
    answer = register(server, "forgotten")
    assert answer.status_code == 400
    assert "warmup names the file 'sample.txt', which is not in the model's folder" in answer.text


def test_model_that_fails_on_its_sample_is_not_ready_and_says_why(server: TorchServe) -> None:
    answer = register(server, "failing")
    assert answer.status_code == 500
    said = str(answer.json())
    assert "The warm-up with warmup[0] in a batch of 1 failed with status 503" in said
    assert "KeyError: 'vocab' (handler.py:5, in " in said
    assert not server.registered("failing")


def test_generators_of_the_openai_api_are_warmed_up_and_answer(server: TorchServe) -> None:
    assert register(server, "chat").status_code == 200
    assert server.predict("chat", data=b"x").json()["running"] == 0
    body = {"model": "chat", "messages": [{"role": "user", "content": "say one two"}]}
    said = requests.post(f"{server.inference}/v1/chat/completions", json=body, timeout=60).json()
    assert said["choices"][0]["message"]["content"] == "one two "
    server.wait_log("model_log.log", r"Warmed up in [\d.]+ s, batches: 2")


def test_error_of_the_openai_api_fails_the_load_in_its_own_words(server: TorchServe) -> None:
    answer = register(server, "empty_chat")
    assert answer.status_code == 500
    assert "failed with status 400: the handler answered: " in answer.text
    assert "messages" in answer.text


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs c++")
def test_compiled_code_is_there_before_the_first_client_and_in_later_starts(
    tmp_path: Path, digits_archive: Path, seven: bytes
) -> None:
    caches = tmp_path / "caches"
    kept = caches / "torchserve-next" / "compiled"
    seconds, code = [], []
    for number in range(2):
        running = TorchServe(
            tmp_path / f"start{number}",
            torch=True,
            environment={"XDG_CACHE_HOME": str(caches), "OMP_NUM_THREADS": "1"},
        )
        folder = running.store.path / "digits"
        with zipfile.ZipFile(digits_archive) as packed:
            packed.extractall(folder)
        (folder / "seven.png").write_bytes(seven)
        (folder / "model-config.yaml").write_text(
            "startupTimeout: 300\npt2: {compile: {enable: true}}\nwarmup: [seven.png]\n"
        )
        running.start()
        running.register("digits", limit_sec=300)
        assert running.predict("digits", data=seven).json()["class"] == "7"
        line = running.wait_log("model_log.log", r"Warmed up in [\d.]+ s, batches: 1")
        seconds.append(float(line.split()[-4]))
        code.append({path for path in kept.rglob("*") if path.is_file() and path.suffix == ".so"})
        running.stop()
        # Not its temporary files: torch leaves headers there that it has precompiled.
        wait_for(lambda server=running: not server.processes(), "the end of all processes")
    print(f"warm-up with torch.compile: {seconds[0]} s, with what was kept {seconds[1]} s")
    assert code[0], "nothing was kept"
    assert code[1] == code[0]

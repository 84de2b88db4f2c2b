"""Workers share what their handlers import: torchvision here, whose import takes seconds."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from torchserve_process import TorchServe, wait_for

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed"
)

IMAGES = """
import os, sys
FOUND = "torchvision.transforms" in sys.modules
from torchvision import transforms
import torch

def handle(data, context):
    if data is None:
        return None
    image = transforms.Resize(8)(torch.ones(1, 3, 16, 16))
    return [{"found": FOUND, "pid": os.getpid(), "sum": image.sum().item()} for _ in data]
"""
THREADS = IMAGES.replace("from torchvision", "import polling\nfrom torchvision")
POLLING = """
import threading, time
threading.Thread(target=time.sleep, args=(3600,), name="poll", daemon=True).start()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    packages = tmp_path_factory.mktemp("python") / "site-packages"
    packages.mkdir()
    (packages / "polling.py").write_text(POLLING)
    environment = {"PYTHONPATH": str(packages)}
    running = TorchServe(tmp_path_factory.mktemp("imports"), environment=environment, torch=True)
    running.store.write_handler("images", IMAGES, "minWorkers: 2\nmaxWorkers: 4")
    running.store.write_handler("alone", IMAGES, "templateImports: off")
    running.store.write_handler("threads", THREADS)
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.fixture(autouse=True)
def nothing_registered_before(server: TorchServe) -> None:
    for model in requests.get(f"{server.management}/models", timeout=60).json()["models"]:
        requests.delete(f"{server.management}/models/{model['modelName']}", timeout=60)


def register(server: TorchServe, name: str) -> None:
    url = f"{server.management}/models?url={name}&model_name={name}"
    answer = requests.post(f"{url}&initial_workers=2&synchronous=true", timeout=120)
    assert answer.status_code == 200, answer.text


def all_from_the_template(server: TorchServe, name: str) -> bool:
    """Whether no worker imports for itself; else starts those anew.

    On a busy machine the imports take longer than the first workers wait for them.
    """
    reasons = [worker["plainFork"] for worker in workers(server, name) if "plainFork" in worker]
    assert all("its imports take long" in reason for reason in reasons), reasons
    for count in (0, 2) if reasons else ():
        url = f"{server.management}/models/{name}?min_worker={count}&max_worker={count}"
        answer = requests.put(f"{url}&synchronous=true", timeout=120)
        assert answer.status_code == 200, answer.text
    return not reasons


def predict(server: TorchServe, name: str) -> dict[str, Any]:
    answer = requests.post(f"{server.inference}/predictions/{name}", data=b"x", timeout=60)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def workers(server: TorchServe, name: str) -> list[dict[str, Any]]:
    described = requests.get(f"{server.management}/models/{name}", timeout=60).json()
    result: list[dict[str, Any]] = described[0]["workers"]
    return result


def test_workers_find_torchvision_imported_also_after_a_kill(server: TorchServe) -> None:
    register(server, "images")
    wait_for(lambda: all_from_the_template(server, "images"), "workers from the template")
    assert predict(server, "images")["found"] is True
    killed = [worker["pid"] for worker in workers(server, "images")]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: not {w.get("pid") for w in workers(server, "images")} & {None, *killed}, "both"
    )
    wait_for(lambda: {w["state"] for w in workers(server, "images")} == {"READY"}, "two workers")
    after = predict(server, "images")
    assert after["pid"] not in killed
    assert after == {"found": True, "pid": after["pid"], "sum": 192.0}


def test_model_that_turns_it_off_imports_in_each_worker(server: TorchServe) -> None:
    register(server, "alone")
    assert predict(server, "alone")["found"] is False
    assert not [worker for worker in workers(server, "alone") if "plainFork" in worker]


def test_import_that_starts_a_thread_is_not_shared_and_description_and_log_say_why(
    server: TorchServe,
) -> None:
    register(server, "threads")
    assert predict(server, "threads")["found"] is False
    reason = "importing polling, torchvision started threads that still run (poll)"
    assert [worker.get("plainFork") for worker in workers(server, "threads")] == [reason] * 2
    wait_for(lambda: reason in model_log(server), "the reason in the model log")


def model_log(server: TorchServe) -> str:
    return (server.logs / "model_log.log").read_text(encoding="utf-8")

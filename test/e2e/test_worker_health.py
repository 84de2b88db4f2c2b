"""Workers that fail again and again, or can serve no more, are replaced; what they started goes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from grpc_api import Api
from torchserve_process import TorchServe, is_alive, wait_for

HANDLER = """
import os, subprocess, sys
import torch

class Cuda:
    # Stands for torch.cuda in a process whose context is corrupted.
    def is_initialized(self):
        return True
    def synchronize(self, device=None):
        raise RuntimeError("CUDA error: device-side assert triggered")

def detached(path):
    if os.fork() == 0:
        os.setsid()
        child = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
        with open(path, "a") as file:
            file.write(f"{subprocess.Popen(child, start_new_session=True).pid}\\n")
        os._exit(0)
    os.wait()

def handle(data, context):
    if data is None:
        return None
    words = [row["body"].split() for row in data]
    if words[0][0] == "raise":
        raise ValueError(" ".join(words[0]))
    if words[0][0] == "corrupt":
        torch.cuda = Cuda()
        raise RuntimeError("CUDA error: device-side assert triggered")
    if words[0][0] == "detach":
        detached(words[0][1])
    return [str(os.getpid()) for _ in data]
"""


@pytest.fixture(scope="module")
def health(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    server = TorchServe(tmp_path_factory.mktemp("health"), torch=True)
    for name, config in (("failing", ""), ("patient", "maxFailuresInRow: 0\n"), ("twins", "")):
        server.store.write_handler(name, HANDLER, config)
    server.start()
    for name in ("failing", "patient"):
        register(server, name)
    yield server
    server.stop()
    server.assert_nothing_left()


def register(server: TorchServe, name: str, workers: int = 1) -> None:
    url = f"{server.management}/models?url={name}&initial_workers={workers}&synchronous=true"
    requests.post(url, timeout=60).raise_for_status()


def ask(server: TorchServe, model: str, text: str) -> requests.Response:
    return server.predict(model, data=text, headers={"content-type": "text/plain"})


def over_grpc(server: TorchServe, model: str) -> dict[str, Any]:
    api = Api(server.grpc_management_port, "management", "ManagementAPIsService")
    description: dict[str, Any] = json.loads(api.DescribeModel(model_name=model).msg)[0]
    api.close()
    return description


def test_twenty_failures_in_a_row_replace_the_worker_and_all_descriptions_say_why(
    health: TorchServe,
) -> None:
    (old,) = health.worker_pids("failing")
    assert ask(health, "failing", "ok").text == str(old)
    for _ in range(30):
        assert ask(health, "failing", "raise the same").status_code == 503
    for i in range(18):
        assert ask(health, "failing", f"raise {i}").status_code == 503
    assert ask(health, "failing", "ok").text == str(old), "one request, and 18 others"
    for i in range(20):
        assert ask(health, "failing", f"raise {i}").status_code == 503

    def is_replaced() -> bool:
        # One that comes at once may still be served by the old worker.
        answer = ask(health, "failing", "ok")
        assert answer.status_code == 200, "what comes meanwhile waits"
        return answer.text != str(old)

    wait_for(is_replaced, "a new worker")
    expected = (
        "20 failures in a row (maxFailuresInRow), the last: ValueError: raise 19 (handler.py:26, in"
        " handle)"
    )
    for description in (health.describe("failing"), over_grpc(health, "failing")):
        (worker,) = description["workers"]
        assert worker["restarts"] == 1
        assert worker["lastExit"]["reason"] == expected
    health.wait_log("model_log.log", r"W-9\d{3}-failing_1\.0 is replaced: 20 failures in a row")


def test_without_a_limit_a_worker_may_fail_for_ever(health: TorchServe) -> None:
    pids = health.worker_pids("patient")
    for i in range(60):
        assert ask(health, "patient", f"raise {i}").status_code == 503
    assert health.worker_pids("patient") == pids


def test_worker_whose_accelerator_is_corrupted_is_replaced_at_once(health: TorchServe) -> None:
    (old,) = health.worker_pids("patient")
    assert ask(health, "patient", "ok").text == str(old)
    answer = ask(health, "patient", "corrupt")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(
        "RuntimeError: CUDA error: device-side assert triggered"
    )
    next_answer = ask(health, "patient", "ok")
    assert next_answer.status_code == 200
    assert next_answer.text != str(old)
    expected = "its accelerator fails every call: RuntimeError: CUDA error: device-side assert"
    for description in (health.describe("patient"), over_grpc(health, "patient")):
        assert description["workers"][0]["lastExit"]["reason"].startswith(expected)
    health.wait_log("model_log.log", r"is replaced: its accelerator fails every call")


def test_what_a_handler_detached_ends_with_its_worker_and_with_its_model(
    health: TorchServe, tmp_path: Path
) -> None:
    register(health, "twins", 2)
    pids = tmp_path / "pids"

    def started(count: int) -> list[int]:
        lines = pids.read_text().split("\n")[:-1] if pids.exists() else []
        return [int(line) for line in lines] if len(lines) >= count else []

    worker = int(ask(health, "twins", f"detach {pids}").text)
    (first,) = wait_for(lambda: started(1), "the first process")
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not is_alive(first), "the first process to end")
    ask(health, "twins", f"detach {pids}").raise_for_status()
    second = wait_for(lambda: started(2), "the second process")[1]
    assert is_alive(second)
    requests.delete(f"{health.management}/models/twins", timeout=60).raise_for_status()
    wait_for(lambda: not is_alive(second), "the second process to end")

"""What only a machine with GPUs can show; scripts/gpu-check runs it there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from gpu_machine import gpus, register
from torchserve_process import REPOSITORY, TorchServe, wait_for

EXAMPLE = REPOSITORY / "examples" / "tensor_parallel"
START = "startupTimeout: 300\nresponseTimeout: 120\nbatchSize: 1\n"

DEVICE = """
import os
import torch

KEPT = []

def handle(data, context):
    gpu = context.system_properties["gpu_id"]
    device = torch.device("cuda", gpu)
    if data is None:
        KEPT.append(torch.ones(64 << 20, dtype=torch.uint8, device=device))
        return None
    return [{
        "gpu": gpu,
        "uuid": str(torch.cuda.get_device_properties(device).uuid),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "rank": int(os.environ.get("RANK", "-1")),
        "sum": int(KEPT[0].sum()),
    }]
"""

MEMORY = """
import torch

def handle(data, context):
    if data is None:
        return None
    text = bytes(data[0].get("data") or data[0].get("body")).decode()
    device = torch.device("cuda", context.system_properties["gpu_id"])
    if text == "too much":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.empty(2 * total, dtype=torch.uint8, device=device)
    if text == "corrupt":
        index = torch.tensor([1 << 40], device=device)
        torch.zeros(4, device=device)[index]
        torch.cuda.synchronize(device)
    return [str(torch.ones(3, device=device).sum().item())]
"""

TOO_LARGE = """
import torch

def handle(data, context):
    device = torch.device("cuda", context.system_properties["gpu_id"])
    total = torch.cuda.get_device_properties(device).total_memory
    torch.empty(2 * total, dtype=torch.uint8, device=device)
"""


pytestmark = pytest.mark.skipif(gpus() == 0, reason="there is no GPU")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    running = TorchServe(tmp_path_factory.mktemp("gpu"), torch=True)
    store = running.store
    store.write_handler("devices", DEVICE, START)
    store.write_handler("memory", MEMORY, START)
    store.write_handler("large", TOO_LARGE, START)
    tp = "parallelType: tp\ntorchrun: {nproc-per-node: %d}\n"
    store.write_handler("pair", (EXAMPLE / "handler.py").read_text(), START + tp % 2)
    store.write_handler("single", (EXAMPLE / "handler.py").read_text(), START + tp % 1)
    store.write_handler("many", DEVICE, START + tp % (gpus() + 1))
    for name in ("pair", "single"):
        for file in ("model.py", "weights.pt"):
            shutil.copy(EXAMPLE / file, store.path / name)
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


def test_workers_take_the_gpus_in_turn_and_descriptions_show_their_memory(
    server: TorchServe,
) -> None:
    assert register(server, "devices", gpus()).status_code == 200
    seen: dict[int, Any] = {}
    for _ in range(20 * gpus()):
        answer = server.predict("devices", data=b"x").json()
        assert answer["sum"] == 64 << 20
        seen[answer["gpu"]] = answer["uuid"]
        if len(seen) == gpus():
            break
    assert set(seen) == set(range(gpus()))
    assert len(set(seen.values())) == gpus()

    def shown() -> bool:
        workers = server.describe("devices")["workers"]
        return all(worker["gpu"] and "MiB" in worker["gpuUsage"] for worker in workers)

    wait_for(shown, "memory of the GPUs in the description", 150)
    server.wait_log("ts_metrics.log", r"GPUMemoryUsed")


@pytest.mark.parametrize("size", [1, 2])
def test_a_model_split_over_nccl_answers_as_the_whole_one(server: TorchServe, size: int) -> None:
    if gpus() < size:
        pytest.skip(f"{size} ranks need {size} GPUs, this machine has {gpus()}")
    import torch

    name = "pair" if size == 2 else "single"
    assert register(server, name).status_code == 200
    weights = torch.load(EXAMPLE / "weights.pt", weights_only=True)
    row = torch.linspace(0, 1, 64)
    hidden = torch.relu(weights["up.weight"] @ row + weights["up.bias"])
    expected = (weights["down.weight"] @ hidden + weights["down.bias"]).softmax(0)
    answer = server.predict(name, json=row.tolist())
    assert answer.status_code == 200, answer.text
    assert answer.json()["probabilities"] == pytest.approx(expected.tolist(), abs=1e-3)
    (worker,) = server.describe(name)["workers"]
    assert len(worker["rankPids"]) == size


def test_more_ranks_than_gpus_are_refused(server: TorchServe) -> None:
    answer = register(server, "many")
    assert answer.json()["message"].startswith("No enough gpu devices for model:many")
    assert not server.registered("many")


def test_a_model_that_does_not_fit_is_507_and_is_not_registered(server: TorchServe) -> None:
    assert register(server, "large").status_code == 507
    assert not server.registered("large")


def test_a_request_that_does_not_fit_is_507_and_the_worker_goes_on(server: TorchServe) -> None:
    if not server.registered("memory"):
        assert register(server, "memory").status_code == 200
    pids = server.worker_pids("memory")
    assert server.predict("memory", data=b"too much").status_code == 507
    assert server.predict("memory", data=b"x").text == "3.0"
    assert server.worker_pids("memory") == pids


def test_a_corrupted_context_of_cuda_has_its_worker_replaced(server: TorchServe) -> None:
    if not server.registered("memory"):
        assert register(server, "memory").status_code == 200
    pids = server.worker_pids("memory")
    assert server.predict("memory", data=b"corrupt").status_code >= 500
    server.wait_new_worker("memory", pids)
    assert server.predict("memory", data=b"x").text == "3.0"
    exited = server.describe("memory")["workers"][0]["lastExit"]
    assert "accelerator" in exited["reason"]

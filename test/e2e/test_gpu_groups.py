"""Workers that take several GPUs each. The GPUs are names in the environment, no devices."""

from __future__ import annotations

from pathlib import Path

import requests
from torchserve_process import TorchServe

HANDLER = """
import os

def handle(data, context):
    if data is None:
        return None
    seen = [os.environ.get("CUDA_VISIBLE_DEVICES"), context.system_properties["gpu_id"]]
    return [{"seen": seen} for _ in data]
"""


def test_worker_of_a_custom_parallel_model_sees_its_group_alone(tmp_path: Path) -> None:
    server = TorchServe(
        tmp_path / "server", environment={"CUDA_VISIBLE_DEVICES": "4,5,GPU-aa,GPU-bb,6"}
    )
    server.store.write_handler(
        "pair", HANDLER, "parallelType: custom\nparallelLevel: 2\nminWorkers: 9\nmaxWorkers: 9\n"
    )
    server.store.write_handler(
        "own", HANDLER, "parallelType: custom\nparallelLevel: 1\ndeviceIds: [2]\n"
    )
    server.store.write_handler("one", HANDLER)
    server.store.write_handler("huge", HANDLER, "parallelType: custom\nparallelLevel: 6\n")
    server.start("pair")
    try:
        server.wait_ready("pair", 2)
        described = server.describe("pair")
        assert (described["minWorkers"], described["maxWorkers"]) == (2, 2)
        assert (described["parallelType"], described["parallelLevel"]) == ("custom", 2)
        answers = [server.predict("pair", data=b"x").json()["seen"] for _ in range(8)]
        assert {tuple(seen) for seen in answers} <= {("4,5", 0), ("GPU-aa,GPU-bb", 0)}
        models = f"{server.management}/models"
        for name, seen in (("own", ["GPU-aa", 0]), ("one", ["4,5,GPU-aa,GPU-bb,6", 0])):
            requests.post(f"{models}?url={name}&initial_workers=1", timeout=60).raise_for_status()
            assert server.predict(name, data=b"x").json()["seen"] == seen
        refused = requests.post(f"{models}?url=huge&initial_workers=1", timeout=60)
        assert refused.status_code == 500
        assert refused.json()["type"] == "WorkerInitializationException"
        assert refused.json()["message"] == "No enough gpu devices for model:huge parallelLevel:6"
        assert not server.registered("huge")
    finally:
        server.stop()
    server.assert_nothing_left()

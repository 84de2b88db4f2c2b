"""Workers with cores of their own (cpu_launcher_enable), as the kernel shows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe, wait_for

HANDLER = """
def handle(data, context):
    return None if data is None else [b"done" for _ in data]
"""


def cpus_of(pid: int) -> set[int]:
    return set(os.sched_getaffinity(pid))


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this process may use one CPU alone")
def test_cores_are_divided_among_workers_and_anew_when_they_come_and_go(tmp_path: Path) -> None:
    server = TorchServe(
        tmp_path / "server",
        config={"cpu_launcher_enable": "true", "cpu_launcher_args": "--use_logical_core --turbo"},
    )
    server.store.write_handler("pinned", HANDLER, "minWorkers: 2\nmaxWorkers: 2\n")
    server.store.write_handler("free", HANDLER, "cpuLauncher: false\n")
    server.start("pinned", "free")
    try:
        server.wait_ready("pinned", 2)
        server.wait_ready("free")
        everything = cpus_of(os.getpid())
        first, second = server.worker_pids("pinned")
        assert not cpus_of(first) & cpus_of(second)
        assert cpus_of(first) | cpus_of(second) == everything
        (free,) = server.worker_pids("free")
        assert cpus_of(free) == everything
        server.wait_log("model_log.log", "cpu_launcher_args: --turbo is unknown and has no effect")
        scale = f"{server.management}/models/pinned?min_worker=1&max_worker=1&synchronous=true"
        requests.put(scale, timeout=60).raise_for_status()
        (left,) = wait_for(
            lambda: len(pids := server.worker_pids("pinned")) == 1 and pids, "one worker is left"
        )
        assert left == first  # nothing was restarted
        wait_for(lambda: cpus_of(first) == everything, "it has the cores of the other")
        assert server.predict("pinned", data=b"x").content == b"done"
    finally:
        server.stop()
    server.assert_nothing_left()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this process may use one CPU alone")
def test_a_model_may_have_cores_of_its_own_where_others_do_not(
    start: Callable[..., TorchServe],
) -> None:
    server = start()
    server.store.write_handler("own", HANDLER, "cpuLauncher: true\nminWorkers: 2\n")
    requests.post(f"{server.management}/models?url=own", timeout=60).raise_for_status()
    server.wait_ready("own", 2)
    first, second = server.worker_pids("own")
    assert not cpus_of(first) & cpus_of(second)

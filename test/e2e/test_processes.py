"""The tree of processes: what it costs, and that nothing of it is ever left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from torchserve_process import LIMIT_SEC, REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"


def with_commands(server: TorchServe) -> TorchServe:
    server.store.add_directory(MODELS / "commands")
    requests.post(f"{server.management}/models?url=commands", timeout=60).raise_for_status()
    server.wait_ready("commands")
    return server


@pytest.mark.parametrize("transport", ["unix", "tcp"])
@pytest.mark.parametrize("start_mode", ["fork", "spawn"])
def test_workers_serve_however_they_start_and_connect(
    start: Callable[..., TorchServe], transport: str, start_mode: str
) -> None:
    server = start(config={"worker_transport": transport})
    server.store.add_directory(MODELS / "commands")
    config = server.store.path / "commands" / "model-config.yaml"
    config.write_text(config.read_text() + f"workerStart: {start_mode}\n")
    requests.post(f"{server.management}/models?url=commands", timeout=60).raise_for_status()
    answer = server.order("pid")
    assert answer.status_code == 200
    assert server.worker_pids("commands") == [answer.json()["pid"]]


def test_nio_serves_where_epoll_is_not_wanted(start: Callable[..., TorchServe]) -> None:
    server = with_commands(start(config={"use_native_io": "false"}))
    assert server.order("echo").status_code == 200


def test_worker_output_is_in_the_model_log_at_once_line_by_line(
    start: Callable[..., TorchServe],
) -> None:
    server = with_commands(start())
    server.order("print", text="a line of the handler").raise_for_status()
    server.wait_log(
        "model_log.log", r"INFO.*W-9000-commands_1\.0-stdout.*MODEL_LOG - a line of the handler$"
    )
    server.wait_log(
        "model_log.log", r"WARN.*W-9000-commands_1\.0-stderr.*MODEL_LOG - a line of the handler$"
    )
    server.wait_log("model_log.log", r"Torch worker started\.$")
    server.wait_log("model_log.log", r"Python runtime: \d+\.\d+\.\d+")
    server.wait_log("model_log.log", r"model_name: commands, batchSize: 1")


def test_log_lines_that_operators_watch(start: Callable[..., TorchServe]) -> None:
    server = with_commands(start())
    for pattern in (
        r"DEBUG.*Adding new version 1\.0 for model commands",
        r"INFO.*Model commands loaded\.",
        r"DEBUG.*State change .* -> WORKER_STARTED",
        r"DEBUG.*State change WORKER_STARTED -> WORKER_MODEL_LOADED",
        r"INFO.*Connecting to: ",
    ):
        server.wait_log("ts_log.log", pattern)
    (pid,) = server.worker_pids("commands")
    os.kill(pid, signal.SIGKILL)
    server.wait_new_worker("commands", [pid])
    for pattern in (
        r"INFO.*9000 Worker disconnected\. ",
        r"INFO.*Retry worker: 9000 in 0 seconds\.",
        r"INFO.*Auto recovery start timestamp: \d+",
        r"INFO.*Auto recovery succeeded, reset recoveryStartTS",
    ):
        server.wait_log("ts_log.log", pattern)
    log = server.log("ts_log.log")
    assert len(re.findall("Connecting to: ", log)) == 2  # the first worker and its successor
    assert not re.search(r"State change (\w+) -> \1", log)
    server.order("echo")
    server.wait_log(
        "access_log.log", r' - /127\.0\.0\.1:\d+ "POST /predictions/commands HTTP/1\.1" 200 \d+$'
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_what_is_in_flight_and_ends_everything(
    start: Callable[..., TorchServe], number: signal.Signals
) -> None:
    import threading

    server = with_commands(start())
    answers: list[int] = []
    client = threading.Thread(
        target=lambda: answers.append(server.order("sleep", seconds=1).status_code)
    )
    client.start()
    wait_for(
        lambda: server.describe("commands")["workers"][0]["inFlight"] == 1, "a request in flight"
    )
    server.stop(number)
    client.join()
    assert answers == [200]
    server.assert_nothing_left()


AT_EXIT = """
import atexit
import pathlib


def handle(data, context):
    if data is None:
        atexit.register(pathlib.Path({mark!r}).touch)
        return None
    return ["ok" for _ in data]
"""


def test_what_handlers_registered_for_their_end_runs_at_a_stop(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    mark = tmp_path / "cleaned-up"
    server = start()
    server.store.write_handler("tidy", AT_EXIT.format(mark=str(mark)), "minWorkers: 1\n")
    server.register("tidy")
    server.stop()
    assert mark.exists()


def test_a_hanging_handler_does_not_outlive_the_limit(start: Callable[..., TorchServe]) -> None:
    import threading

    server = with_commands(start(config={"shutdown_drain_timeout": "1"}))
    answers: list[object] = []

    def call() -> None:
        try:
            answers.append(server.order("hang").status_code)
        except requests.RequestException as error:
            answers.append(error)

    client = threading.Thread(target=call)
    client.start()
    wait_for(
        lambda: server.describe("commands")["workers"][0]["inFlight"] == 1, "a request in flight"
    )
    server.stop()
    client.join()
    assert len(answers) == 1
    server.assert_nothing_left()


def test_kill_9_of_the_frontend_leaves_no_process(start: Callable[..., TorchServe]) -> None:
    server = with_commands(start())
    assert server.process is not None
    server.process.kill()
    server.process.wait(LIMIT_SEC)
    wait_for(lambda: not server.processes(), f"all to end: {server.processes()}")
    # It had no time to tidy up; the next start does.
    server.start()
    wait_for(lambda: len(list(server.temp.glob("tsnext-*"))) <= 1, "the old folder to go")


def test_kill_9_of_init_ends_the_old_tree(start: Callable[..., TorchServe]) -> None:
    server = with_commands(start())
    (init,) = server.inits()
    old = [pid for pid in server.processes() if "python" in _words(pid)]
    os.kill(init, signal.SIGKILL)
    wait_for(lambda: not any(_alive(pid) for pid in old), "the old tree to end")
    server.wait_ready("commands")
    assert server.order("echo").status_code == 200


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def memory_kib(pid: int, field: str = "Pss") -> int:
    """Proportional (or unique) resident memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    match = re.search(rf"^{field}:\s+(\d+) kB", text, re.M)
    assert match
    return int(match.group(1))


def test_four_workers_start_fast_and_share_their_memory(
    start: Callable[..., TorchServe],
    digits_archive: Path,
    seven: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import shutil

    server = start(torch=True)
    shutil.copy(digits_archive, server.store.path)
    requests.post(
        f"{server.management}/models?url=digits.mar&initial_workers=1", timeout=120
    ).raise_for_status()
    server.wait_ready("digits")
    begin = time.monotonic()
    requests.put(
        f"{server.management}/models/digits?min_worker=4&synchronous=true", timeout=120
    ).raise_for_status()
    took = time.monotonic() - begin
    for _ in range(16):
        server.predict("digits", data=seven).raise_for_status()
    workers = server.worker_pids("digits")
    assert len(workers) == 4
    together = sum(memory_kib(pid) for pid in workers)
    alone = memory_of_a_process_that_imports_torch()
    with capsys.disabled():
        print(
            f"\n1 to 4 digits workers: {took:.2f} s; the four hold {together / 1024:.0f} MiB (PSS),"
            f" of four processes that import torch on their own: {4 * alone / 1024:.0f} MiB"
        )
    assert together < 2 * alone


def memory_of_a_process_that_imports_torch() -> int:
    """Private memory in KiB; file-backed pages shared with others are left out."""
    with subprocess.Popen(
        [sys.executable, "-c", "import torch; print('up', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        kib = memory_kib(process.pid, "Private_Dirty") + memory_kib(process.pid, "Private_Clean")
        kib = max(kib, memory_kib(process.pid, "Pss"))
        process.kill()
    return kib

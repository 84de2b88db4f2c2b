"""Metrics of the machine and the memory of workers, from a real server on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import MODELS
from torchserve_process import LIMIT_SEC, REPOSITORY, TorchServe, wait_for

NAMES = {
    "CPUUtilization": "Percent",
    "MemoryUsed": "Megabytes",
    "MemoryAvailable": "Megabytes",
    "MemoryUtilization": "Percent",
    "DiskUsage": "Gigabytes",
    "DiskAvailable": "Gigabytes",
    "DiskUtilization": "Percent",
}
GIB = 1 << 30
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}

COLLECTOR = """
import json, os, sys, time
pids = sys.stdin.readline().strip()
home = os.getcwd()
os.chdir(os.path.dirname(__file__))
with open("record.json.new", "w") as file:
    record = {"cwd": home, "words": sys.argv[1:], "pids": pids}
    json.dump({**record, "environment": dict(os.environ)}, file)
os.rename("record.json.new", "record.json")
mode = open("mode").read()
if mode == "hang":
    time.sleep(3600)
if mode == "fail":
    sys.exit("no sensor")
if mode == "flood":
    while True:
        print("x" * 1000)
if mode == "garbage":
    print("Traceback (most recent call last):")
print("CPUUtilization.Percent:%s|#Level:Host|#hostname:h,1700000000" % open("value").read())
print("RackTemperature.Celsius:31|#Level:Host,rack:7|#hostname:h,1700000000")
print("Unheard.Of:1|#Level:Host|#hostname:h,1700000000")
print()
if mode == "garbage":
    print("Failed get process for pid: 1")
for pid in filter(None, pids.split(",")):
    print(f"{pid}:4711000")
"""


def samples(server: TorchServe, name: str) -> list[float]:
    """The values of a metric that were logged, the newest last."""
    line = re.compile(
        rf"^\S+ - {name}\.\w+:([-\d.Ee]+)\|#Level:Host\|#hostname:[^,|]+,timestamp:\d{{10}}$", re.M
    )
    return [float(value) for value in line.findall(server.log("ts_metrics.log"))]


def memory_usage(server: TorchServe) -> int:
    (worker,) = server.describe("commands")["workers"]
    assert worker["gpuUsage"] == "N/A"
    return int(worker["memoryUsage"])


def meminfo(key: str) -> float:
    text = Path("/proc/meminfo").read_text()
    return int(re.findall(rf"^{key}:\s+(\d+) kB", text, re.M)[0]) / 1024


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server that looks at the machine each second."""
    config = {"metric_time_interval": "1", "model_metrics_auto_detect": "true"}
    running = TorchServe(tmp_path_factory.mktemp("watched"), config=config, environment=NO_GPU)
    running.store.add_directory(MODELS / "commands")
    running.start("commands")
    running.wait_ready("commands")
    yield running
    running.stop()
    running.assert_nothing_left()


def test_every_metric_of_the_machine_is_logged_again_and_again(watched: TorchServe) -> None:
    for name, unit in NAMES.items():
        wait_for(lambda name=name: len(samples(watched, name)) >= 3, f"three values of {name}")
        assert f" - {name}.{unit}:" in watched.log("ts_metrics.log")
    assert " - GPU" not in watched.log("ts_metrics.log")


def test_values_are_those_of_this_machine(watched: TorchServe) -> None:
    latest = {}
    for name in NAMES:
        latest[name] = wait_for(lambda name=name: samples(watched, name), name)[-1]
    assert 0 <= latest["CPUUtilization"] <= 100
    total = latest["MemoryUsed"] + latest["MemoryAvailable"]
    # Exact without a limit of a container, whose droppable pages count as neither.
    assert total <= meminfo("MemTotal") * 1.01
    assert latest["MemoryAvailable"] <= meminfo("MemTotal")
    assert 0 < latest["MemoryUtilization"] < 100
    disk = shutil.disk_usage("/")
    assert latest["DiskUsage"] == pytest.approx(disk.used / GIB, rel=0.05, abs=1)
    assert latest["DiskAvailable"] == pytest.approx(disk.free / GIB, rel=0.05, abs=1)
    share = 100 * disk.used / (disk.used + disk.free)
    assert latest["DiskUtilization"] == pytest.approx(share, abs=2)


def test_busy_processors_are_seen(watched: TorchServe) -> None:
    def ticks() -> tuple[int, int]:
        words = Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
        numbers = [int(word) for word in words]
        return numbers[3] + numbers[4], sum(numbers)

    before = len(wait_for(lambda: samples(watched, "CPUUtilization"), "a value"))
    idle, total = ticks()
    wait_for(lambda: len(samples(watched, "CPUUtilization")) >= before + 4, "four values")
    idle_then, total_then = ticks()
    seen = samples(watched, "CPUUtilization")[before : before + 4]
    busy = 100 * (1 - (idle_then - idle) / (total_then - total))
    assert min(seen) - 35 <= busy <= max(seen) + 35


def test_memory_of_a_worker_is_told_as_the_kernel_counts_it(watched: TorchServe) -> None:
    wait_for(lambda: memory_usage(watched) > 0, "a memoryUsage")
    (pid,) = watched.worker_pids("commands")
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024
    assert memory_usage(watched) == pytest.approx(resident, rel=0.3)


def test_handlers_cannot_forge_metrics_of_the_machine(watched: TorchServe) -> None:
    for name in ("CPUUtilization.Percent", "Requests2XX.Count", "Marker.Count"):
        line = f"[METRICS]{name}:4242|#Level:Host|#type:COUNTER|#hostname:h,1700000000"
        watched.order("print", text=line).raise_for_status()
    watched.wait_log("model_metrics.log", r"Marker\.Count:4242\.0\|#Level:Host\|")
    seen = len(samples(watched, "CPUUtilization"))
    wait_for(lambda: len(samples(watched, "CPUUtilization")) >= seen + 2, "two more values")
    assert ":4242.0|" not in watched.log("ts_metrics.log")
    forged = r"(CPUUtilization|Requests2XX)\.\w+:4242\.0\|"
    assert not re.search(forged, watched.log("model_metrics.log"))


class Collector:
    """A command of an operator, and what it is told by files beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.script = folder / "collect.py"
        self.script.write_text(COLLECTOR)
        self.set("good", 1)

    def set(self, mode: str, value: float) -> None:
        for name, text in (("mode", mode), ("value", str(value))):
            (self.folder / f"{name}.new").write_text(text)
            (self.folder / f"{name}.new").replace(self.folder / name)

    def record(self) -> dict[str, Any]:
        file = self.folder / "record.json"
        return json.loads(file.read_text()) if file.exists() else {}


def test_command_of_the_operator_takes_over_whatever_it_does(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    collector = Collector(tmp_path / "collector")
    shutil.copytree(MODELS / "commands", tmp_path / "server0" / "store" / "commands")
    shipped = REPOSITORY / "ts-python" / "src" / "ts" / "configs" / "metrics.yaml"
    rack = "    - {name: RackTemperature, unit: Celsius, dimensions: [*level, rack, *hostname]}\n"
    declarations = tmp_path / "metrics.yaml"
    declarations.write_text(
        shipped.read_text().replace("\nmodel_metrics:", rack + "\nmodel_metrics:")
    )
    server = start(
        "commands",
        config={
            "metric_time_interval": "1",
            "system_metrics_cmd": f"{collector.script} --gpu  0",
            "blacklist_env_vars": "HIDDEN_.*",
            "metrics_config": str(declarations),
        },
        environment={
            **NO_GPU,
            "HIDDEN_VALUE": "1",
            "SHOWN_VALUE": "2",
            "TS_INFERENCE_TOKEN": "x" * 32,
        },
    )
    server.wait_ready("commands")
    wait_for(lambda: memory_usage(server) == 4711000, "the memory that the command told")
    (pid,) = server.worker_pids("commands")
    record = wait_for(lambda: collector.record().get("pids") == str(pid) and collector.record(), "")
    assert record["words"] == ["--gpu", "0"]
    assert (Path(record["cwd"]) / "ts").is_dir()
    assert record["environment"]["SHOWN_VALUE"] == "2"
    assert not {"HIDDEN_VALUE", "TS_INFERENCE_TOKEN"} & set(record["environment"])
    assert 1.0 in samples(server, "CPUUtilization")
    shown = requests.get(f"{server.metrics}/metrics", timeout=60).text
    assert re.search(
        r'^RackTemperature\{Level="Host",rack="7",Hostname="[^"]+",?\} 31\.0$', shown, re.M
    )

    # What goes wrong is told once, and the next good run counts again.
    troubles = (
        ("fail", r"exit status 1: no sensor"),
        ("garbage", r"not understood: Traceback \(most recent call last\):"),
        ("flood", r"it printed more than 1048576 bytes"),
        ("hang", r"it did not end within 10 s"),
    )
    for number, (mode, words) in enumerate(troubles):
        collector.set(mode, 10 + number)
        warning = rf"\[WARN .*System metrics, system_metrics_cmd: {words}"
        server.wait_log("ts_log.log", warning)
        collector.set("good", 50 + number)
        wait_for(lambda n=number: 50.0 + n in samples(server, "CPUUtilization"), f"after {mode}")
        assert len(re.findall(warning, server.log("ts_log.log"))) == 1
    assert memory_usage(server) == 4711000
    assert "Unheard" not in server.log("ts_metrics.log")
    assert "DiskUsage" not in server.log("ts_metrics.log")


def test_command_that_hangs_does_not_delay_the_end(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    collector = Collector(tmp_path / "collector")
    collector.set("hang", 1)
    server = start(config={"system_metrics_cmd": str(collector.script)})
    wait_for(collector.record, "the command to run")
    # The fixture then checks that nothing is left of it.
    assert server.stop() in (0, 143)


NVIDIA_SMI = """#!/bin/sh
case "$1" in
--query-gpu=index) echo 0; echo 1 ;;
--query-gpu=*) echo "0, GPU-aa, 12, 3, 250, 1000"; echo "1, GPU-bb, 0, [N/A], 0, 1000" ;;
--query-compute-apps=*) echo "$(cat {folder}/pid), GPU-aa, 77" ;;
esac
"""


def test_gpus_and_what_workers_do_on_them_are_told(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    tool = tools / "nvidia-smi"
    tool.write_text(NVIDIA_SMI.format(folder=tools))
    tool.chmod(0o755)
    shutil.copytree(MODELS / "commands", tmp_path / "server0" / "store" / "commands")
    server = start(
        "commands",
        config={"metric_time_interval": "1"},
        environment={"PATH": f"{tools}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "0,1"},
    )
    server.wait_ready("commands")
    prefix = "gpuId::0 utilization.gpu [%]::12 % utilization.memory [%]::3 % memory.used [MiB]::"

    def gpu_usage() -> str:
        (worker,) = server.describe("commands")["workers"]
        assert worker["gpu"] is True
        return str(worker["gpuUsage"])

    wait_for(lambda: gpu_usage() == prefix + "250 MiB", "what the whole GPU is used for")
    (tools / "pid").write_text(str(server.worker_pids("commands")[0]))
    wait_for(lambda: gpu_usage() == prefix + "77 MiB", "what the worker uses")
    for line in (
        r"GPUUtilization\.Percent:12\.0\|#Level:Host,DeviceId:0\|#hostname:",
        r"GPUUtilization\.Percent:0\.0\|#Level:Host,DeviceId:1\|#hostname:",
        r"GPUMemoryUsed\.Megabytes:250\.0\|#Level:Host,DeviceId:0\|#hostname:",
        r"GPUMemoryUtilization\.Percent:25\.0\|#Level:Host,DeviceId:0\|#hostname:",
    ):
        server.wait_log("ts_metrics.log", line)


def test_old_collector_still_works_as_a_command(start: Callable[..., TorchServe]) -> None:
    server = start(
        config={
            "metric_time_interval": "1",
            "system_metrics_cmd": "ts/metrics/metric_collector.py --gpu 0",
        }
    )
    for name in NAMES:
        wait_for(lambda name=name: samples(server, name), f"a value of {name}")
    assert "System metrics, " not in server.log("ts_log.log")


def test_switched_off_no_process_looks_at_machine_or_workers(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    shutil.copytree(MODELS / "commands", tmp_path / "server0" / "store" / "commands")
    config = {"metric_time_interval": "1", "disable_system_metrics": "true"}
    server = start("commands", config=config, environment=NO_GPU)
    server.wait_ready("commands")
    for _ in range(3):  # each a line of its own, since lines are written once a second
        lines = len(samples(server, "QueueTime"))
        server.order("echo").raise_for_status()
        wait_for(lambda n=lines: len(samples(server, "QueueTime")) > n, "a line")
    assert not any(f" - {name}." in server.log("ts_metrics.log") for name in NAMES)
    assert memory_usage(server) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "expected a file that exists and can be read"),
        (
            "model_metrics: {gauge: [{name: A, unit: ms}, {name: B}]}",
            "model_metrics.gauge, entry 2 (B): unit is missing, expected a text of one line",
        ),
    ],
)
def test_declarations_that_cannot_be_used_end_the_start_with_the_reason(
    tmp_path: Path, text: str | None, reason: str
) -> None:
    declarations = tmp_path / "metrics.yaml"
    if text is not None:
        declarations.write_text(text)
    server = TorchServe(
        tmp_path / "server",
        config={"enable_envvars_config": "true"},
        environment={"TS_METRICS_CONFIG": str(declarations)},
    )
    ended = subprocess.run(
        server.command(*server.start_words(), "--foreground"),
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SEC,
    )
    assert ended.returncode == 1
    said = ended.stdout + ended.stderr
    assert f"metrics_config = {declarations} (environment TS_METRICS_CONFIG)" in said
    assert reason in said
    server.assert_nothing_left()

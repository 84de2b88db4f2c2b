"""The collector of system metrics."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from ts.metrics import system_metrics
from ts.metrics.process_memory_metric import check_process_mem_usage, get_cpu_usage

LINE = re.compile(r"\w+\.\w+:[-\d.]+\|#Level:Host(,device_id:\d+)?\|#hostname:[^,]+,\d+")


@pytest.mark.parametrize(
    "words", [["-m", "ts.metrics.metric_collector"], ["ts/metrics/metric_collector.py"]]
)
def test_command_prints_metrics_and_memory(words: list[str]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    out = subprocess.run(
        [sys.executable, "-S", *words, "--gpu", "0"],
        input=f"{os.getpid()},{gone.pid},x\n",
        cwd=Path(system_metrics.__file__).parents[2],
        # No path and, by -S, no installed package: what it imports, it finds by itself.
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    metrics, _, memory = out.stdout.partition("\n\n")
    assert all(LINE.fullmatch(line) for line in metrics.splitlines())
    names = {line.split(".")[0] for line in metrics.splitlines()}
    assert names == {
        "CPUUtilization",
        *("MemoryAvailable", "MemoryUsed", "MemoryUtilization"),
        *("DiskAvailable", "DiskUsage", "DiskUtilization"),
    }
    assert re.fullmatch(rf"{os.getpid()}:\d+\n", memory)  # nothing of the process that is gone
    assert out.stderr == ""


def test_memory_of_processes(capsys: pytest.CaptureFixture[str]) -> None:
    assert get_cpu_usage(os.getpid()) > 1_000_000
    assert get_cpu_usage("4194305") == 0
    check_process_mem_usage([])
    assert capsys.readouterr().out == ""


def test_gpus_are_read() -> None:
    answer = "0, 1000, 250, 30\n1, 1000, 500, 0\n"
    lines = [str(metric) for metric in system_metrics._gpu_metrics(answer, 1)]
    assert [line.split("|")[0] for line in lines] == [
        "GPUMemoryUtilization.Percent:25.0",
        "GPUMemoryUsed.Megabytes:250.0",
        "GPUUtilization.Percent:30.0",
    ]
    assert "|#Level:Host,device_id:0|" in lines[0]


def test_failing_collector_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    module: Any = types.ModuleType("mine")
    exec(
        "def a(gpus): raise ValueError('no sensor')\n"
        "def b(gpus): return ['metric']\n"
        "def c():\n"
        "    from ts.metrics.system_metrics import system_metrics\n"
        "    system_metrics.append('appended')\n"
        "def _helper(): raise AssertionError",
        module.__dict__,
    )
    system_metrics.collect_all(module, 0)
    out, err = capsys.readouterr()
    assert out == "metric\nappended\n"
    assert system_metrics.system_metrics == []
    assert err == "System metrics: a failed: no sensor\n"

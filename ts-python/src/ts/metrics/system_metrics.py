"""Metrics of the host and its GPUs. psutil and NVML are used where they are installed."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from ts.metrics.dimension import Dimension
from ts.metrics.metric import Metric

_MIB = 1024 * 1024
_GIB = 1024 * _MIB
_CPU_INTERVAL_SEC = 0.2
_NVIDIA_SMI_TIMEOUT_SEC = 10
_PROC = Path("/proc")

dimension = [Dimension("Level", "Host")]
"""The dimensions of the host's metrics."""

system_metrics: list[Metric] = []
"""What collectors may append their metrics to, as those of 0.12 do; `collect_all` empties it."""


def collect_all(mod: ModuleType, num_of_gpu: int) -> None:
    """Print the metrics of all collectors of a module, one line each.

    A collector is a public function defined in `mod`. It takes the number of GPUs, or nothing, and
    returns metrics, or appends them to `system_metrics`. One that fails is left out, with a line on
    standard error.

    Args:
        mod: This module, or another with collectors.
        num_of_gpu: How many GPUs the server uses.
    """
    import sys

    for name, collector in inspect.getmembers(mod, inspect.isfunction):
        if name.startswith("_") or name == "collect_all" or collector.__module__ != mod.__name__:
            continue
        try:
            returned = collector(num_of_gpu) if _takes_gpus(collector) else collector()
            for metric in [*system_metrics, *(returned or ())]:
                print(metric)
        except Exception as e:
            print(f"System metrics: {name} failed: {e}", file=sys.stderr)
        system_metrics.clear()


def cpu_utilization() -> Iterable[Metric]:
    """Measure the share of busy CPU time over a short interval."""
    first_idle, first_total = _cpu_times()
    time.sleep(_CPU_INTERVAL_SEC)
    idle, total = _cpu_times()
    elapsed = total - first_total
    busy = 100 * (1 - (idle - first_idle) / elapsed) if elapsed else 0.0
    return [_host("CPUUtilization", round(max(0.0, busy), 1), "percent")]


def memory_available() -> Iterable[Metric]:
    """Read how much memory is available, in MiB."""
    return [_host("MemoryAvailable", _memory()[1] / _MIB, "MB")]


def memory_used() -> Iterable[Metric]:
    """Read how much memory is used, in MiB."""
    total, available = _memory()
    return [_host("MemoryUsed", (total - available) / _MIB, "MB")]


def memory_utilization() -> Iterable[Metric]:
    """Read which share of the memory is used."""
    total, available = _memory()
    return [_host("MemoryUtilization", round(100 * (total - available) / total, 1), "percent")]


def disk_available() -> Iterable[Metric]:
    """Read how much of the file system of ``/`` is free, in GiB."""
    return [_host("DiskAvailable", shutil.disk_usage("/").free / _GIB, "GB")]


def disk_used() -> Iterable[Metric]:
    """Read how much of the file system of ``/`` is used, in GiB."""
    return [_host("DiskUsage", shutil.disk_usage("/").used / _GIB, "GB")]


def disk_utilization() -> Iterable[Metric]:
    """Read which share of the file system of ``/`` is used."""
    usage = shutil.disk_usage("/")
    share = 100 * usage.used / (usage.used + usage.free)
    return [_host("DiskUtilization", round(share, 1), "percent")]


def gpu_utilization(num_of_gpu: int) -> Iterable[Metric]:
    """Ask nvidia-smi how busy the GPUs are; nothing without GPUs."""
    if num_of_gpu <= 0 or shutil.which("nvidia-smi") is None:
        return []
    answer = subprocess.run(
        [
            "nvidia-smi",
            "--query-gpu=index,memory.total,memory.used,utilization.gpu",
            "--format=csv,noheader,nounits",
        ],
        capture_output=True,
        check=True,
        text=True,
        timeout=_NVIDIA_SMI_TIMEOUT_SEC,
    )
    return _gpu_metrics(answer.stdout, num_of_gpu)


def _takes_gpus(collector: Callable[..., object]) -> bool:
    return bool(inspect.signature(collector).parameters)


def _gpu_metrics(answer: str, num_of_gpu: int) -> list[Metric]:
    metrics = []
    for line in answer.splitlines()[:num_of_gpu]:
        index, total, used, busy = (field.strip() for field in line.split(","))
        dimensions = [*dimension, Dimension("device_id", index)]
        share = 100 * float(used) / float(total)
        metrics += [
            Metric("GPUMemoryUtilization", round(share, 2), "percent", dimensions),
            Metric("GPUMemoryUsed", float(used), "MB", dimensions),
            Metric("GPUUtilization", float(busy), "percent", dimensions),
        ]
    return metrics


def _host(name: str, value: float, unit: str) -> Metric:
    return Metric(name, value, unit, dimension)


def _cpu_times() -> tuple[float, float]:
    """Return idle and total time of all CPUs since the start of the machine."""
    stat = _PROC / "stat"
    if stat.exists():
        fields = [float(field) for field in stat.read_text().split("\n", 1)[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)
    import psutil

    times = psutil.cpu_times()
    return times.idle, sum(times)


def _memory() -> tuple[int, int]:
    """Return total and available memory, in bytes."""
    meminfo = _PROC / "meminfo"
    if meminfo.exists():
        pairs = (line.split(":") for line in meminfo.read_text().splitlines())
        values = {name: int(value.split()[0]) * 1024 for name, value in pairs}
        return values["MemTotal"], values["MemAvailable"]
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        page = os.sysconf("SC_PAGE_SIZE")
        return os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    import psutil

    virtual = psutil.virtual_memory()
    return virtual.total, virtual.available

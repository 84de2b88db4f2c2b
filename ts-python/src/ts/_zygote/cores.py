"""The cores of this machine, and how workers share them. Decisions are pure functions.

What the system says is read through the paths of its files, so that tests can show other machines.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = Path("/sys/devices/system")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Core:
    """One physical core.

    Attributes:
        cpus: Its logical CPUs, one for each hyper-thread, in order.
        node: Its NUMA node; the socket where the system knows no nodes.
    """

    cpus: tuple[int, ...]
    node: int


@dataclass(frozen=True, slots=True)
class CoreOptions:
    """Which cores workers get, of ``cpu_launcher_args``.

    Attributes:
        use_hyper_threads: Whether a worker also gets the second hyper-thread of its cores.
        cores_each: Cores of each worker at most; None for an equal share of all.
        node: The one NUMA node to use; None for all.
        cpus: The logical CPUs to use; None for all.
        one_node: Whether no worker gets cores of two nodes.
        bind_memory: Whether a worker's memory comes from the nodes of its cores alone.
    """

    use_hyper_threads: bool = False
    cores_each: int | None = None
    node: int | None = None
    cpus: frozenset[int] | None = None
    one_node: bool = False
    bind_memory: bool = True


def parse_cpu_list(text: str) -> list[int]:
    """Return the numbers of ``0-3,8``. Raises `ValueError`."""
    numbers: list[int] = []
    for piece in filter(None, text.strip().split(",")):
        first, _, last = piece.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def read_cores(allowed: Iterable[int], system: Path = _SYSTEM) -> list[Core]:
    """Return the cores of which this process may use a CPU, those of one node together.

    Args:
        allowed: The logical CPUs that it may use, of its affinity mask.
        system: Where the kernel describes the machine.
    """
    nodes = nodes_of_cpus(system)
    usable = set(allowed)
    cores: dict[tuple[int, ...], int] = {}
    for cpu in sorted(usable):
        topology = system / f"cpu/cpu{cpu}/topology"
        siblings = _cpu_list(topology / "thread_siblings_list") or [cpu]
        package = _number(topology / "physical_package_id")
        key = tuple(sorted(usable.intersection(siblings))) or (cpu,)
        cores.setdefault(key, nodes.get(cpu, package))
    found = [Core(cpus, node) for cpus, node in cores.items()]
    return sorted(found, key=lambda core: (core.node, core.cpus))


def cpu_quota(cgroup: Path = _CGROUP) -> int | None:
    """Return how many CPUs a container's limit lets this process use at a time, or None."""
    with contextlib.suppress(OSError, ValueError):
        words = (cgroup / "cpu.max").read_text(encoding="ascii").split()
        if words[0] == "max":
            return None
        return max(1, math.ceil(int(words[0]) / int(words[1])))
    with contextlib.suppress(OSError, ValueError):
        quota = int((cgroup / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii"))
        period = int((cgroup / "cpu/cpu.cfs_period_us").read_text(encoding="ascii"))
        if quota > 0:
            return max(1, math.ceil(quota / period))
    return None


def usable_cores(cores: Sequence[Core], quota: int | None, options: CoreOptions) -> list[Core]:
    """Return the cores that workers may have, within a container's limit and the options."""
    chosen = list(cores)
    if options.node is not None:
        chosen = [core for core in chosen if core.node == options.node]
    if options.cpus is not None:
        wanted = options.cpus
        kept = [tuple(cpu for cpu in core.cpus if cpu in wanted) for core in chosen]
        chosen = [Core(cpus, core.node) for cpus, core in zip(kept, chosen) if cpus]
    return chosen if quota is None else chosen[:quota]


def divide(cores: Sequence[Core], workers: int, options: CoreOptions) -> list[tuple[int, ...]]:
    """Return the logical CPUs of each worker.

    Cores are dealt out in equal runs, which differ by one at most, so that no two workers have one
    in common and few have cores of two nodes. With more workers than cores several share one.
    """
    if workers < 1 or not cores:
        return [()] * max(0, workers)
    if workers >= len(cores):
        runs = [[cores[number % len(cores)]] for number in range(workers)]
    else:
        size = len(cores)
        runs = [
            list(cores[number * size // workers : (number + 1) * size // workers])
            for number in range(workers)
        ]
    return [_cpus(_limited(run, options), options) for run in runs]


def _limited(run: list[Core], options: CoreOptions) -> list[Core]:
    if options.one_node:
        ((best, _),) = Counter(core.node for core in run).most_common(1)
        run = [core for core in run if core.node == best]
    return run if options.cores_each is None else run[: options.cores_each]


def _cpus(run: Sequence[Core], options: CoreOptions) -> tuple[int, ...]:
    if options.use_hyper_threads:
        return tuple(sorted(cpu for core in run for cpu in core.cpus))
    return tuple(sorted(core.cpus[0] for core in run))


def allowed_cpus() -> set[int]:
    """Return the logical CPUs of this process's affinity mask; empty where there is none."""
    get = getattr(os, "sched_getaffinity", None)
    return set() if get is None else set(get(0))


def nodes_of_cpus(system: Path = _SYSTEM) -> dict[int, int]:
    """Return the NUMA node of each logical CPU; empty where the system knows no nodes."""
    nodes: dict[int, int] = {}
    for folder in system.glob("node/node[0-9]*"):
        for cpu in _cpu_list(folder / "cpulist"):
            nodes[cpu] = int(folder.name[4:])
    return nodes


def _cpu_list(path: Path) -> list[int]:
    try:
        return parse_cpu_list(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return []


def _number(path: Path) -> int:
    try:
        return max(0, int(path.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return 0

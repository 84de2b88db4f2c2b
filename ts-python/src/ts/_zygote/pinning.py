"""Keeps the workers that ask for it on cores of their own, while workers come and go."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ts._zygote import linux
from ts._zygote.core_options import parse_core_options
from ts._zygote.cores import (
    Core,
    CoreOptions,
    allowed_cpus,
    cpu_quota,
    divide,
    read_cores,
    usable_cores,
)

SWITCH = "TS_CPU_LAUNCHER"
"""Variable of a worker: ``true`` if it is to have cores of its own."""
ARGUMENTS = "TS_CPU_LAUNCHER_ARGS"
"""Variable of a worker: the words of ``cpu_launcher_args``."""


class CorePinning:
    """The workers that have cores of their own.

    Whenever one comes or goes the cores are divided anew among all of them; nothing is restarted. A
    worker sets its threads to its cores by itself (`ts._worker.own_cores`).

    Args:
        log: Takes remarks, a line each.
        cores: The cores of the machine that this process may use.
        quota: How many CPUs a container's limit leaves; None for all.
        pin: Binds a process and all that came from it to logical CPUs.
    """

    def __init__(
        self,
        log: Callable[[str], None],
        cores: Callable[[], list[Core]] = lambda: read_cores(allowed_cpus()),
        quota: Callable[[], int | None] = cpu_quota,
        pin: Callable[[int, Iterable[int]], None] | None = None,
    ) -> None:
        self._log = log
        self._read_cores = cores
        self._read_quota = quota
        self._pin = pin or pin_process
        self._options: dict[str, CoreOptions] = {}
        self._workers: dict[int, str] = {}
        self._cores: list[Core] = []

    def started(self, pid: int, env: Mapping[str, str]) -> None:
        """Take in a worker that has just been started, if its environment asks for it."""
        if env.get(SWITCH) != "true" or pid <= 0:
            return
        words = env.get(ARGUMENTS, "")
        if words not in self._options:
            self._options[words], remarks = parse_core_options(words.split())
            for remark in remarks:
                self._log(f"cpu_launcher_args: {remark}")
        if not self._workers:
            self._cores = self._read_cores()
        self._workers[pid] = words
        self._divide()

    def ended(self, pid: int) -> None:
        """Give the cores of a worker that has ended to the others."""
        if self._workers.pop(pid, None) is not None and self._workers:
            self._divide()

    def _divide(self) -> None:
        """Divide the cores: by the options of each worker, its place among all workers."""
        quota = self._read_quota()
        for words in set(self._workers.values()):
            options = self._options[words]
            cores = usable_cores(self._cores, quota, options)
            if not cores:
                self._log(f"cpu_launcher_args {words!r} leave no core: workers keep all of them")
                continue
            shares = divide(cores, len(self._workers), options)
            for (pid, own_words), cpus in zip(self._workers.items(), shares):
                if own_words == words:
                    self._pin(pid, cpus)


def pin_process(pid: int, cpus: Iterable[int]) -> None:
    """Bind all threads of a process, and of all that came from it, to logical CPUs."""
    wanted = set(cpus)
    pin = getattr(os, "sched_setaffinity", None)
    if pin is None or not wanted:
        return
    # The main thread first: what is made from now on inherits it. Twice, for what was made before.
    for _ in range(2):
        for thread in _threads(pid):
            with contextlib.suppress(OSError):
                pin(thread, wanted)
    for child in linux.children_of(pid):
        pin_process(child, wanted)


def _threads(pid: int) -> list[int]:
    try:
        others = sorted(int(path.name) for path in Path(f"/proc/{pid}/task").iterdir())
    except (OSError, ValueError):
        return [pid]
    return [pid, *(thread for thread in others if thread != pid)]

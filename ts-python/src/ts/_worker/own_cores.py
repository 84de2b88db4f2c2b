"""Threads and memory of a worker that has cores of its own, which `init` divides among workers."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ts._worker.node_memory import NodeMemory


class OwnCores:
    """Keeps the threads of torch's operations at the number of this worker's logical CPUs.

    Args:
        memory: Keeps memory at the nodes of these CPUs; None to leave that to the kernel.
    """

    def __init__(self, memory: NodeMemory | None = None) -> None:
        self._cpus: set[int] = set()
        self._memory = memory

    @classmethod
    def of_environment(cls) -> OwnCores | None:
        """Return it for a worker that `init` pins; None for any other, which pays nothing."""
        asked = os.environ.get("TS_CPU_LAUNCHER") == "true" and hasattr(os, "sched_getaffinity")
        # The ranks of one worker share its cores; OMP_NUMBER_THREADS says how.
        if not asked or "TORCHELASTIC_RUN_ID" in os.environ:
            return None
        from ts._worker.node_memory import NodeMemory
        from ts._zygote.core_options import parse_core_options

        options, _ = parse_core_options(os.environ.get("TS_CPU_LAUNCHER_ARGS", "").split())
        return cls(NodeMemory.of_machine() if options.bind_memory else None)

    def follow(self) -> None:
        """Keep to the cores as they are divided now; costs a system call if they did not change."""
        cpus = os.sched_getaffinity(0)
        if cpus == self._cpus:
            return
        if self._memory is not None:
            self._memory.bind(cpus)
        torch: Any = sys.modules.get("torch")
        if torch is None:
            # Its thread pools read these when they start.
            os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(len(cpus))
            return
        self._cpus = cpus
        torch.set_num_threads(len(cpus))

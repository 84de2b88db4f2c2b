"""The threads of a worker that has cores of its own, which `init` divides among workers."""

from __future__ import annotations

import os
import sys
from typing import Any


class OwnCores:
    """Keeps the threads of torch's operations at the number of this worker's logical CPUs."""

    def __init__(self) -> None:
        self._count = 0

    @classmethod
    def of_environment(cls) -> OwnCores | None:
        """Return it for a worker that `init` pins; None for any other, which pays nothing."""
        asked = os.environ.get("TS_CPU_LAUNCHER") == "true" and hasattr(os, "sched_getaffinity")
        # The ranks of one worker share its cores; OMP_NUMBER_THREADS says how.
        return cls() if asked and "TORCHELASTIC_RUN_ID" not in os.environ else None

    def follow(self) -> None:
        """Set the threads if the cores were divided anew; costs a system call if they were not."""
        count = len(os.sched_getaffinity(0))
        if count == self._count:
            return
        torch: Any = sys.modules.get("torch")
        if torch is None:
            # Its thread pools read these when they start.
            os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(count)
            return
        self._count = count
        torch.set_num_threads(count)

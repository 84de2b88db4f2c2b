"""How many NVIDIA GPUs a server of this process would see."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import takewhile

_LIMIT_SEC = 20


def count_gpus() -> int:
    """Return the number of GPUs; 0 if there are none, or if nothing tells of them.

    ``CUDA_VISIBLE_DEVICES`` decides where it is set, else ``nvidia-smi``. torch is not imported:
    that takes seconds.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        # What stands behind an invalid one is not seen, as CUDA has it.
        return len(list(takewhile(lambda name: name not in ("", "-1"), names)))
    command = shutil.which("nvidia-smi")
    if command is None:
        return 0
    try:
        listed = subprocess.run(
            [command, "-L"], capture_output=True, text=True, timeout=_LIMIT_SEC, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())

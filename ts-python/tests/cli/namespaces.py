"""Commands in a PID namespace of their own, as in another container with the same folders."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

import pytest

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@cache
def refusal() -> str | None:
    """Return why this machine gives no PID namespace, or None if it does."""
    if shutil.which("unshare") is None:
        return "there is no unshare here"
    user = () if os.getuid() == 0 else ("--map-current-user",)
    tried = subprocess.run(
        [*UNSHARE, *user, "true"], capture_output=True, text=True, check=False, timeout=30
    )
    return None if tried.returncode == 0 else f"unshare is refused: {tried.stderr.strip()}"


def elsewhere(command: list[str]) -> list[str]:
    """Return a command that runs `command` in another PID namespace, or skip the test."""
    reason = refusal()
    if reason is not None:
        pytest.skip(reason)
    user = () if os.getuid() == 0 else ("--map-current-user",)
    # The first process of a namespace gets no signal that it has not asked for.
    return [*UNSHARE, *user, "sh", "-c", '"$@"; exit $?', "sh", *command]

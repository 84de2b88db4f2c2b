"""More ranks than CPUs: they run, and wait for each other."""

from __future__ import annotations

import os

from ts._zygote.cores import allowed_cpus, cpu_quota


def usable_cpus() -> int:
    """Return how many CPUs this process may use at a time, at least 1."""
    mine = len(allowed_cpus()) or os.cpu_count() or 1
    quota = cpu_quota()
    return mine if quota is None else min(mine, quota)


def crowding(ranks: int, cpus: int) -> str | None:
    """Return what to tell of a worker with that many ranks on CPUs, or None."""
    if ranks <= cpus:
        return None
    return (
        f"{ranks} ranks share {cpus} CPUs, so that they wait for each other at each step; expected"
        f" nproc-per-node (or parallelLevel) of at most {cpus}"
    )

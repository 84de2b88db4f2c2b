"""How the threads of torch's operations wait for each other."""

from __future__ import annotations

from collections.abc import MutableMapping

_USERS_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "GOMP_CPU_AFFINITY", "KMP_BLOCKTIME")


def let_idle_threads_sleep(environ: MutableMapping[str, str]) -> None:
    """Ask OpenMP not to spin while a thread waits, unless the user has decided how it waits.

    By default a thread that waits for its peers spins. That pays where nothing else runs, but the
    cores of a server are shared with the frontend and other workers: then a spinning thread keeps
    off the core the very peer it waits for, and a small model becomes tens of times slower. OpenMP
    reads this when torch is imported, so call it before. See OMP_WAIT_POLICY in the OpenMP
    specification.
    """
    if not any(name in environ for name in _USERS_CHOICES):
        environ["OMP_WAIT_POLICY"] = "PASSIVE"

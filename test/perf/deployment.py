"""What is asked of a system: which work, how many models and workers, which batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil


@dataclass(frozen=True)
class Deployment:
    """What a system is to serve.

    Attributes:
        work: A name that `perf.work.load_work` knows, or ``stream``.
        batch_size: How many requests the handler may get at once.
        batch_delay_ms: How long the first request of a batch may wait for others.
        workers: Worker processes of each model.
        models: How many models, all with the same work.
    """

    work: str
    batch_size: int = 1
    batch_delay_ms: int = 5
    workers: int = 1
    models: int = 1

    def __post_init__(self) -> None:
        if min(self.batch_size, self.workers, self.models) < 1:
            raise ValueError(f"{self}: expected at least 1 of each")


@dataclass(frozen=True)
class Paths:
    """Where the parts are.

    Attributes:
        repository: The clone.
        cache: Holds the environments of the peers, one folder each.
        work: Holds a folder for each work, with the files that it needs.
        scratch: Private to this run.
    """

    repository: Path
    cache: Path
    work: Path
    scratch: Path

    def python_of(self, environment: str) -> Path:
        """Return the interpreter of a peer's environment."""
        return self.cache / environment / "bin" / "python"


class System(Protocol):
    """A server under test. Started and stopped many times, one deployment at a time."""

    name: str

    def refusal(self, deployment: Deployment) -> str | None:
        """Return why the system cannot serve this, or ``None``."""
        ...

    def start(self, deployment: Deployment) -> None:
        """Start, and return when the processes run; they need not answer yet."""
        ...

    def url(self, model: int = 0) -> str:
        """Return the address to which the requests of a model are posted."""
        ...

    def worker_pids(self) -> list[int]:
        """Return the processes that run handlers."""
        ...

    def processes(self) -> list[psutil.Process]:
        """Return the server's first process and its descendants."""
        ...

    def cpu_sec(self) -> float:
        """Return the CPU seconds that all processes of the server have taken so far."""
        ...

    def frontend_cpu_sec(self) -> float:
        """Return the part of it that is the Java process's; NaN if there is none."""
        ...

    def has_ended(self) -> bool:
        """Tell whether the server is not running."""
        ...

    def output(self) -> str:
        """Return the end of what the server printed."""
        ...

    def stop(self) -> None:
        """End every process of the server. Does nothing if none runs."""
        ...

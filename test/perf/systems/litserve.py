"""LitServe: FastAPI in front of Python workers."""

from __future__ import annotations

import psutil

from perf.deployment import Deployment
from perf.systems.process import ServerProcess, free_ports


class LitServe(ServerProcess):
    """LitServe of PyPI, with one API process."""

    name = "LitServe"

    def start(self, deployment: Deployment) -> None:
        """Start the server."""
        self.new_folder()
        (self.port,) = free_ports(1)
        script = self.paths.repository / "test" / "perf" / "servers" / "litserve_server.py"
        options = {
            "--folder": self.paths.work / deployment.work,
            "--work": deployment.work,
            "--batch-size": deployment.batch_size,
            "--batch-delay-ms": deployment.batch_delay_ms,
            "--workers": deployment.workers,
            "--models": deployment.models,
            "--port": self.port,
        }
        words = [str(word) for pair in options.items() for word in pair]
        self.launch([self.paths.python_of("litserve"), script, *words], {})

    def worker_pids(self) -> list[int]:
        """Return its processes but the first: the workers, the API and a process of queues."""
        return [each.pid for each in self.processes()[1:]]

    def _asked_to_stop(self, family: list[psutil.Process]) -> list[psutil.Process]:
        # Its first process ends on a signal, but leaves some of its children.
        return family

"""A limit: the work behind a bare socket, in one Python process."""

from __future__ import annotations

from pathlib import Path

from perf.deployment import Deployment
from perf.systems.process import ServerProcess, free_ports


class BareServer(ServerProcess):
    """`perf.servers.bare_server`: what one Python process can do at best under the same clients."""

    name = "bare socket"

    def refusal(self, deployment: Deployment) -> str | None:
        """Return why it cannot: there are no streams, batches, workers or models."""
        plain = (deployment.workers, deployment.models, deployment.batch_size) == (1, 1, 1)
        return None if plain and deployment.work != "stream" else "it serves one request at a time"

    def start(self, deployment: Deployment) -> None:
        """Start the server."""
        self.new_folder()
        (self.port,) = free_ports(1)
        script = self.paths.repository / "test" / "perf" / "servers" / "bare_server.py"
        work = self.paths.work / deployment.work
        options: list[str | Path] = [
            "--folder",
            work,
            "--work",
            deployment.work,
            "--port",
            str(self.port),
        ]
        self.launch([self.paths.python_of("tools"), script, *options], {})

    def worker_pids(self) -> list[int]:
        """Return the one process."""
        return [each.pid for each in self.processes()]

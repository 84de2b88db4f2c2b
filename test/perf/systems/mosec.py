"""Mosec: a Rust server in front of Python workers."""

from __future__ import annotations

import json
from dataclasses import asdict

import psutil

from perf.deployment import Deployment
from perf.systems.process import ServerProcess, free_ports

MAX_REQUEST_SIZE = 20_000_000
QUEUE = 100  # as TorchServe's; its own default is 1024
TIMEOUT_MS = 60_000


class Mosec(ServerProcess):
    """Mosec of PyPI."""

    name = "Mosec"

    def start(self, deployment: Deployment) -> None:
        """Start the server."""
        folder = self.new_folder()
        (self.port,) = free_ports(1)
        script = self.paths.repository / "test" / "perf" / "servers" / "mosec_server.py"
        settings = {**asdict(deployment), "folder": str(self.paths.work / deployment.work)}
        options = {
            "--address": "127.0.0.1",
            "--port": self.port,
            "--path": folder / "s",
            "--capacity": QUEUE,
            "--timeout": TIMEOUT_MS,
            "--max-request-size": MAX_REQUEST_SIZE,
            "--log-level": "warning",
        }
        words = [str(word) for pair in options.items() for word in pair]
        environment = {"BENCH_SETTINGS": json.dumps(settings)}
        self.launch([self.paths.python_of("mosec"), script, *words], environment)

    def worker_pids(self) -> list[int]:
        """Return the spawned processes."""
        return [each.pid for each in self.processes()[1:] if _is_spawned(each)]


def _is_spawned(process: psutil.Process) -> bool:
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False

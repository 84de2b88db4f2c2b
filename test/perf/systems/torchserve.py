"""TorchServe Next, and TorchServe 0.12: the same archives, the same settings."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from perf.archive import write_archive
from perf.deployment import Deployment
from perf.systems.process import ServerProcess, free_ports

MAX_SIZE = 20_000_000


class TorchServe(ServerProcess):
    """What both have in common."""

    def start(self, deployment: Deployment) -> None:
        """Write archives and settings, and start the server in the foreground."""
        folder = self.new_folder()
        store = folder / "store"
        store.mkdir()
        for index in range(deployment.models):
            write_archive(store / f"m{index}.mar", f"m{index}", deployment, self.paths.work)
        self.port, self.management_port, metrics, grpc1, grpc2 = free_ports(5)
        settings = {
            "inference_address": f"http://127.0.0.1:{self.port}",
            "management_address": f"http://127.0.0.1:{self.management_port}",
            "metrics_address": f"http://127.0.0.1:{metrics}",
            "grpc_inference_port": grpc1,
            "grpc_management_port": grpc2,
            "default_workers_per_model": deployment.workers,
            "max_request_size": MAX_SIZE,
            "max_response_size": MAX_SIZE,
        }
        config = folder / "config.properties"
        lines = "".join(f"{key}={value}\n" for key, value in settings.items())
        config.write_text(lines, encoding="utf-8")
        binaries = self._binaries()
        words: list[str | Path] = [binaries / "torchserve", "--start", "--foreground", "--ncs"]
        words += ["--ts-config", config, "--model-store", store, "--models"]
        words += [f"m{index}.mar" for index in range(deployment.models)]
        logs = str(folder / "logs")
        environment = {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "LOG_LOCATION": logs,
            "METRICS_LOCATION": logs,
        }
        self.launch([*words, "--disable-token-auth", "--enable-model-api"], environment)

    def describe(self, model: str = "m0") -> dict[str, Any]:
        """Return the model's description, by the management API."""
        url = f"http://127.0.0.1:{self.management_port}/models/{model}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            description: dict[str, Any] = json.load(answer)[0]
        return description

    def scale(self, workers: int, model: str = "m0") -> None:
        """Set the number of workers, and return when they are ready."""
        query = f"min_worker={workers}&max_worker={workers}&synchronous=true"
        url = f"http://127.0.0.1:{self.management_port}/models/{model}?{query}"
        request = urllib.request.Request(url, method="PUT")
        urllib.request.urlopen(request, timeout=300).close()

    def worker_pids(self) -> list[int]:
        """Return the workers of the first model that are ready."""
        workers = self.describe()["workers"]
        return [int(worker["pid"]) for worker in workers if worker["status"] == "READY"]

    def frontend(self) -> psutil.Process:
        """Return the Java process.

        Raises:
            RuntimeError: There is none.
        """
        for each in self.processes():
            if each.name() == "java":
                return each
        raise RuntimeError(f"{self.name} has no Java process:\n{self.output()}")

    def frontend_cpu_sec(self) -> float:
        """Return user and system time of the Java process."""
        times = self.frontend().cpu_times()
        return float(times.user + times.system)

    def _asked_to_stop(self, family: list[psutil.Process]) -> list[psutil.Process]:
        return [each for each in family if each.is_running() and each.name() == "java"]

    def _binaries(self) -> Path:
        raise NotImplementedError


class TorchServeNext(TorchServe):
    """This project, installed in the clone."""

    name = "TorchServe Next"

    def _binaries(self) -> Path:
        return self.paths.repository / ".venv" / "bin"


class TorchServe012(TorchServe):
    """TorchServe 0.12 of PyPI."""

    name = "TorchServe 0.12"

    def _binaries(self) -> Path:
        return self.paths.python_of("torchserve").parent

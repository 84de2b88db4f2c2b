"""A server under test as a process with children."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from perf.deployment import Deployment, Paths

STOP_SEC = 20
TAIL_BYTES = 4000


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class ServerProcess:
    """Starts a command in a session and a folder of its own, and ends all that came of it."""

    name = ""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.port = 0
        self.folder = paths.scratch
        self.process: psutil.Popen | None = None

    def refusal(self, deployment: Deployment) -> str | None:
        """Return ``None``: by default a system serves everything."""
        return None

    def url(self, model: int = 0) -> str:
        """Return the address of a model."""
        return f"http://127.0.0.1:{self.port}/predictions/m{model}"

    def output(self) -> str:
        """Return the end of what the server printed."""
        log = self.folder / "output.log"
        data = log.read_bytes()[-TAIL_BYTES:] if log.is_file() else b""
        return data.decode(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Return the server's first process and its descendants."""
        if self.process is None:
            return []
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_sec(self) -> float:
        """Return user and system time of all processes that run, and of those they waited for."""
        total = 0.0
        for each in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def frontend_cpu_sec(self) -> float:
        """Return NaN: most servers have no Java process."""
        return math.nan

    def stop(self) -> None:
        """Ask the server to end, and kill what is left after a while."""
        if self.process is None:
            return
        family = self.processes()
        for each in self._asked_to_stop(family):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(family, STOP_SEC)
        for each in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(alive, STOP_SEC)
        # A server may have started workers anew after it was asked to end.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        # Else Python warns of a child that it takes for running.
        self.process.poll()
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_folder(self) -> Path:
        """Return a fresh private folder for one start, removed by `stop`."""
        prefix = f"{type(self).__name__.lower()}-"
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.paths.scratch))
        return self.folder

    def launch(self, words: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Start the command, with its output in a file."""
        if self.process is not None:
            raise RuntimeError(f"{self.name} runs already")
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("TS_", "MOSEC_", "PYTHON", "LOG_LOCATION"))
        }
        with (self.folder / "output.log").open("wb") as log:
            self.process = psutil.Popen(
                [str(word) for word in words],
                cwd=self.folder,
                env={**kept, "TMPDIR": str(self.folder), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        """Tell whether the first process is gone."""
        return self.process is None or self.process.poll() is not None

    def _asked_to_stop(self, family: list[psutil.Process]) -> list[psutil.Process]:
        return family[:1]

"""A real server as a test sees it: a process, its files, its addresses."""

from __future__ import annotations

import fcntl
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import requests
from class_cache import folder_for_caches

REPOSITORY = Path(__file__).resolve().parents[2]
WITHOUT_TORCH = REPOSITORY / "test" / "without_torch"
LOWEST_PORT = 15_000
LIMIT_SEC = 90.0
"""How long a condition may take to come true before a test fails: far above what is usual."""


def wait_for(condition: Callable[[], Any], what: str, limit: float = LIMIT_SEC) -> Any:
    """Returns the first true value of `condition`; fails with `what` after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit:.0f} s: {what}")
        time.sleep(0.02)


_taken: list[IO[str] | socket.socket] = []
"""Locks of the ports that this process has handed out, held until its end."""


_servers: list[TorchServe] = []
"""Those that this process has started."""


def stop_what_is_left() -> None:
    """Ends servers of fixtures that failed before they were done: no test stops those."""
    for server in _servers:
        server.stop()


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens, and which no other process of tests is given.

    They lie below those that the kernel gives to outgoing connections, of which any could take
    one before the server has it.
    """
    ports: list[int] = []
    for port in random.sample(range(LOWEST_PORT, _lowest_outgoing_port()), 1000):
        lock = _lock_of(port)
        if lock is None:
            continue
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _taken.append(lock)
        ports.append(port)
        if len(ports) == count:
            return ports
    raise AssertionError(f"no {count} free ports between {LOWEST_PORT} and those of the kernel")


def _lock_of(port: int) -> IO[str] | socket.socket | None:
    """Take a port, for all tests of this machine until this process ends; None if it is taken.

    Linux has names of sockets for it, which no file is behind: runs of the tests with temporary
    folders of their own have no folder in common.
    """
    if sys.platform == "linux":
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0torchserve-next-test-port-{port}")
        except OSError:
            name.close()
            return None
        return name
    folder = Path(tempfile.gettempdir(), f"torchserve-next-test-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    lock = (folder / str(port)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _lowest_outgoing_port() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        return max(LOWEST_PORT + 1000, int(text.split()[0]))
    except OSError:
        return 32768


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def workflow_archive(spec: str, functions: str, **changes: str) -> bytes:
    """A workflow archive named `w`; `changes` of the workflow's own entry in the manifest."""
    entry = {"workflowName": "w", "specFile": "spec.yaml", "handler": "functions.py", **changes}
    manifest = {
        "createdOn": "22/11/2026 11:53:30",
        "archiverVersion": "0.2.15",
        "workflow": entry,
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("WAR-INF/MANIFEST.json", json.dumps(manifest))
        archive.writestr("spec.yaml", spec)
        archive.writestr("functions.py", functions)
    return content.getvalue()


class ModelStore:
    """A folder of models."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def add_directory(self, source: Path, name: str | None = None) -> None:
        """Copies a directory model into the store."""
        shutil.copytree(source, self.path / (name or source.name))

    def write_handler(self, name: str, code: str, config: str = "") -> None:
        """Makes a directory model with a function or class handler of the given text."""
        folder = self.path / name
        (folder / "MAR-INF").mkdir(parents=True)
        (folder / "handler.py").write_text(code, encoding="utf-8")
        (folder / "model-config.yaml").write_text(config, encoding="utf-8")
        (folder / "MAR-INF" / "MANIFEST.json").write_text(
            '{"createdOn": "now", "archiverVersion": "1.0.0", "model": {"handler": "handler.py",'
            f' "modelName": "{name}", "modelVersion": "1.0", "configFile": "model-config.yaml"}}}}',
            encoding="utf-8",
        )

    @staticmethod
    def build_example(name: str, target: Path) -> Path:
        """Runs an example's build script and returns the archive it wrote."""
        script = REPOSITORY / "examples" / name / "build.py"
        subprocess.run(
            [sys.executable, str(script), str(target)], check=True, stdin=subprocess.DEVNULL
        )
        archives = sorted(target.glob("*.mar"))
        assert len(archives) == 1, f"{script} wrote {archives}"
        return archives[0]


class TorchServe:
    """One server in the foreground, with a private temporary folder, log folder and free ports."""

    def __init__(
        self,
        folder: Path,
        *,
        config: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
        options: tuple[str, ...] = ("--disable-token-auth", "--enable-model-api"),
        torch: bool = False,
    ) -> None:
        """Prepares a server.

        `torch`: whether its models can import it, which makes a start take twice as long.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.store = ModelStore(folder / "store")
        self.temp = folder / "tmp"
        self.temp.mkdir()
        self.logs = folder / "logs"
        self.mark = uuid.uuid4().hex
        self.options = options
        ports = free_ports(5)
        self.inference_port, self.management_port, metrics_port = ports[:3]
        self.grpc_inference_port, self.grpc_management_port = ports[3:]
        settings = {
            "inference_address": f"http://127.0.0.1:{self.inference_port}",
            "management_address": f"http://127.0.0.1:{self.management_port}",
            "metrics_address": f"http://127.0.0.1:{metrics_port}",
            "grpc_inference_port": str(self.grpc_inference_port),
            "grpc_management_port": str(self.grpc_management_port),
            "default_workers_per_model": "1",
            # Every buffer is watched; what is lost is a line in the log, see assert_nothing_left.
            # Compiled once, not twice: servers that live for seconds take a quarter less of them.
            "vmargs": "-Dio.netty.leakDetection.level=paranoid -XX:TieredStopAtLevel=1",
            **(config or {}),
        }
        self.config_file = folder / "config.properties"
        self.config_file.write_text(
            "".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8"
        )
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TS_", "LOG_LOCATION"))},
            "TMPDIR": str(self.temp),
            "TEMP": str(self.temp),
            "LOG_LOCATION": str(self.logs),
            "METRICS_LOCATION": str(self.logs),
            "TSNEXT_TEST_MARK": self.mark,
            "XDG_CACHE_HOME": folder_for_caches(),
            **({} if torch else {"PYTHONPATH": str(WITHOUT_TORCH)}),
            **(environment or {}),
        }
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []
        self.inference = f"http://127.0.0.1:{self.inference_port}"
        self.management = f"http://127.0.0.1:{self.management_port}"
        self.metrics = f"http://127.0.0.1:{metrics_port}"

    # -- life cycle ---------------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        """The `torchserve` command of this interpreter's environment."""
        return [str(Path(sys.executable).parent / "torchserve"), *words]

    def start_words(self, *models: str) -> list[str]:
        """The words that start this server."""
        words = ["--start", "--ts-config", str(self.config_file)]
        words += ["--model-store", str(self.store.path), "--ncs", *self.options]
        return words + (["--models", *models] if models else [])

    def start(self, *models: str) -> None:
        """Starts in the foreground and returns once the server says that it has started."""
        self.output = []
        _servers.append(self)
        self.process = subprocess.Popen(
            self.command(*self.start_words(*models), "--foreground"),
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        wait_for(self._started, f"`Model server started.`; output: {self.tail()}")

    def _read_output(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        output = self.output
        with self.process.stdout as lines:
            for line in lines:
                output.append(line)

    def _started(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"exited with {self.process.returncode}:\n{self.tail()}")
        return any(line.rstrip() == "Model server started." for line in list(self.output))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the server with a signal and returns its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(LIMIT_SEC)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"did not stop:\n{self.tail()}") from None
        finally:
            self._reader.join(LIMIT_SEC)

    def tail(self, lines: int = 40) -> str:
        """The end of the server's output."""
        return "".join(self.output[-lines:])

    # -- processes ----------------------------------------------------------------------------

    def processes(self) -> dict[int, str]:
        """Every live process of this server: pid to command line, by a mark in the environment."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                # A worker's environment is replaced after the fork: its parent's tells.
                if self.mark.encode() not in (entry / "environ").read_bytes():
                    continue
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state == "Z":
                    continue
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, UnicodeDecodeError):
                continue
            found[int(entry.name)] = words
        return found

    def inits(self) -> list[int]:
        """The process between the frontend and the zygote; one, unless it is being replaced."""
        return [
            pid
            for pid, words in self.processes().items()
            if words.rstrip().endswith("_zygote/init.py")
        ]

    def zygotes(self) -> list[int]:
        """The process that workers are forked from; one, unless it is being replaced."""
        inits = self.inits()
        # What it forks has its name for a moment, but it for a parent.
        return [pid for pid in self.named("ts-zygote") if _parent(pid) in inits]

    def named(self, start: str) -> list[int]:
        """Processes whose own name, of at most 15 letters, begins so."""
        return [pid for pid in self.processes() if _name(pid).startswith(start)]

    def assert_nothing_left(self) -> None:
        """Fails if a process of this server lives, its temporary folder holds files, or it lost a
        buffer.
        """
        wait_for(lambda: not self.processes(), f"no process left: {self.processes()}")
        left = [
            p for p in self.temp.rglob("*") if not p.is_dir() and "torchserve-next" not in str(p)
        ]
        assert not left, f"temporary files left: {left}"
        assert "LEAK:" not in self.log("ts_log.log"), re.findall(
            "LEAK:.{0,3000}", self.log("ts_log.log"), re.DOTALL
        )[:1]

    def worker_pids(self, model: str) -> list[int]:
        """Process ids of a model's ready workers."""
        workers = self.describe(model)["workers"]
        return [worker["pid"] for worker in workers if worker["status"] == "READY"]

    def wait_new_worker(self, model: str, old: list[int]) -> int:
        """Waits until a worker is ready that was not among `old`."""
        fresh = wait_for(
            lambda: [pid for pid in self.worker_pids(model) if pid not in old],
            f"a new worker of {model}",
        )
        return int(fresh[0])

    # -- requests -----------------------------------------------------------------------------

    def wait_ready(self, model: str, count: int = 1) -> None:
        """Waits until `count` workers have the model loaded."""
        wait_for(
            lambda: self.registered(model) and len(self.worker_pids(model)) >= count,
            f"{count} ready workers of {model}; output:\n{self.tail()}",
        )

    def register(self, model: str, limit_sec: float = 90) -> None:
        """Registers a model of the store, and returns once one worker has it loaded."""
        url = f"{self.management}/models?url={model}&initial_workers=1&synchronous=true"
        answer = requests.post(url, timeout=limit_sec)
        assert answer.status_code == 200, answer.text

    def registered(self, model: str) -> bool:
        """Whether the model is known."""
        return requests.get(f"{self.management}/models/{model}", timeout=30).status_code == 200

    def describe(self, model: str) -> dict[str, Any]:
        """The model's description."""
        answer = requests.get(f"{self.management}/models/{model}", timeout=30)
        assert answer.status_code == 200, answer.text
        description: dict[str, Any] = answer.json()[0]
        return description

    def predict(self, model: str, **arguments: Any) -> requests.Response:
        """POST /predictions/{model}."""
        return requests.post(f"{self.inference}/predictions/{model}", timeout=60, **arguments)

    def order(self, action: str, model: str = "commands", **arguments: Any) -> requests.Response:
        """Asks the misbehaving handler for something."""
        return self.predict(model, json={"do": action, **arguments})

    def log(self, name: str) -> str:
        """The text of one of the server's log files."""
        file = self.logs / name
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def wait_log(self, name: str, pattern: str) -> str:
        """Waits until a log file has a line that matches."""
        match = wait_for(lambda: re.search(pattern, self.log(name), re.M), f"{pattern!r} in {name}")
        return str(match.group(0))

"""A container of SageMaker, in namespaces: the toolkit is process 1; /etc, /opt/ml, network."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import requests
from class_cache import folder_for_caches
from toolkit_environment import toolkit_environment
from torchserve_process import LIMIT_SEC, REPOSITORY, wait_for

NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
CODE = REPOSITORY / "test" / "sagemaker" / "inference.py"
START = "from sagemaker_pytorch_serving_container.serving import main; main()"
MAIN_CLASS = "org.pytorch.serve.ModelServer"
_CLONE_NEWNET = 0x40000000

Result = TypeVar("Result")


@cache
def refusal() -> str | None:
    """Why this machine cannot make such containers, or None if it can."""
    if os.getuid() != 0:
        return "only root can mount /etc and /opt/ml of a container"
    for command in ("unshare", "ip", "mount"):
        if shutil.which(command) is None:
            return f"there is no {command} here"
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"unshare is refused: {tried.stderr.strip()}"


class SageMakerContainer:
    """The toolkit and the server that it starts."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """Makes the folders that are mounted.

        `environment`: what SageMaker sets for the endpoint.
        """
        self.folder = folder
        self.environment = environment
        self.ml = folder / "opt" / "ml"
        self.ml.mkdir(parents=True)
        for name in ("etc", "work", "tmp"):
            (folder / name).mkdir()
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []
        self.url = "http://127.0.0.1:8080"
        self.clients: ThreadPoolExecutor | None = None

    def add_model(self, place: str, weights: str, code: str = "code") -> Path:
        """Lays a user's model below /opt/ml, and returns the folder as it is here."""
        folder = self.ml / place
        (folder / code).mkdir(parents=True)
        shutil.copy(CODE, folder / code)
        (folder / "weights.txt").write_text(weights)
        return folder

    # -- life cycle -------------------------------------------------------------------------------

    def start(self) -> None:
        """Runs what SageMaker's image runs, and waits until the server says that it has started."""
        packages = toolkit_environment()
        self.process = subprocess.Popen(
            [*NAMESPACES, "sh", "-c", self._script(), "sh", str(packages / "bin" / "python")],
            env={
                "PATH": f"{packages / 'bin'}:{os.environ['PATH']}",
                **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
                "TEMP": str(self.folder / "tmp"),
                "XDG_CACHE_HOME": folder_for_caches(),
                **self.environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        wait_for(self._started, f"`Model server started.`; output: {self.text()}")
        # Its threads are in the container's network: what they connect to is there.
        network = f"/proc/{self.process.pid}/ns/net"
        self.clients = ThreadPoolExecutor(8, initializer=_enter, initargs=(network,))

    def _script(self) -> str:
        folder = shlex.quote(str(self.folder))
        lines = ["set -e", "mount --make-rprivate /", "ip link set lo up"]
        lines += [f"cp -a /etc/. {folder}/etc", f"mount --bind {folder}/etc /etc"]
        # What else is in /opt stays there: an interpreter or a JDK may be.
        for other in Path("/opt").iterdir() if Path("/opt").is_dir() else ():
            if other.is_dir() and other.name != "ml":
                name = shlex.quote(other.name)
                lines.append(f"mkdir -p {folder}/opt/{name}")
                lines.append(f"mount --rbind /opt/{name} {folder}/opt/{name}")
        lines += [f"mount --rbind {folder}/opt /opt", f"cd {folder}/work"]
        lines.append(f'exec "$1" -W ignore -c {shlex.quote(START)}')
        return "\n".join(lines)

    def _read_output(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)

    def _started(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            self._reader.join(LIMIT_SEC)
            raise AssertionError(f"exited with {self.process.returncode}:\n{self.text()}")
        return any(line.rstrip() == "Model server started." for line in list(self.output))

    def first_process(self) -> int:
        """The number of the container's process 1, here."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def terminate(self) -> None:
        """Asks process 1 to end, as SageMaker does, and waits for nothing."""
        os.kill(self.first_process(), signal.SIGTERM)

    def wait(self) -> int:
        """Waits for the container's end, and returns the exit status of process 1."""
        assert self.process is not None
        status = self.process.wait(LIMIT_SEC)
        self._reader.join(LIMIT_SEC)
        return status

    def stop(self) -> None:
        """Ends the container with all that is in it."""
        if self.clients is not None:
            self.clients.shutdown(cancel_futures=True)
            self.clients = None
        if self.process is not None and self.process.poll() is None:
            os.kill(self.first_process(), signal.SIGKILL)
            self.wait()

    def text(self) -> str:
        """What the container has written."""
        return "".join(list(self.output))

    # -- what is asked of it ----------------------------------------------------------------------

    def command_lines(self) -> list[list[str]]:
        """The words of each process in the container."""
        own = os.readlink(f"/proc/{self.first_process()}/ns/pid")
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns" / "pid") == own:
                    found.append((folder / "cmdline").read_bytes().decode().split("\0"))
            except OSError:
                continue  # it has ended
        return found

    def inside(self, work: Callable[[], Result]) -> Result:
        """Runs `work` in a thread that is in the container's network."""
        assert self.clients is not None
        return self.clients.submit(work).result(LIMIT_SEC)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request over HTTP."""
        return self.inside(
            lambda: requests.request(method, self.url + path, timeout=LIMIT_SEC, **options)
        )

    def load(self, name: str, place: str, **headers: str) -> requests.Response:
        """Asks for a model as SageMaker does."""
        return self.ask(
            "POST",
            "/models",
            data=json.dumps({"model_name": name, "url": f"/opt/ml/{place}"}),
            headers={
                "Content-Type": "application/json",
                "Host": "model.aws.local:8080",
                **headers,
            },
        )


def _enter(network: str) -> None:
    """Puts this thread into another network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(network).open("rb") as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

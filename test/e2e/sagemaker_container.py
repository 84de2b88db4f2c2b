"""A container of SageMaker, in namespaces: the toolkit is process 1; /etc, /opt/ml, network."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import requests
from class_cache import folder_for_caches
from container import NAMESPACES, Container, enter_network, why_refused
from toolkit_environment import toolkit_environment
from torchserve_process import LIMIT_SEC, REPOSITORY

CODE = REPOSITORY / "test" / "sagemaker" / "inference.py"
START = "from sagemaker_pytorch_serving_container.serving import main; main()"
MAIN_CLASS = "org.pytorch.serve.ModelServer"

Result = TypeVar("Result")


@cache
def refusal() -> str | None:
    """Why this machine cannot make such containers, or None if it can."""
    return why_refused(
        "only root can mount /etc and /opt/ml of a container",
        ("unshare", "ip", "mount"),
        [*NAMESPACES, "true"],
    )


class SageMakerContainer(Container):
    """The toolkit and the server that it starts."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """Makes the folders that are mounted.

        `environment`: what SageMaker sets for the endpoint.
        """
        super().__init__()
        self.folder = folder
        self.environment = environment
        self.ml = folder / "opt" / "ml"
        self.ml.mkdir(parents=True)
        for name in ("etc", "work", "tmp"):
            (folder / name).mkdir()
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
        self.launch(
            [*NAMESPACES, "sh", "-c", self._script(), "sh", str(packages / "bin" / "python")],
            {
                "PATH": f"{packages / 'bin'}:{os.environ['PATH']}",
                **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
                "TEMP": str(self.folder / "tmp"),
                "XDG_CACHE_HOME": folder_for_caches(),
                **self.environment,
            },
        )
        self.wait_started()
        assert self.process is not None
        # Its threads are in the container's network: what they connect to is there.
        network = f"/proc/{self.process.pid}/ns/net"
        self.clients = ThreadPoolExecutor(8, initializer=enter_network, initargs=(network,))

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

    def terminate(self) -> None:
        """Asks process 1 to end, as SageMaker does, and waits for nothing."""
        self.send(signal.SIGTERM)

    def stop(self) -> None:
        """Ends the container with all that is in it."""
        if self.clients is not None:
            self.clients.shutdown(cancel_futures=True)
            self.clients = None
        super().stop()

    # -- what is asked of it ----------------------------------------------------------------------

    def command_lines(self) -> list[list[str]]:
        """The words of each process in the container."""
        found = []
        for folder in self.folders_of_processes():
            with contextlib.suppress(OSError):  # it has ended
                found.append((folder / "cmdline").read_bytes().decode().split("\0"))
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

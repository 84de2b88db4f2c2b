"""The image of deploy/docker without a container engine: its entry point in namespaces.

The root is a private one, of bind mounts: the system and the installed command read-only, the home
folder of the image, and nothing else. The entry point is process 1, as user 1000.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import requests
from class_cache import folder_for_caches
from container import Container, enter_network, why_refused
from torchserve_process import LIMIT_SEC, REPOSITORY, WITHOUT_TORCH, ModelStore

IMAGE = REPOSITORY / "deploy" / "docker"
ENTRY_POINT = "/usr/local/bin/dockerd-entrypoint.sh"
HOME = "/home/model-server"
USER = 1000
NETWORK = ("unshare", "--net")
OTHERS = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
_AS_USER = (
    f"setpriv --reuid {USER} --regid {USER} --clear-groups --bounding-set=-all --inh-caps=-all"
    " --no-new-privs"
)

Result = TypeVar("Result")


@cache
def refusal() -> str | None:
    """Why this machine cannot make such containers, or None if it can."""
    return why_refused(
        "only root can give a container a root of its own",
        ("unshare", "nsenter", "setpriv", "ip", "chroot", "mount"),
        [*NETWORK, *OTHERS, "mount", "-t", "tmpfs", "none", "/mnt"],
    )


class Network:
    """A network with a loopback interface and nothing else, for several containers."""

    def __init__(self, threads: int = 8) -> None:
        """Makes it; it lasts until `close`.

        `threads`: how many there are for clients in it.
        """
        self._holder = subprocess.Popen(
            [*NETWORK, "sh", "-c", "ip link set lo up && echo && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"\n"
        self.path = f"/proc/{self._holder.pid}/ns/net"
        self._clients = ThreadPoolExecutor(
            threads, initializer=enter_network, initargs=(self.path,)
        )

    def submit(self, work: Callable[[], Result]) -> Any:
        """Runs `work` in a thread that is in this network; returns its future."""
        return self._clients.submit(work)

    def inside(self, work: Callable[[], Result]) -> Result:
        """Runs `work` in a thread that is in this network, and waits for it."""
        result: Result = self.submit(work).result(LIMIT_SEC)
        return result

    def close(self) -> None:
        """Ends it."""
        self._clients.shutdown(cancel_futures=True)
        self._holder.communicate()


@dataclass(frozen=True)
class ContainerProcess:
    """What the kernel said of a process.

    Args:
        folder: Its folder in /proc here.
        number: Its number in the container.
        parent: The number of its parent here.
        state: Such as Z for a zombie.
        users: Its user ids: real, effective, saved, of files.
        command: Its words.
    """

    folder: Path
    number: int
    parent: int
    state: str
    users: tuple[int, ...]
    command: tuple[str, ...]

    @staticmethod
    def read(folder: Path) -> ContainerProcess:
        """Reads it from /proc.

        Raises:
            OSError: The process has ended.
        """
        lines = (folder / "status").read_text().splitlines()
        said = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        return ContainerProcess(
            folder=folder,
            number=int(said["NSpid"][-1]),
            parent=int(said["PPid"][0]),
            state=said["State"][0],
            users=tuple(int(user) for user in said["Uid"]),
            command=tuple((folder / "cmdline").read_bytes().decode().split("\0")[:-1]),
        )


class ImageContainer(Container):
    """One container of the image."""

    def __init__(
        self,
        folder: Path,
        network: Network,
        *,
        environment: dict[str, str] | None = None,
        read_only: bool = False,
        mounts: dict[str, Path] | None = None,
        workdir: str = HOME,
    ) -> None:
        """Makes the home folder as the image has it.

        `read_only`: of the root and the home folder; /tmp can be written to.
        `mounts`: further folders, by their place in the container, read-only.
        """
        super().__init__()
        self.folder = folder
        self.network = network
        self.environment = environment or {}
        self.read_only = read_only
        self.mounts = mounts or {}
        self.workdir = workdir
        self.home = folder / "home"
        for name in ("wf-store", "tmp", "logs"):
            (self.home / name).mkdir(parents=True)
        self.store = ModelStore(self.home / "model-store")
        shutil.copy(IMAGE / "config.properties", self.home)
        # The image's build makes the archive of classes.
        made = Path(folder_for_caches(), "torchserve-next")
        if made.is_dir():
            shutil.copytree(made, self.home / ".cache" / "torchserve-next")

    # -- its root ---------------------------------------------------------------------------------

    def _script(self) -> str:
        """What makes the root, for a shell that is process 1 and becomes the container's."""
        # What other users may not enter is made anew on the way.
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        lines = ["set -e", "mount --make-rprivate /", f"mount -t tmpfs -o mode=755 none {root}"]

        def bind(path: Path, source: Path | None = None) -> None:
            source = source or path
            place, what = f"{root}{shlex.quote(str(path))}", shlex.quote(str(source))
            if source.is_symlink():
                lines.append(f"ln -s {shlex.quote(os.readlink(source))} {place}")
                return
            made = f"mkdir -p {place}" if source.is_dir() else f"touch {place}"
            lines.append(
                f"{made} && mount --rbind {what} {place} && mount -o remount,bind,ro {place}"
            )

        def bind_children(path: Path, but: str) -> None:
            lines.append(f"mkdir -p {root}{path}")
            for child in sorted(path.iterdir()):
                if child.name != but:
                    bind(child)

        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt"):
            if Path("/", name).exists():
                bind(Path("/", name))
        bind_children(Path("/usr"), but="local")
        bind_children(Path("/usr/local"), but="bin")
        bind_children(Path("/usr/local/bin"), but="")
        for name in ("dockerd-entrypoint.sh", "torchserve-health"):
            bind(Path("/usr/local/bin", name), IMAGE / name)
        for needed in self._needed():
            if not str(needed).startswith(("/usr/", "/opt/")):
                bind(needed)
        lines += [
            f"mkdir -p {root}/proc {root}/dev {root}/tmp {root}{HOME}",
            f"mount -t proc none {root}/proc && mount --rbind /dev {root}/dev",
            f"mount -t tmpfs -o mode=1777 none {root}/tmp",
            f"ln -s {shlex.quote(sys.prefix)} {root}/home/venv",
            f"cp -a /etc {root}/etc",
            f"mount --bind {shlex.quote(str(self.home))} {root}{HOME}",
        ]
        for place, source in self.mounts.items():
            (self.home / "shared").mkdir(exist_ok=True)  # a place of the image for a volume
            bind(Path(place), source)
        if self.read_only:
            lines.append(f"mount -o remount,bind,ro {root}{HOME}")
        lines.append(f"mount -o remount,ro {root}")
        lines.append(f'exec chroot {root} {_AS_USER} env -C {self.workdir} "$@"')
        return "\n".join(lines)

    @staticmethod
    def _needed() -> list[Path]:
        """The interpreter, the installed command, and no torch."""
        return [Path(sys.base_prefix).resolve(), Path(sys.prefix), WITHOUT_TORCH]

    def _variables(self) -> dict[str, str]:
        """What the image sets, and where the tests have what the image has elsewhere."""
        return {
            "PATH": "/home/venv/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": HOME,
            "TEMP": f"{HOME}/tmp",
            "PYTHONPATH": str(WITHOUT_TORCH),
            **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
            **self.environment,
        }

    # -- life cycle -------------------------------------------------------------------------------

    def begin(self, *words: str) -> None:
        """Starts the container with the words of `docker run IMAGE`, and waits for nothing."""
        # Users of the tests' machine own nothing of the home folder.
        subprocess.run(["chown", "-R", f"{USER}:{USER}", str(self.home)], check=True)
        joined = ("nsenter", f"--net={self.network.path}")
        self.launch(
            [*joined, *OTHERS, "sh", "-c", self._script(), "sh", ENTRY_POINT, *words],
            self._variables(),
        )

    def start(self, *words: str) -> None:
        """Starts the container, and waits until the server says that it has started."""
        self.begin(*words)
        self.wait_started()

    def run(self, *words: str) -> tuple[int, str]:
        """Runs a container to its end; returns its exit status and what it wrote."""
        self.begin(*words)
        return self.wait(), self.text()

    # -- what is in it ----------------------------------------------------------------------------

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command beside the others, as `docker exec` does."""
        pid = str(self.first_process())
        words = ["nsenter", "--target", pid, "--mount", "--pid", "--net", "--root", "sh", "-c"]
        return subprocess.run(
            [*words, f'exec {_AS_USER} env -C {self.workdir} "$@"', "sh", *command],
            env=self._variables(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT_SEC,
            check=False,
        )

    def processes(self) -> dict[int, ContainerProcess]:
        """Every process of the container, by its number there."""
        found = {}
        for folder in self.folders_of_processes():
            with contextlib.suppress(OSError):  # it has ended
                process = ContainerProcess.read(folder)
                found[process.number] = process
        return found

    def ask(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request over HTTP from the container's network."""
        return self.network.inside(
            lambda: requests.request(method, url, timeout=LIMIT_SEC, **options)
        )

    def token(self, kind: str) -> dict[str, str]:
        """The header with a token that the server has made."""
        token = json.loads((self.home / "key_file.json").read_text())[kind]["key"]
        return {"Authorization": f"Bearer {token}"}

"""A container as KServe makes it, in namespaces: user 1000, read-only, a network of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

from class_cache import folder_for_caches
from client_environment import client_python
from container import NAMESPACES, Container, why_refused
from torchserve_process import LIMIT_SEC, REPOSITORY

USER = "1000"
REQUIREMENTS = REPOSITORY / "test" / "kserve" / "requirements.txt"
TORCHSERVE = Path(sys.executable).parent / "torchserve"

ASK = """
import http.client, json, sys
method, port, path, *headers = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
connection.request(method, path, headers=dict(header.split(": ") for header in headers))
answer = connection.getresponse()
print(json.dumps([answer.status, answer.read().decode()]))
"""

# The arguments, the environment and the settings of KServe's own examples, with nothing changed.
ARGUMENTS = (
    "--start",
    "--model-store=/mnt/models/model-store",
    "--ts-config=/mnt/models/config/config.properties",
)
CONFIG = """\
inference_address=http://0.0.0.0:8085
management_address=http://0.0.0.0:8085
metrics_address=http://0.0.0.0:8082
grpc_inference_port=7070
enable_envvars_config=true
install_py_dep_per_model=true
enable_metrics_api=true
metrics_mode=prometheus
NUM_WORKERS=1
number_of_netty_threads=4
job_queue_size=10
load_models=all
model_store=/mnt/models/model-store
model_snapshot={snapshot}
"""
SAVED = {
    "defaultVersion": True,
    "minWorkers": 1,
    "maxWorkers": 5,
    "batchSize": 1,
    "maxBatchDelay": 5000,
    "responseTimeout": 120,
}


def environment_of(protocol: str, envelope: str) -> dict[str, str]:
    """What KServe sets for a container."""
    return {"PROTOCOL_VERSION": protocol, "TS_SERVICE_ENVELOPE": envelope}


@cache
def refusal() -> str | None:
    """Why this machine cannot make such containers, or None if it can."""
    return why_refused(
        "only root can become user 1000 with nothing else",
        ("unshare", "nsenter", "setpriv", "ip"),
        [*NAMESPACES, "true"],
    )


def _hidden_from_others(path: Path) -> Path | None:
    """The first folder above `path` that other users cannot enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


class KServeContainer(Container):
    """A server in a container, and clients in the container's network."""

    def __init__(self, folder: Path, protocol: str, envelope: str) -> None:
        """Makes the folders that are mounted."""
        super().__init__()
        self.folder = folder
        self.environment = environment_of(protocol, envelope)
        self.models = folder / "models"
        self.store = self.models / "model-store"
        self.store.mkdir(parents=True)
        (self.models / "config").mkdir()
        self.temp = folder / "tmp"
        self.temp.mkdir()
        os.chown(self.temp, int(USER), int(USER))
        self.saved: dict[str, Any] = {}
        self.seconds_to_start = 0.0

    def add(self, name: str, archive: Path) -> None:
        """Puts a model into the store and the snapshot."""
        shutil.copy(archive, self.store / f"{name}.mar")
        self.saved[name] = {"1.0": {**SAVED, "marName": f"{name}.mar"}}

    def write_config(self, text: str = CONFIG) -> None:
        """Writes the settings with the models so far."""
        count = len(self.saved)
        snapshot = json.dumps({"name": "startup.cfg", "modelCount": count, "models": self.saved})
        file = self.models / "config" / "config.properties"
        file.write_text(text.replace("{snapshot}", snapshot), encoding="utf-8")

    # -- the container ------------------------------------------------------------------------

    def words(self, *command: str) -> list[str]:
        """The command line of `command` as the container's own."""
        script = [
            "set -e",
            "mount --make-rprivate /",
            "ip link set lo up",
            "mount -t tmpfs -o mode=755 none /mnt",
            "mkdir /mnt/models /mnt/kept",
            f"mount --bind {shlex.quote(str(self.models))} /mnt/models",
            "mount -o remount,bind,ro /mnt/models",
        ]
        hidden = self._mount_what_is_hidden(script)
        script += [
            f"mount --bind {shlex.quote(str(self.temp))} /tmp",
            *(f"mount -o remount,ro {shlex.quote(folder)}" for folder in [*hidden, "/mnt"]),
            "mount -o remount,bind,ro /",
            "cd /home",
            f"exec setpriv --reuid {USER} --regid {USER} --clear-groups --bounding-set=-all"
            ' --inh-caps=-all --no-new-privs "$@"',
        ]
        return [*NAMESPACES, "sh", "-c", "\n".join(script), "sh", *command]

    @staticmethod
    def _mount_what_is_hidden(script: list[str]) -> list[str]:
        """Lets user 1000 see the interpreter and the installed command, wherever they are."""
        needed = {Path(sys.base_prefix).resolve(), REPOSITORY}
        kept = {path: folder for path in needed if (folder := _hidden_from_others(path))}
        for number, path in enumerate(kept):
            script.append(f"mkdir /mnt/kept/{number}")
            script.append(f"mount --bind {shlex.quote(str(path))} /mnt/kept/{number}")
        folders = sorted({shlex.quote(str(folder)) for folder in kept.values()})
        script += [f"mount -t tmpfs -o mode=755 none {folder}" for folder in folders]
        for number, path in enumerate(kept):
            place = shlex.quote(str(path))
            script += [f"mkdir -p {place}", f"mount --bind /mnt/kept/{number} {place}"]
        return sorted({str(folder) for folder in kept.values()})

    def container_environment(self) -> dict[str, str]:
        """What a container has, and nothing of the tests' own."""
        return {
            "PATH": os.environ["PATH"],
            **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
            "XDG_CACHE_HOME": folder_for_caches(),
            **self.environment,
        }

    def start(self) -> None:
        """Starts the server as the image's entry point does, and waits for its listeners."""
        began = time.monotonic()
        # The entry point evaluates the arguments and stays.
        stay = '"$@" && exec sleep infinity'
        self.launch(
            self.words("sh", "-c", stay, "sh", str(TORCHSERVE), *ARGUMENTS),
            self.container_environment(),
        )
        self.wait_started()
        self.seconds_to_start = time.monotonic() - began

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in a container of its own."""
        return subprocess.run(
            self.words(*command),
            env={**self.container_environment(), **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT_SEC,
            check=False,
        )

    # -- clients ------------------------------------------------------------------------------

    def client(self, script: str, *words: str) -> Any:
        """Runs a script of test/kserve in the container's network; returns the JSON it prints."""
        python = str(client_python(REQUIREMENTS))
        return json.loads(
            self._inside(python, str(REPOSITORY / "test" / "kserve" / script), *words)
        )

    def get(self, port: int, path: str, *headers: str, method: str = "GET") -> tuple[int, Any]:
        """Asks without any client library, and returns status and JSON."""
        text = self._inside(sys.executable, "-c", ASK, method, str(port), path, *headers)
        status, body = json.loads(text)
        return status, json.loads(body) if body else None

    def management_token(self) -> str:
        """The token that the server has made for management."""
        token = json.loads((self.temp / "key_file.json").read_text())["management"]["key"]
        return f"Authorization: Bearer {token}"

    def _inside(self, *command: str) -> str:
        assert self.process is not None
        done = subprocess.run(
            ["nsenter", "--target", str(self.process.pid), "--net", *command],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT_SEC,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.text()}"
        return done.stdout

    def log(self, name: str) -> str:
        """The text of one of the server's log files."""
        file = self.temp / "logs" / name
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

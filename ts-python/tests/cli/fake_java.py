"""A `java` that does as it is told, and small tools of the command's tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPT = """#!{python} -ISXutf8
import json, os, signal, sys, time
# Ignored where the tests run in the background, and inherited.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
words = sys.argv[1:]
told = json.loads(os.environ["FAKE_JAVA"])
record = {{
    "words": words,
    "pid": os.getpid(),
    "namespace": os.readlink("/proc/self/ns/pid") if os.path.exists("/proc") else "",
    "session": os.getsid(0),
    "stdin": os.readlink("/proc/self/fd/0") if os.path.exists("/proc") else "",
    "files": sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc") else [],
    "cwd": os.getcwd(),
    "locale": {{k: v for k, v in os.environ.items() if k in ("LC_ALL", "LC_CTYPE", "LANG")}},
    "temporary": {{k: v for k, v in os.environ.items() if k in ("TEMP", "TMPDIR")}},
    "locations": {{k: v for k, v in os.environ.items() if k.endswith("_LOCATION")}},
}}
if told.get("ignores_term"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
path = told["folder"] + "/" + str(os.getpid())
with open(path, "w") as file:
    json.dump(record, file)
os.rename(path, path + ".record")
print(told.get("prints", ""), flush=True)
if "kills" in told:
    os.kill(told["kills"], signal.SIGKILL)
    # Killed is not yet dead: until then it is taken for a server.
    cmdline = "/proc/%d/cmdline" % told["kills"]
    while os.path.exists(cmdline) and open(cmdline).read():
        time.sleep(0.01)
if told.get("status"):
    path = words[words.index("--status-file") + 1]
    with open(path + ".new", "w") as file:
        json.dump(told["status"], file)
    os.rename(path + ".new", path)
if "exits" in told:
    sys.exit(told["exits"])
if told.get("ends"):
    # Once it is seen to have started: the launcher looks at the status, then removes the draft.
    pid_file = words[words.index("--pid-file") + 1]
    while not os.path.exists(pid_file):
        time.sleep(0.01)
    sys.exit(0)
time.sleep(120)
"""

ADDRESSES = {"inference": "http://127.0.0.1:8080", "management": "http://127.0.0.1:8081"}


@dataclass
class FakeJava:
    """Stands for the frontend: writes the status it is told to, then stays, or exits."""

    home: Path
    folder: Path
    told: dict[str, Any] = field(default_factory=dict)

    def does(self, **told: Any) -> None:
        self.told = {**told, "folder": str(self.folder)}
        os.environ["FAKE_JAVA"] = json.dumps(self.told)

    def starts(self, addresses: dict[str, str] | None = None, **more: Any) -> None:
        self.does(status={"state": "started", "addresses": addresses or ADDRESSES, **more})

    def records(self) -> list[dict[str, Any]]:
        """What each run saw, in the order in which they began."""
        paths = sorted(self.folder.glob("*.record"), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(path.read_text()) for path in paths]

    def end(self) -> None:
        """Kill what runs; a number of another PID namespace is another process here."""
        own = os.readlink("/proc/self/ns/pid") if os.path.exists("/proc") else ""
        for record in self.records():
            if record["namespace"] == own:
                kill(record["pid"])

    def words(self) -> list[str]:
        """The command line of the last run."""
        return [str(word) for word in self.records()[-1]["words"]]


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


Run = Callable[..., Outcome]
Spawn = Callable[..., "subprocess.Popen[bytes]"]


def make_java(home: Path, version: str, script: str = "#!/bin/sh\n") -> Path:
    """Lay out a Java home with a `release` file."""
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'IMPLEMENTOR="test"\nJAVA_VERSION="{version}"\n')
    return make_executable(home / "bin" / "java", script)


def make_executable(path: Path, script: str) -> Path:
    path.write_text(script)
    path.chmod(0o755)
    return path


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)

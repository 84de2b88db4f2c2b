"""Processes of this machine, told apart even when the kernel gives a number out again."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "stat").exists()
_NAMESPACES = ("pid", "mnt")


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its number and the moment of its start (opaque; from the kernel or `ps`)."""

    pid: int
    started: str

    def runs(self) -> bool:
        """Return whether it still runs; one that ended but was not waited for does not."""
        return _start_mark(self.pid) == self.started

    def signal(self, number: int) -> bool:
        """Send a signal; return False if the process had already gone."""
        if not self.runs():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """Wait until it has gone, at most so long; return whether it has."""
        end = time.monotonic() + seconds
        while self.runs():
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        return True


def find_process(pid: int) -> Process | None:
    """Return the running process with this number, or None."""
    started = _start_mark(pid)
    return Process(pid, started) if started is not None else None


def command_line(pid: int) -> list[str]:
    """Return the words of a process's command line; empty if it has gone."""
    try:
        return os.fsdecode((_PROC / str(pid) / "cmdline").read_bytes()).split("\0")
    except OSError:
        return [] if _HAS_PROC else _ps("command=", pid).split()


def shares_network(process: Process) -> bool:
    """Return whether an address of that process is one of ours; True where it cannot be told."""
    return _namespace(str(process.pid), "net") in ("", _namespace("self", "net"))


def processes_with_argument(argument: str) -> Iterator[tuple[Process, list[str], str]]:
    """Yield this user's processes with that word in their command line.

    Each comes with its command line and working folder. Those in other containers are left out:
    what they call a file or a process is another one here. Needs `/proc`; yields nothing elsewhere.
    """
    if not _proc_is_ours():
        return
    own = [_namespace("self", kind) for kind in _NAMESPACES]
    for folder in _PROC.glob("[0-9]*"):
        try:
            if folder.stat().st_uid != os.getuid():
                continue
            if [_namespace(folder.name, kind) for kind in _NAMESPACES] != own:
                continue
            words = command_line(int(folder.name))
            if argument not in words:
                continue
            process = find_process(int(folder.name))
            cwd = str((folder / "cwd").readlink())
        except OSError:
            continue  # it ended while we looked
        if process is not None:
            yield process, words, cwd


def holds_file(process: Process, stem: str) -> bool | None:
    """Return whether a process has a file of that name open, whatever its suffix is.

    The file may have been removed. None where it cannot be told.
    """
    try:
        descriptors = list((_PROC / str(process.pid) / "fd").iterdir())
    except OSError:
        return None
    for descriptor in descriptors:
        try:
            name = os.path.basename(os.readlink(descriptor))
        except OSError:
            continue
        if name.partition(".")[0] == stem:
            return True
    return False


def _start_mark(pid: int) -> str | None:
    if pid <= 0:
        return None
    if not _HAS_PROC:
        state, _, started = _ps("stat=,lstart=", pid).partition(" ")
        return None if not state or state[0] == "Z" else started.strip()
    if not _proc_is_ours():
        return _unmarked(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may itself hold blanks and parentheses; what follows does not.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _proc_is_ours() -> bool:
    """Return whether `/proc` numbers processes as we do: not in a PID namespace without its own."""
    try:
        return os.readlink(_PROC / "self") == str(os.getpid())
    except OSError:
        return False


def _unmarked(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "unknown"


def _namespace(process: str, kind: str) -> str:
    try:
        return os.readlink(_PROC / process / "ns" / kind)
    except OSError:
        return ""


def _ps(columns: str, pid: int) -> str:
    found = subprocess.run(
        ["ps", "-o", columns, "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return found.stdout.strip()

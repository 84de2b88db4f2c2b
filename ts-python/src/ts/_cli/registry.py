"""The servers of this user on this machine: one small file each, in a private folder.

A server has its file locked for as long as it runs, whatever folder, container or host it is looked
at from: process ids in files are never relied on. Beside the folder lies the pid file of TorchServe
0.12, for tools that look there. It has room for one server only, which has it locked as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ts._cli import ownership
from ts._cli.errors import Refusal
from ts._cli.ownership import Abandoned, Owned, owner_of
from ts._cli.processes import (
    Process,
    command_line,
    find_process,
    holds_file,
    processes_with_argument,
)
from ts._cli.status import Status, read_status
from ts.utils._private_folders import is_private

MAIN_CLASS = "org.tsnext.server.ModelServer"
MAIN_CLASS_OF_012 = "org.pytorch.serve.ModelServer"
"""Programs look for a server by this word in its command line; ours has both."""
_MAIN_CLASSES = (MAIN_CLASS, MAIN_CLASS_OF_012)
_PID_FILE = ".model_server.pid"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a registry knows of a server.

    Args:
        folder: The registry's folder.
        token: Its name there.
        config: The settings file it was started with.
        cwd: The folder it was started in.
        pid_inode: Which file it may have as the pid file.
        logs: The folder of its logs; None if it is not known.
    """

    folder: Path
    token: str
    config: str | None = None
    cwd: str = ""
    pid_inode: int = 0
    logs: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs where its process can be reached."""

    entry: Entry
    process: Process


class Claim:
    """The files of a server that is about to run, which its process locks before it does.

    They get their names once they are locked: until then no other command sees them.
    """

    def __init__(self, folder: Path, config: str | None, cwd: str, logs: str | None) -> None:
        """Make the files.

        Raises:
            Refusal: They cannot be made.
        """
        self.token = secrets.token_hex(8)
        self._folder = folder
        self._draft = folder / f"{self.token}.new"
        self._pid_draft = folder / f"{self.token}.pid"
        self.descriptors: tuple[int, ...] = ()
        try:
            self.descriptors += (ownership.create(self._draft),)
            self.descriptors += (ownership.create(self._pid_draft),)
            inode = os.fstat(self.descriptors[1]).st_ino
            self.entry = Entry(folder, self.token, config, cwd, inode, logs)
            said = {
                "host": ownership.host_mark(),
                "config": config,
                "cwd": cwd,
                "pid_inode": inode,
                "logs": logs,
            }
            os.write(self.descriptors[0], json.dumps(said).encode("utf-8"))
        except OSError as problem:
            self.withdraw()
            raise Refusal(f"{folder} cannot be used: {problem.strerror}.") from problem

    def take(self) -> None:
        """Lock the files for this process, and for what it becomes by `exec`.

        On a file system without locks others cannot tell that they are in use, and leave them.
        """
        for descriptor in self.descriptors:
            ownership.lock(descriptor)
            os.set_inheritable(descriptor, True)

    def publish(self, pid: int) -> Server:
        """Give the entry its name, once the process `pid` has it locked."""
        os.write(self.descriptors[1], str(pid).encode("ascii"))
        os.replace(self._draft, self._folder / f"{self.token}.json")
        # A child that has already ended gets a mark that no process has.
        return Server(self.entry, find_process(pid) or Process(pid, ""))

    def name_in_pid_file(self) -> None:
        """Let the pid file name this server, unless it names another one that may still run."""
        pid_file = self._folder.parent / _PID_FILE
        # In a shared folder the file may be another user's; ours is not needed then.
        with contextlib.suppress(OSError):
            try:
                os.link(self._pid_draft, pid_file)
            except FileExistsError:
                _replace_stale(pid_file, self._pid_draft)
            except OSError:
                # A file system without links.
                if not pid_file.exists():
                    os.replace(self._pid_draft, pid_file)
        self._pid_draft.unlink(missing_ok=True)

    def withdraw(self) -> None:
        """Remove what is not published, and close the files of a process that does not run them."""
        for path in (self._draft, self._pid_draft):
            path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the files here; a process that runs the server has them locked still."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = ()


class Registry:
    """Keeps what is known of running servers; what is left of ended ones is removed on sight."""

    def __init__(self, temporary: Path) -> None:
        """Use the folder of this user below `temporary`.

        Raises:
            Refusal: Something else is in its place, or others may write there.
        """
        self._folder = temporary / _folder_name()
        self._pid_file = temporary / _PID_FILE
        self._require_private(missing_ok=True)

    @property
    def pid_file(self) -> Path:
        """The pid file where TorchServe 0.12 has it."""
        return self._pid_file

    def claim(self, config: str | None, cwd: str, logs: str | None = None) -> Claim:
        """Make the files of a server that is about to run.

        Args:
            config: The settings file it is started with.
            cwd: The folder it is started in.
            logs: The folder of its logs, if that is known.

        Raises:
            Refusal: They cannot be made.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise Refusal(f"{self._folder} cannot be used: {problem.strerror}.") from problem
        self._require_private(missing_ok=False)
        return Claim(self._folder, config, cwd, logs)

    def status_path(self, token: str) -> Path:
        """Return where the server of that name writes its status."""
        return self._folder / f"{token}.status"

    def output_path(self, token: str) -> Path:
        """Return where the output of that server goes when it has no terminal."""
        return self._folder / f"{token}.out"

    @staticmethod
    def status(entry: Entry) -> Status | None:
        """Return what that server has told about itself."""
        return read_status(entry.folder / f"{entry.token}.status")

    def addresses(self, entry: Entry) -> Mapping[str, str]:
        """Return the addresses of that server by role, as far as it has told."""
        status = self.status(entry)
        return status.addresses if status else {}

    @staticmethod
    def remove(entry: Entry) -> None:
        """Forget a server that has ended."""
        pid_file = entry.folder.parent / _PID_FILE
        with contextlib.suppress(OSError):
            # A number of a file is given out again, like that of a process: the lock tells.
            if pid_file.lstat().st_ino == entry.pid_inode and not isinstance(
                owner_of(pid_file, None), Owned
            ):
                pid_file.unlink()
        for suffix in ("json", "status", "out", "pid"):
            (entry.folder / f"{entry.token}.{suffix}").unlink(missing_ok=True)

    def running(self) -> list[Server]:
        """Return the servers of this registry that run now and can be reached from here."""
        return self._look()[0]

    def out_of_reach(self) -> list[Entry]:
        """Return the servers of this registry that run in other containers, or on other hosts."""
        return self._look()[1]

    def of_other_folders(self) -> list[Server]:
        """Return this user's servers that were started with another temporary folder."""
        return [each for each in _visible_servers() if each.entry.folder != self._folder]

    def unpublished(self) -> list[Server]:
        """Return the servers that hold their files while these have no names yet.

        On a file system without locks there is none: `running` finds it once it runs Java.
        """
        owners = [(path, owner_of(path, None)) for path in sorted(self._folder.glob("*.new"))]
        return [
            Server(Entry(self._folder, path.stem), process)
            for path, owner in owners
            if isinstance(owner, Owned) and owner.pid is not None
            if (process := find_process(owner.pid)) is not None
        ]

    def _look(self) -> tuple[list[Server], list[Entry]]:
        visible = {
            each.entry.token: each
            for each in _visible_servers()
            if each.entry.folder == self._folder
        }
        servers = []
        out_of_reach = []
        for path in sorted(self._folder.glob("*.json")):
            entry, host = _read_entry(path)
            seen = visible.pop(entry.token, None)
            owner = owner_of(path, host)
            if seen is not None:
                servers.append(seen)
            elif isinstance(owner, Abandoned):
                self.remove(entry)
            elif isinstance(owner, Owned) and owner.pid is None:
                out_of_reach.append(entry)
            elif isinstance(owner, Owned) and owner.pid is not None:
                process = find_process(owner.pid)
                servers += [Server(entry, process)] if process is not None else []
        return [*servers, *visible.values()], out_of_reach

    def _require_private(self, *, missing_ok: bool) -> None:
        try:
            private = is_private(self._folder)
        except FileNotFoundError:
            if missing_ok:
                return
            raise
        except OSError as problem:
            raise Refusal(f"{self._folder} cannot be used: {problem.strerror}.") from problem
        if not private:
            raise Refusal(
                f"{self._folder} is not a folder that only you can write to; please remove it."
            )


def _replace_stale(pid_file: Path, draft: Path) -> None:
    """Put `draft` in the place of a pid file, unless that names a server that may still run."""
    if not isinstance(owner_of(pid_file, None), Abandoned) or _names_a_server(pid_file):
        return
    descriptor = os.open(pid_file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Of two starts that see a stale file one replaces it; the other finds a new file then.
        if ownership.lock(descriptor) and os.path.samestat(os.fstat(descriptor), pid_file.lstat()):
            os.replace(draft, pid_file)
    finally:
        os.close(descriptor)


def _names_a_server(pid_file: Path) -> bool:
    """Return whether it names a process here that is a server: TorchServe 0.12 has no locks."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
    except ValueError:
        return False
    return any(word in _MAIN_CLASSES for word in command_line(pid))


def _visible_servers() -> Iterator[Server]:
    """Find servers by their processes: their files may be elsewhere, lost, or without locks."""
    for process, words, cwd in processes_with_argument(MAIN_CLASS):
        status = Path(_word_after("--status-file", words) or "")
        # Another program may have these words, too: a server has its file open and locked, also
        # where the file was cleaned away.
        if status.parent.name == _folder_name() and holds_file(process, status.stem) is not False:
            path = status.with_suffix(".json")
            entry, _ = _read_entry(path)
            if not path.exists():
                config = _word_after("-f", words) or _config_in(cwd)
                entry = replace(entry, config=config, cwd=cwd)
            yield Server(entry, process)


def _folder_name() -> str:
    return f".torchserve-next-{os.getuid()}"


def _read_entry(path: Path) -> tuple[Entry, str | None]:
    """Return what is known of a server, and the host on which it was started."""
    entry = Entry(path.parent, path.stem)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        config = None if said["config"] is None else str(said["config"])
        entry = replace(
            entry,
            config=config,
            cwd=str(said["cwd"]),
            pid_inode=int(said["pid_inode"]),
            logs=str(said["logs"]) if said.get("logs") else None,
        )
        return entry, str(said["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return entry, None


def _config_in(cwd: str) -> str | None:
    path = Path(cwd, "config.properties")
    return str(path) if path.is_file() else None


def _word_after(option: str, words: list[str]) -> str | None:
    return words[words.index(option) + 1] if option in words[:-1] else None

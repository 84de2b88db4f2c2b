"""The servers of this user on this machine: one small file each, in a private folder.

Beside it lies the pid file of TorchServe 0.12, for tools that look there. It has room for one
server only, so it is written for their sake and never relied on.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ts._cli.errors import Refusal
from ts._cli.processes import Process, command_line, processes_with_argument
from ts._cli.status import Status, read_status

MAIN_CLASS = "org.tsnext.server.ModelServer"
_MAIN_CLASSES = (MAIN_CLASS, "org.pytorch.serve.ModelServer")
_PID_FILE = ".model_server.pid"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started here."""

    token: str
    process: Process
    config: str | None
    cwd: str


class Registry:
    """Keeps what is known of running servers; what is left of dead ones is removed on sight."""

    def __init__(self, temporary: Path) -> None:
        """Use, and make if need be, the folder of this user below `temporary`.

        Raises:
            Refusal: Something else is in its place, or others may write there.
        """
        self._folder = temporary / f".torchserve-next-{os.getuid()}"
        self._pid_file = temporary / _PID_FILE
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            found = self._folder.lstat()
        except OSError as problem:
            raise Refusal(f"{self._folder} cannot be used: {problem.strerror}.") from problem
        private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not private or found.st_mode & 0o022:
            raise Refusal(
                f"{self._folder} is not a folder that only you can write to; please remove it."
            )

    @property
    def pid_file(self) -> Path:
        """The pid file where TorchServe 0.12 has it."""
        return self._pid_file

    def new_token(self) -> str:
        """Return a name for a server that is about to start."""
        return secrets.token_hex(8)

    def status_path(self, token: str) -> Path:
        """Return where the server of that name writes its status."""
        return self._folder / f"{token}.status"

    def output_path(self, token: str) -> Path:
        """Return where the output of that server goes when it has no terminal."""
        return self._folder / f"{token}.out"

    def status(self, server: Server) -> Status | None:
        """Return what that server has told about itself."""
        return read_status(self.status_path(server.token))

    def addresses(self, server: Server) -> Mapping[str, str]:
        """Return the addresses of that server by role, as far as it has told."""
        status = self.status(server)
        return status.addresses if status else {}

    def add(self, server: Server) -> None:
        """Remember a server, and name it in the pid file unless that names another live one."""
        _replace(self._entry(server.token), json.dumps(asdict(server)))
        self.claim_pid_file(server)

    def claim_pid_file(self, server: Server) -> None:
        """Name a server in the pid file, unless that names another live one."""
        if not self._pid_file_names_a_server():
            # In a shared folder the file may be somebody else's; ours is not needed then.
            with contextlib.suppress(OSError):
                _replace(self._pid_file, str(server.process.pid))

    def remove(self, server: Server) -> None:
        """Forget a server that has gone."""
        self.forget(server.token)
        if self._pid_of_pid_file() == server.process.pid:
            with contextlib.suppress(OSError):
                self._pid_file.unlink(missing_ok=True)

    def forget(self, token: str) -> None:
        """Remove the files of a name, whether or not a server ever ran under it."""
        for path in (self._entry(token), self.status_path(token), self.output_path(token)):
            path.unlink(missing_ok=True)

    def running(self) -> list[Server]:
        """Return the servers that run now."""
        servers = []
        for path in sorted(self._folder.glob("*.json")):
            server = _read_entry(path)
            if server is None:
                self.forget(path.stem)
            elif server.process.runs():
                servers.append(server)
            else:
                self.remove(server)
        return servers + self._strays()

    def _strays(self) -> list[Server]:
        """Find servers whose file is lost, such as to a cleaner of old temporary files."""
        strays = []
        for process, words, cwd in processes_with_argument(MAIN_CLASS):
            status = Path(_word_after("--status-file", words) or "")
            if status.parent == self._folder and not self._entry(status.stem).exists():
                config = _word_after("-f", words) or _config_in(cwd)
                server = Server(status.stem, process, config, cwd)
                self.add(server)
                strays.append(server)
        return strays

    def _entry(self, token: str) -> Path:
        return self._folder / f"{token}.json"

    def _pid_of_pid_file(self) -> int | None:
        try:
            return int(self._pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _pid_file_names_a_server(self) -> bool:
        """Return whether it names a live server, ours or a TorchServe 0.12."""
        pid = self._pid_of_pid_file()
        return pid is not None and any(word in _MAIN_CLASSES for word in command_line(pid))


def open_registry() -> Registry:
    """Return the registry of this user in Python's folder for temporary files."""
    return Registry(Path(tempfile.gettempdir()).resolve())


def _read_entry(path: Path) -> Server | None:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        process = Process(int(said["process"]["pid"]), str(said["process"]["started"]))
        return Server(path.stem, process, said["config"], str(said["cwd"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _config_in(cwd: str) -> str | None:
    path = Path(cwd, "config.properties")
    return str(path) if path.is_file() else None


def _word_after(option: str, words: list[str]) -> str | None:
    return words[words.index(option) + 1] if option in words[:-1] else None


def _replace(path: Path, text: str) -> None:
    """Write a file that readers see whole or not at all, without following a link in its place."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise

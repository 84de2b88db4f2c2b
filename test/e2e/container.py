"""What the containers of these tests have in common: processes in namespaces of their own."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torchserve_process import LIMIT_SEC, wait_for

NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_CLONE_NEWNET = 0x40000000


def why_refused(needs_root: str, commands: Sequence[str], tried: Sequence[str]) -> str | None:
    """Why this machine cannot make containers, or None if it can.

    `needs_root`: what only root can do.
    `commands`: what has to be installed.
    `tried`: a command line that shows whether namespaces can be made.
    """
    if os.getuid() != 0:
        return needs_root
    for command in commands:
        if shutil.which(command) is None:
            return f"there is no {command} here"
    done = subprocess.run(tried, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"unshare is refused: {done.stderr.strip()}"


def enter_network(network: str) -> None:
    """Puts this thread into another network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(network).open("rb") as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Container:
    """A container: what it writes, and how it begins and ends."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    def launch(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Runs the command line that makes it, and waits for nothing."""
        self.output = []
        self.process = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    def _read_output(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)

    def wait_started(self) -> None:
        """Waits until the server says that it has started."""
        assert self.process is not None
        wait_for(lambda: self.has_said("Model server started."), f"its start; {self.text()}")
        assert self.process.poll() is None, self.text()

    def has_said(self, line: str) -> bool:
        """Whether the container has written a line; fails if it has ended without."""
        assert self.process is not None
        ended = self.process.poll() is not None
        if ended:
            self._reader.join(LIMIT_SEC)
        said = any(each.rstrip() == line for each in list(self.output))
        assert said or not ended, f"exited with {self.process.returncode}:\n{self.text()}"
        return said

    def text(self) -> str:
        """What the container has written."""
        return "".join(list(self.output))

    def first_process(self) -> int:
        """The number of the container's process 1, here."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def folders_of_processes(self) -> Iterator[Path]:
        """The folder in /proc of each process of the container; one may end at any time."""
        own = os.readlink(f"/proc/{self.first_process()}/ns/pid")
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns" / "pid") == own:
                    yield folder
            except OSError:
                continue  # it has ended

    def send(self, number: int) -> None:
        """Sends a signal to process 1, as an engine does."""
        os.kill(self.first_process(), number)

    def wait(self) -> int:
        """Waits for the container's end, and returns the exit status of process 1."""
        assert self.process is not None
        status = self.process.wait(LIMIT_SEC)
        self._reader.join(LIMIT_SEC)
        return status

    def stop(self) -> None:
        """Ends the container with all that is in it."""
        if self.process is not None:
            # Process 1, with which all others end; another user's is not told of its parent's end.
            if self.process.poll() is None:
                self.send(signal.SIGKILL)
            self.wait()

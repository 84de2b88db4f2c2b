"""What a developer wants to see of a server's logs: what handlers print, and requests."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from ts._cli.commands.logs import LINE, LogLines
from ts._cli.commands.terminal import printable

_POLL_SEC = 0.1
_DRAIN_SEC = 0.5
_OF_WORKER = re.compile(
    r"\[PID\]\d+|Torch worker started\.|Python runtime: \S+|model_name: .*, batchSize: \d+"
    r"|Frontend disconnected\."
)
_REQUEST = re.compile(r'"(\w+ /(?:predictions|explanations)\S*) HTTP/[\d.]+" (\d+) (\d+)')


class DevLogs:
    """Follows the logs of the models and of requests in a thread, while the block runs.

    Args:
        folder: Of the logs.
        tell: Takes each line that is to be seen.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._names: list[tuple[str, str]] = []
        self._looks = threading.Condition()
        self._rounds = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="logs", daemon=True)

    def __enter__(self) -> DevLogs:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()

    def calls(self, folder: Path, origin: Path) -> None:
        """Let the files of a copy be called by their own names."""
        self._names = [*self._names[-10:], (str(folder), str(origin))]

    def drain(self) -> None:
        """Wait until what is in the logs now has been told, for a limited time."""
        with self._looks:
            wanted = self._rounds + 2
            self._looks.wait_for(lambda: self._rounds >= wanted, _DRAIN_SEC)

    def _follow(self) -> None:
        model = _open(self._folder / "model_log.log")
        access = _open(self._folder / "access_log.log")
        while True:
            ending = self._ending.is_set()
            if model is None:
                model = _open(self._folder / "model_log.log")
            if access is None:
                access = _open(self._folder / "access_log.log")
            for line in model.new_lines() if model else ():
                self._tell_model(line)
            for line in access.new_lines() if access else ():
                self._tell_request(line)
            with self._looks:
                self._rounds += 1
                self._looks.notify_all()
            if ending:
                break
            time.sleep(_POLL_SEC)
        for log in (model, access):
            if log is not None:
                log.close()

    def _tell_model(self, line: str) -> None:
        match = LINE.match(line)
        text = match.group("message") if match else line
        if match and _OF_WORKER.fullmatch(text):
            return
        for copied, origin in self._names:
            text = text.replace(copied, origin)
        self._tell(printable(text))

    def _tell_request(self, line: str) -> None:
        match = _REQUEST.search(line)
        if match:
            request, status, milliseconds = match.groups()
            self._tell(f"{printable(request)} {status} in {milliseconds} ms")


def _open(path: Path) -> LogLines | None:
    try:
        return LogLines(path.open("rb"), path)
    except OSError:
        return None

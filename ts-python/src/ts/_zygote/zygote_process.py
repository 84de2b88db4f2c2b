"""What ``init`` knows of the zygote: its process, its channel, and when to start it again."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time

from ts._zygote import lifeline
from ts._zygote.fork_channel import ForkChannel

_START_FILE = os.path.join(os.path.dirname(__file__), "init.py")
_RESTART_DELAYS_SEC = (0.0, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 60.0)
_STABLE_SEC = 30.0
_IMPORT_LIMIT_SEC = 120.0


def restart_delay(failures: int) -> float:
    """Return the seconds to wait before the next start, after so many ends in a row."""
    return _RESTART_DELAYS_SEC[min(failures, len(_RESTART_DELAYS_SEC) - 1)]


class ZygoteProcess(ForkChannel):
    """One zygote process."""

    def __init__(self, stdout: int, stderr: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        read_end, self._lifeline_end = lifeline.create()
        with theirs:
            try:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        _START_FILE,
                        "--zygote",
                        str(theirs.fileno()),
                        str(read_end),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(), read_end),
                )
                lifeline.arm(read_end, process.pid)
            finally:
                os.close(read_end)
        process.returncode = 0  # it will be reaped with all others, not by this object
        super().__init__(ours)
        self.pid = process.pid
        self.started_at = time.monotonic()
        self.response_deadline = self.started_at + _IMPORT_LIMIT_SEC

    def is_stable(self) -> bool:
        """Return whether it served long enough for earlier failures to be forgotten."""
        return self.ready and time.monotonic() - self.started_at > _STABLE_SEC

    def close(self) -> None:
        """Let go of the process: the kernel kills it if it still lives."""
        super().close()
        with contextlib.suppress(OSError):
            os.close(self._lifeline_end)

"""Ends a server whose program has gone: ``python -m ts._serve.guard PID STARTED FOLDER``.

Standard input is a pipe that the program holds; its end tells. A server that was stopped in good
order is gone by then, and so is its folder.
"""

from __future__ import annotations

import shutil
import signal
import sys

from ts._cli.processes import Process

_STOP_SEC = 60.0


def main() -> None:
    """Wait for the end of the program, then end what is left of its server."""
    pid, started, folder = sys.argv[1:]
    sys.stdin.buffer.read()
    process = Process(int(pid), started)
    if process.signal(signal.SIGTERM) and not process.wait(_STOP_SEC):
        process.signal(signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

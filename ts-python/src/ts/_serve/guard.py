"""Ends a server whose program has gone: ``python -m ts._serve.guard FOLDER``.

Standard input is a pipe that the program holds; its end tells. The guard is there before the server
is, so that a program which is killed while it starts one leaves none behind, either. A server that
was stopped in good order is gone by then, and so is its folder.
"""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

from ts._cli.processes import Process
from ts._cli.registry import Registry
from ts._serve.settings import temporary_of

_STOP_SEC = 60.0
_KILL_SEC = 10.0


def main() -> None:
    """Wait for the end of the program, then end what is left of its server."""
    folder = Path(sys.argv[1])
    # A fork that becomes the server holds the pipe, too, until it has locked its files.
    sys.stdin.buffer.read()
    registry = Registry(temporary_of(folder))
    while left := registry.running() + registry.unpublished():
        for server in left:
            _end(server.process)
    shutil.rmtree(folder, ignore_errors=True)


def _end(process: Process) -> None:
    if process.signal(signal.SIGTERM) and not process.wait(_STOP_SEC):
        process.signal(signal.SIGKILL)
        process.wait(_KILL_SEC)


if __name__ == "__main__":
    main()

"""The output of a rank, with its number before each line.

A process of its own reads what the rank prints, so that the last words of one that crashes in C are
not lost, and adds the number. It ends when all ends of the rank's output are closed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable
from typing import NoReturn

from ts._zygote import linux
from ts._zygote.descriptors import close_all_but
from ts._zygote.output import LinePump

_METRICS = b"[METRICS]"
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def number_output(rank: int) -> None:
    """Have a process put ``[rank N]`` before each line of stdout and stderr from here on.

    Call it while the process has one thread.
    """
    pipes = {number: os.pipe() for number in (1, 2)}
    pid = os.fork()
    if pid == 0:
        # Forked twice: a handler that waits for its children does not meet it.
        try:
            if os.fork() == 0:
                _run_pumps(rank, {number: read for number, (read, _) in pipes.items()})
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    for number, (read_end, write_end) in pipes.items():
        os.dup2(write_end, number)
        os.close(read_end)
        os.close(write_end)


def with_number(rank: int, lines: bytes) -> bytes:
    """Return lines with the rank before each; samples of metrics are left as they are read."""
    prefix = f"[rank {rank}] ".encode("ascii")
    return b"\n".join(
        line if line.startswith(_METRICS) else prefix + line for line in lines.split(b"\n")
    )


def _run_pumps(rank: int, read_ends: dict[int, int]) -> NoReturn:
    try:
        os.setsid()  # a signal to the rank's group, and the launcher's, is not for this process
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        linux.set_process_name(f"ts-output-{rank}")
        close_all_but(read_ends.values())
        selector = selectors.DefaultSelector()
        for target, read_end in read_ends.items():
            os.set_blocking(read_end, False)
            selector.register(read_end, selectors.EVENT_READ, _pump(rank, target, read_end))
        while selector.get_map():
            for key, _ in selector.select():
                if not key.data.read():
                    key.data.drain()
                    selector.unregister(key.fd)
    finally:
        os._exit(0)


def _pump(rank: int, target: int, read_end: int) -> LinePump:
    return LinePump(read_end, _writer(rank, target))


def _writer(rank: int, target: int) -> Callable[[bytes], None]:
    def emit(lines: bytes) -> None:
        data = memoryview(with_number(rank, lines) + b"\n")
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(target, data) :]

    return emit

"""Standard streams that never decide how a command ends, whatever they are connected to.

A report that cannot be written changes nothing about what was done: a full device, a closed
descriptor or a reader that has gone must neither end a command half-way nor change its status.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TextIO

from ts._cli.last_line import LastLine
from ts._cli.utf8 import use_utf8

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD = (0, 1, 2)
_LOST_OUTPUT = 1


class Descriptor(io.RawIOBase):
    """Writes to a descriptor. The first failure is kept, and what comes after it is dropped.

    Attributes:
        failure: Why writing failed, or None.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.failure: OSError | None = None

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor's number."""
        return self._number

    def isatty(self) -> bool:
        """Return whether a terminal shows what is written."""
        return os.isatty(self._number)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of it, also to a descriptor that is in non-blocking mode. Never raises."""
        view = memoryview(data).cast("B")
        size = len(view)
        while view and self.failure is None:
            try:
                view = view[os.write(self._number, view) :]
            except BlockingIOError:
                select.select([], [self._number], [])
            except OSError as problem:
                self.failure = problem
        return size


def run_command(name: str, main: Callable[[], int], last_line: LastLine | None = None) -> NoReturn:
    """Carry out a command with safe standard streams, and exit with its status.

    Args:
        name: The command's, for messages.
        main: Carries it out and returns its status; may raise `SystemExit`, as argparse does.
        last_line: What is written after the end, if that is success.
    """
    open_missing()
    use_utf8()
    sys.stdout, sys.stderr = _text(1), _text(2)
    try:
        status = main()
    except SystemExit as end:  # of argparse: help, which is lost without a stdout, and wrong usage
        status = _status_of(end)
        if status == 0:
            status = output_status()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    problem = failure_of(sys.stdout)
    if problem is not None and problem.errno != errno.EPIPE:
        print(
            f"{name}: standard output cannot be written: {problem.strerror}.",
            file=sys.stderr,
        )
    failure_of(sys.stderr)
    if status == 0 and last_line is not None:
        last_line.leave_to_child()
    sys.exit(status)


def output_status() -> int:
    """Return the status of a command whose only purpose is what it has printed.

    0, also if the reader had enough and went; 1 if the text is lost, as on a full device.
    """
    problem = failure_of(sys.stdout)
    return 0 if problem is None or problem.errno == errno.EPIPE else _LOST_OUTPUT


def failure_of(stream: TextIO) -> OSError | None:
    """Flush a stream, and return why something that was written to it is lost, or None."""
    try:
        stream.flush()
    except OSError as problem:
        return problem
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, Descriptor) else None


def open_missing() -> None:
    """Connect each standard descriptor that is closed to the null device.

    The next file that is opened would get its number otherwise, here or in a process that is
    started from here, and whatever is printed would be written into that file.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115


def _text(number: int) -> TextIO:
    raw = Descriptor(number)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8",
        # The names of files that are not UTF-8 are written as they are.
        errors="surrogateescape" if number == 1 else "backslashreplace",
        line_buffering=number != 1 or raw.isatty(),
    )


def _status_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    print(end.code, file=sys.stderr)
    return 1

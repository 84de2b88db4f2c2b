"""The line by which a program that started the command sees that all of it is done.

Such a program reads the output up to that line, and then asks for the exit status at once. So the
line may be seen only when there is one: a child writes it, once this process has ended.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys

from ts._cli.processes import find_process

_END_LIMIT_SEC = 60.0
_READER_LIMIT_SEC = 30.0
_CONFIRMATION = b"."


class LastLine:
    """The last line of a command's output, if it has one."""

    def __init__(self) -> None:
        self._text: str | None = None

    def say(self, text: str) -> None:
        """Take the line. A person at a terminal sees it now: nothing asks for a status there."""
        if sys.stdout.isatty():
            print(text)
        else:
            self._text = text

    def leave_to_child(self) -> None:
        """Have a child write the line once this process, which does nothing more, has ended.

        It is not written if this process does not come to its end.
        """
        if self._text is None:
            return
        line = f"{self._text}\n".encode()
        ours = os.getpid()
        read_end, write_end = os.pipe()
        try:
            end = _ProcessEnd(ours)
            child = os.fork()
        except OSError as problem:  # too many processes: better early than not at all
            print(f"The next line comes before this command ends: {problem}", file=sys.stderr)
            os.write(1, line)
            return
        if child != 0:
            os.close(read_end)
            os.write(write_end, _CONFIRMATION)  # stays open: its closing tells the end as well
            return
        try:
            os.close(write_end)
            _write_after(line, read_end, end)
        finally:
            os._exit(0)


def _write_after(line: bytes, confirmation: int, end: _ProcessEnd) -> None:
    """Be the child. It keeps nothing of its parent's but standard output, and waits for nothing
    without a limit.
    """
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 2)
    if not _is_readable(confirmation) or os.read(confirmation, 1) != _CONFIRMATION:
        return
    if not _is_readable(confirmation) or not end.wait():
        return
    reader = select.poll()
    reader.register(1, select.POLLOUT)
    # A reader that has gone, or a full device: the line is lost.
    with contextlib.suppress(OSError):
        if reader.poll(_READER_LIMIT_SEC * 1000):
            os.write(1, line)


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(_END_LIMIT_SEC * 1000))


class _ProcessEnd:
    """The moment from which a process can be waited for, with its status."""

    def __init__(self, pid: int) -> None:
        self._process = find_process(pid)
        self._descriptor: int | None = None
        # Not on every system, and not under every kernel.
        with contextlib.suppress(AttributeError, OSError):
            self._descriptor = os.pidfd_open(pid)

    def wait(self) -> bool:
        """Return whether it came in time."""
        if self._descriptor is not None:
            return _is_readable(self._descriptor)
        return self._process is None or self._process.wait(_END_LIMIT_SEC)

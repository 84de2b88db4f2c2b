"""Bytes between pipes and the frontend, none of which may ever block ``init``."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence

from ts._protocol.frames import Buffer

MAX_LINE_BYTES = 64 * 1024
"""Longest line; a longer one is cut and goes on as another."""
_READ_SIZE = 64 * 1024
_MAX_BUFFERS = 512


class Outgoing:
    """Writes to a non-blocking descriptor what fits, and keeps the rest."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending: deque[memoryview] = deque()
        self.size = 0

    def queue(self, buffers: Sequence[Buffer]) -> None:
        """Add bytes to be written."""
        views = [memoryview(buffer) for buffer in buffers if len(buffer)]
        before = len(self._pending)
        try:
            self._pending.extend(views)
        except BaseException:
            while len(self._pending) > before:
                self._pending.pop()
            raise
        self.size += sum(map(len, views))

    def take_byte(self) -> memoryview:
        """Remove and return the first byte, for a caller that sends it itself."""
        first = self._pending.popleft()
        if len(first) > 1:
            self._pending.appendleft(first[1:])
        self.size -= 1
        return first[:1]

    def flush(self) -> bool:
        """Write what fits now; return whether all was written. Raises `OSError` at a closed end."""
        while self._pending:
            buffers = [self._pending[i] for i in range(min(len(self._pending), _MAX_BUFFERS))]
            try:
                count = os.writev(self._descriptor, buffers)
            except BlockingIOError:
                return False
            self.size -= count
            while count:
                first = self._pending.popleft()
                if count < len(first):
                    self._pending.appendleft(first[count:])
                    break
                count -= len(first)
        return True


class LinePump:
    """Reads one pipe and emits whole lines.

    Args:
        descriptor: Read end of the pipe, non-blocking; closed by `close`.
        emit: Takes one or several lines at most `MAX_LINE_BYTES` bytes long together, without the
            last line feed. May be replaced.
    """

    def __init__(self, descriptor: int, emit: Callable[[bytes], None]) -> None:
        self.descriptor = descriptor
        self.emit = emit
        self._partial = b""

    def read(self) -> bool:
        """Read once; return False at the end of the pipe."""
        return self._read() != 0

    def drain(self) -> None:
        """Read what is in the pipe now, and emit a last line without a line feed."""
        for _ in range(64):  # far more than a pipe holds: a process may still be writing
            if self._read() <= 0:
                break
        if self._partial:
            self.emit(self._partial)
            self._partial = b""

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.descriptor)

    def _read(self) -> int:
        """Read once; return the number of bytes, 0 at the end, -1 if there are none now."""
        try:
            data = os.read(self.descriptor, _READ_SIZE)
        except BlockingIOError:
            return -1
        except OSError:
            return 0
        lines, line_feed, self._partial = (self._partial + data).rpartition(b"\n")
        if line_feed:
            self._emit_pieces(lines)
        while len(self._partial) > MAX_LINE_BYTES:
            self.emit(self._partial[:MAX_LINE_BYTES])
            self._partial = self._partial[MAX_LINE_BYTES:]
        return len(data)

    def _emit_pieces(self, lines: bytes) -> None:
        while len(lines) > MAX_LINE_BYTES:
            cut = lines.rfind(b"\n", 0, MAX_LINE_BYTES + 1)
            if cut < 0:
                self.emit(lines[:MAX_LINE_BYTES])
                lines = lines[MAX_LINE_BYTES:]
            else:
                self.emit(lines[:cut])
                lines = lines[cut + 1 :]
        self.emit(lines)

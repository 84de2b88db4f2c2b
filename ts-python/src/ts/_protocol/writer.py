"""Sends frames with as few system calls as possible."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence

from ts._protocol.errors import InDoubt, PeerClosed
from ts._protocol.frames import Buffer

_MAX_BUFFERS = 512
"""Buffers of one `sendmsg`; systems allow 1024 or more."""


class FrameWriter:
    """Collects the bytes of messages and sends what has come together in one go.

    Safe to use from several threads: the buffers of one `queue` call stay together. The socket is
    in blocking mode; `flush` without `wait` sends only what fits now.

    Messages leave whole. Whatever interrupts their sending, such as `MemoryError` or an exception
    of a signal handler, shuts the socket down, and all further calls raise `InDoubt`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lock = threading.RLock()
        self._pending: list[Buffer] = []
        self._in_doubt = False
        self.pending_size = 0

    def queue(self, buffers: Sequence[Buffer]) -> None:
        """Add the buffers of one or several whole messages; `flush` sends them."""
        size = len(buffers[0]) if len(buffers) == 1 else sum(map(len, buffers))
        with self._lock:
            self._check()
            try:
                self._pending.extend(buffers)
                self.pending_size += size
            except BaseException:
                self._give_up()
                raise

    def flush(self, *, wait: bool = True) -> bool:
        """Send what is queued; return whether all of it was sent.

        With `wait`, blocks as long as the peer does not read. Raises `PeerClosed`.
        """
        with self._lock:
            self._check()
            try:
                while self._pending:
                    if not self._send_some(wait):
                        return False
            except BaseException:
                # How much has left is not known, so what is left must not follow it.
                self._give_up()
                raise
            return True

    def settle(self) -> None:
        """Send what fits now; what is left may be changed by its owner afterwards."""
        with self._lock:
            if not self.flush(wait=False):
                self._pending = [
                    part if isinstance(part, bytes) else bytes(part) for part in self._pending
                ]

    def _check(self) -> None:
        if self._in_doubt:
            raise InDoubt("a message may have been sent in part")

    def _give_up(self) -> None:
        self._in_doubt = True
        self._pending.clear()
        self.pending_size = 0
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _send_some(self, wait: bool) -> bool:
        pending = self._pending
        flags = 0 if wait else socket.MSG_DONTWAIT
        try:
            if len(pending) == 1:
                sent = self._socket.send(pending[0], flags)
            else:
                sent = self._socket.sendmsg(pending[:_MAX_BUFFERS], [], flags)
        except BlockingIOError:
            return False
        except OSError as error:
            raise PeerClosed(str(error)) from error
        self.pending_size -= sent
        if self.pending_size == 0:
            pending.clear()
            return True
        done = 0
        while done < len(pending) and sent >= len(pending[done]):
            sent -= len(pending[done])
            done += 1
        del pending[:done]
        if sent:
            pending[0] = memoryview(pending[0])[sent:]
        return True

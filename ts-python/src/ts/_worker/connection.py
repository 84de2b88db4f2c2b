"""The worker's end of the connection to the frontend."""

from __future__ import annotations

import contextlib
import socket
import time

from ts._protocol.errors import InDoubt, ProtocolError
from ts._protocol.frames import (
    FrameType,
    Limits,
    encode_message,
)
from ts._protocol.reader import FrameReader, Message
from ts._protocol.writer import FrameWriter
from ts._worker.inbox import Batch, Inbox

_SEND_BUFFER = 1 << 20
"""So that a large answer leaves in few turns between the two processes."""

_PROBABLY_MORE = 64 * 1024
"""After a receive of this many bytes there is likely more to read."""


def connect(address: str, timeout_sec: float = 30.0) -> socket.socket:
    """Connect to ``unix:/path`` or ``tcp:host:port``; the socket returned is in blocking mode."""
    scheme, _, rest = address.partition(":")
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target: str | tuple[str, int] = rest
    elif scheme == "tcp":
        host, _, port = rest.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        target = (host.strip("[]"), int(port))
    else:
        raise ValueError(f"address {address!r}, expected unix:/path or tcp:host:port")
    try:
        # The system cuts it to what it allows.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        sock.settimeout(timeout_sec)
        sock.connect(target)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


class WorkerConnection:
    """Receives batches and cancellations, answers PING, and queues what the worker has to say.

    Used by the thread that runs the handler; only `writer` may be used by others.
    """

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.socket = sock
        self.reader = FrameReader(sock, limits)
        self.writer = FrameWriter(sock)
        self.inbox = Inbox()
        self._failure: BaseException | None = None

    def send(self, frame_type: int, message_id: int, body: bytes) -> None:
        """Send one message at once."""
        self.writer.queue(encode_message(frame_type, message_id, 0, (body,)))
        self.writer.flush()

    def linger(self, limit_sec: float) -> None:
        """Send no more, and drop what comes until the frontend closes, for a limited time.

        A socket that is closed with unread batches is reset, and over TCP the frontend would lose
        what was sent last.
        """
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            end = time.monotonic() + limit_sec
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                if not self.socket.recv(64 * 1024):
                    return

    def receive(self, *, wait: bool) -> list[Batch]:
        """Take what is there; with `wait`, until there is a batch to run.

        Returns the batches for which a CANCEL came. Raises `PeerClosed` and `ProtocolError`, and
        `InDoubt` after anything was raised before: a part of a message may have been taken.
        """
        if self._failure is not None:
            raise InDoubt(f"receiving has failed: {self._failure!r}") from self._failure
        try:
            return self._receive(wait)
        except BaseException as error:
            self._failure = error
            raise

    def _receive(self, wait: bool) -> list[Batch]:
        cancelled: list[Batch] = []
        reader, inbox = self.reader, self.inbox
        count: int | None = None
        while True:
            while (message := reader.next_message()) is not None:
                if message.type == FrameType.PREDICT:
                    inbox.add(message)
                else:
                    self._take_other(message, cancelled)
            if count is not None and count < _PROBABLY_MORE and (inbox.ready or not wait):
                return cancelled
            blocking = wait and not inbox.ready
            if blocking:
                self.writer.flush()
            count = reader.fill(wait=blocking)

    def _take_other(self, message: Message, cancelled: list[Batch]) -> None:
        if message.type == FrameType.CANCEL:
            batch = self.inbox.take(message)
            if batch is not None:
                cancelled.append(batch)
        elif message.type == FrameType.PING:
            self.writer.queue(encode_message(FrameType.PONG, message.id))
        else:
            raise ProtocolError(f"{FrameType(message.type).name} where a batch was expected")

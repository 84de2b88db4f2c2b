"""A connection whose other end does not listen, for calls of the handler without a client."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from ts._protocol.frames import Buffer, worker_limits
from ts._protocol.writer import FrameWriter
from ts._worker.connection import WorkerConnection
from ts._worker.inbox import Batch, Inbox


class SilentConnection(WorkerConnection):
    """What a `HandlerRun` needs of a connection, where nothing is answered.

    Args:
        sock: What handlers see as the connection; it is neither read nor written.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, worker_limits(0))
        self.writer = SilentWriter(sock)
        self.inbox = _SilentInbox()

    def receive(self, *, wait: bool) -> list[Batch]:
        """Return at once: nothing comes."""
        return []


class SilentWriter(FrameWriter):
    """Drops what it is given."""

    def queue(self, buffers: Sequence[Buffer]) -> None:
        """Drop it."""


class _SilentInbox(Inbox):
    """Knows no batches of the frontend."""

    def close(self, batch: Batch) -> None:
        """Do nothing: a batch is known to its run alone."""

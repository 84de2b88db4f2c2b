"""Batches that the frontend takes back before they are begun.

A batch may be sent while another one runs. If that takes longer than expected, the frontend asks
for the second one, to give it to another worker, and does so only when it is told that the batch
will not run here. The thread that runs handlers cannot say it meanwhile: so there is a second
connection, with a thread that does nothing else and costs nothing while it waits.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import socket
import threading

from ts._protocol.errors import ProtocolError
from ts._protocol.frames import (
    ALL_ITEMS,
    CONTROL_LIMITS,
    HEADER,
    HEADER_SIZE,
    LENGTH_OVERHEAD,
    FrameType,
    encode_message,
)
from ts._worker.console import report

_HALF_OF_NUMBERS = 1 << 31
_ALL_NUMBERS = 1 << 32


class Withdrawals:
    """Which batches were begun, and which are not to be. Thread-safe.

    Numbers of batches ascend, and start again after the largest of 32 bits: so a batch may be
    withdrawn before it was read.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: int | None = None
        self._withdrawn: set[int] = set()

    def begin(self, batch_id: int) -> bool:
        """Note that a batch is about to run; return False if it was withdrawn, and must not."""
        with self._lock:
            self._begun = batch_id
            if not self._withdrawn:
                return True
            runs = batch_id not in self._withdrawn
            # Those before it have passed, or never came.
            self._withdrawn = {other for other in self._withdrawn if _is_after(other, batch_id)}
            return runs

    def withdraw(self, batch_id: int) -> bool:
        """Note that a batch is not to run; return False if it was begun before."""
        with self._lock:
            if self._begun is not None and not _is_after(batch_id, self._begun):
                return False
            self._withdrawn.add(batch_id)
            return True


def _is_after(batch_id: int, other: int) -> bool:
    return 0 < (batch_id - other) % _ALL_NUMBERS < _HALF_OF_NUMBERS


def answer_withdrawals(sock: socket.socket, withdrawals: Withdrawals) -> None:
    """Start the thread that answers WITHDRAW until the frontend or the process ends.

    Args:
        sock: The control connection, whose HELLO was sent. The thread closes it.
        withdrawals: What the thread that runs handlers asks before it begins a batch.
    """
    # Not one of threading's: handlers find their own threads there, and no other.
    _thread.start_new_thread(_answer, (sock, withdrawals))


def _answer(sock: socket.socket, withdrawals: Withdrawals) -> None:
    # Signals are for the thread that runs handlers, which they wake from what it waits for.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    # An error of the socket is its end; the worker then answers by its first connection.
    with contextlib.closing(sock), contextlib.suppress(OSError):
        try:
            while (batch_id := _read(sock)) is not None:
                given = withdrawals.withdraw(batch_id)
                kind = FrameType.WITHDRAWN if given else FrameType.BEGUN
                sock.sendall(encode_message(kind, batch_id, ALL_ITEMS)[0])
        except ProtocolError as error:
            report(f"The control connection is closed: {error}")


def _read(sock: socket.socket) -> int | None:
    """Return the number of the batch of the next WITHDRAW; None at the end of the connection."""
    frame = b""
    while len(frame) < HEADER_SIZE:
        received = sock.recv(HEADER_SIZE - len(frame))
        if not received:
            return None
        frame += received
    length, kind, flags, _, batch_id = HEADER.unpack(frame)
    expected = (LENGTH_OVERHEAD + CONTROL_LIMITS[FrameType.WITHDRAW], FrameType.WITHDRAW, 0)
    if (length, kind, flags) != expected:
        raise ProtocolError(
            f"a frame of type {kind}, length {length} and flags {flags}, expected WITHDRAW"
            f" ({FrameType.WITHDRAW}), {LENGTH_OVERHEAD} and 0"
        )
    return int(batch_id)

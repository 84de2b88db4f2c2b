"""What the frontend asked for and has no response yet."""

from __future__ import annotations

import time
from collections import deque

from ts._protocol.errors import ProtocolError
from ts._protocol.frames import ALL_ITEMS, FLAG_LAST_ITEM, MAX_BATCH_ITEMS, FrameType
from ts._protocol.messages import PredictItem, decode_predict
from ts._protocol.reader import Message


class PendingRequest:
    """One request of a batch.

    Attributes:
        batch: The batch it came in.
        index: Its number on the wire, which may differ from its place in the handler's list.
        input: What was asked; parts are dropped once they were handed to the handler.
        deadline: When the answer is of no use any more, in `time.monotonic` seconds, or None.
        cancelled: Whether the frontend no longer wants it.
        responded: Whether its one RESPONSE or ERROR was sent.
        head_sent: Whether its status and headers went out with a first chunk.
        began_ns: When its handler began, in nanoseconds since 1970, if it is followed; else 0.
    """

    __slots__ = (
        "batch",
        "began_ns",
        "cancelled",
        "deadline",
        "head_sent",
        "index",
        "input",
        "responded",
    )

    def __init__(self, batch: Batch, index: int, received: PredictItem) -> None:
        self.batch = batch
        self.index = index
        self.input = received
        self.deadline = (
            time.monotonic() + received.time_left_ms / 1000 if received.time_left_ms else None
        )
        self.cancelled = False
        self.responded = False
        self.head_sent = False
        self.began_ns = 0


class Batch:
    """Requests that came together and run together."""

    __slots__ = ("complete", "id", "requests")

    def __init__(self, batch_id: int) -> None:
        self.id = batch_id
        self.requests: list[PendingRequest] = []
        self.complete = False


class Inbox:
    """Puts batches together, and applies cancellations to them."""

    def __init__(self) -> None:
        self.ready: deque[Batch] = deque()
        self.has_followed = False
        """Whether a request has come that is followed."""
        self._open: dict[int, Batch] = {}
        self._assembling: Batch | None = None

    def take(self, message: Message) -> Batch | None:
        """Take a PREDICT or CANCEL; return the batch a CANCEL was for, if that is still open."""
        if message.type == FrameType.CANCEL:
            return self._cancel(message)
        self.add(message)
        return None

    def close(self, batch: Batch) -> None:
        """Forget a batch whose requests all have their responses."""
        del self._open[batch.id]

    def add(self, message: Message) -> None:
        """Take a PREDICT. Raises `ProtocolError`."""
        batch = self._assembling
        if batch is None:
            if message.id in self._open:
                raise ProtocolError(f"PREDICT for batch {message.id}, which is already complete")
            batch = Batch(message.id)
        elif batch.id != message.id:
            raise ProtocolError(
                f"PREDICT for batch {message.id} while batch {batch.id} is not complete"
            )
        index = len(batch.requests)
        if message.item != index or index >= MAX_BATCH_ITEMS:
            raise ProtocolError(
                f"PREDICT for item {message.item} of batch {batch.id}, expected {index}"
                f" of at most {MAX_BATCH_ITEMS}"
            )
        received = decode_predict(message.body)
        if received.context is not None:
            self.has_followed = True
        batch.requests.append(PendingRequest(batch, index, received))
        self._open[batch.id] = batch
        if message.flags & FLAG_LAST_ITEM:
            self._assembling = None
            batch.complete = True
            self.ready.append(batch)
        else:
            self._assembling = batch

    def _cancel(self, message: Message) -> Batch | None:
        batch = self._open.get(message.id)
        if batch is None:
            return None  # its response left while the CANCEL was on its way
        for request in batch.requests:
            if message.item in (ALL_ITEMS, request.index):
                request.cancelled = True
        return batch

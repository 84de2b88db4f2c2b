"""How long the handler runs, for the metrics of the frontend."""

from __future__ import annotations

import time

from ts._protocol.frames import ALL_ITEMS, FrameType, encode_message
from ts._protocol.handled_message import encode_handled
from ts._protocol.writer import FrameWriter
from ts._worker.inbox import Batch
from ts._worker.metrics import Sampler

EVERY_SEC = 0.1
"""A batch is told of at most this often: a frame for each would be a visible part of the cost of a
small request, and their mean is all that is looked at."""


class HandlerTimes:
    """Tells the frontend of some batches how long their handler ran.

    Chosen is the first that begins once `EVERY_SEC` has passed: the first that *ends* would be a
    long one more often than such batches are.
    """

    def __init__(self, writer: FrameWriter) -> None:
        self._writer = writer
        self._sampler = Sampler(EVERY_SEC)

    def queue(self, batches: list[Batch], began_sec: float, took_sec: float) -> None:
        """Queue the times of a call of the handler if they are due, before its answers.

        Args:
            batches: What it was called with. Several are continuous batching, where a call is only
                a part of what the handler does for each of them: these are left out. Of one that
                goes on in further calls the caller does not tell.
            began_sec: When it began, by `time.perf_counter`.
            took_sec: How long it ran.
        """
        if len(batches) != 1 or not self._sampler.due(began_sec):
            return
        ended_ns = time.time_ns()
        body = encode_handled(ended_ns - int(took_sec * 1e9), ended_ns)
        self._writer.queue(encode_message(FrameType.HANDLED, batches[0].id, ALL_ITEMS, (body,)))

"""What the handler of a worker reads from and answers to."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ts._protocol.control import Load
from ts._worker.connection import WorkerConnection
from ts._worker.non_finite import JsonNan


@dataclass(frozen=True, slots=True)
class HandlerIO:
    """What all runs of a worker share.

    Attributes:
        connection: Where responses go.
        batch_size: How many requests the handler gets in one call, at most.
        decode: Whether JSON and text inputs are decoded.
        max_response_size: Largest body of a response, in bytes.
        json_nan: What becomes of NaN and the infinities in JSON.
        poll: Reads the cancellations that have come, where nothing else does.
        flush: Sends what is queued.
    """

    connection: WorkerConnection
    batch_size: int
    decode: bool
    max_response_size: int
    json_nan: JsonNan
    poll: Callable[[], object]
    flush: Callable[[], object]

    @classmethod
    def of(
        cls,
        load: Load,
        connection: WorkerConnection,
        poll: Callable[[], object] = lambda: None,
        flush: Callable[[], object] = lambda: None,
    ) -> HandlerIO:
        """Return it for a model, as LOAD and the environment have it."""
        decode = os.environ.get("TS_DECODE_INPUT_REQUEST", "true") == "true"
        return cls(
            connection,
            load.batch_size,
            decode and load.decode_input_request,
            load.max_response_size,
            JsonNan.of_environment(),
            poll,
            flush,
        )

"""Running a service whose handler is a coroutine."""

from __future__ import annotations

import asyncio
import copy
import inspect
import time
from typing import Any

from ts.service import PREDICTION_METRIC, Service

__all__ = ["PREDICTION_METRIC", "AsyncService", "predict"]


class AsyncService:
    """Gives a `Service` a `predict` that awaits its handler.

    The worker has a loop of its own for ``asyncCommunication``; this is for tests of handlers.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.service.predict = self.predict  # type: ignore[method-assign, assignment]

    async def predict(self, batch: list[dict[str, Any]] | None) -> bytearray | None:
        """Run a batch of decoded requests of TorchServe 0.12 and return its response message."""
        return await predict(self.service, batch)

    def run(self, *batches: list[dict[str, Any]]) -> list[bytearray | None]:
        """Run batches at the same time, on an event loop of their own."""

        async def gather() -> list[bytearray | None]:
            return list(await asyncio.gather(*map(self.predict, batches)))

        return asyncio.run(gather())


async def predict(self: Service, batch: list[dict[str, Any]] | None) -> bytearray | None:
    """Run a batch of decoded requests of 0.12 on a service, and return its response message."""
    context = copy.copy(self.context)
    inputs = Service._begin(context, batch)
    started = time.time()
    try:
        result = self.entry_point(inputs, context)
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:
        return Service._answer_failure(context, error)
    return Service._answer(context, result, time.time() - started)

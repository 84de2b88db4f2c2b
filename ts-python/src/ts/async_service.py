"""Running a service whose handler is a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

from ts.protocol.otf_message_handler import PREDICT_MSG, retrieve_msg
from ts.service import PREDICTION_METRIC, Service

__all__ = ["PREDICTION_METRIC", "AsyncService", "predict"]


class AsyncService:
    """Gives a `Service` a `predict` that awaits its handler.

    This server's workers have a loop of their own for ``asyncCommunication``; this is for tests of
    handlers, and for tools that drive a worker by the messages of TorchServe 0.12.

    Attributes:
        service: The service.
        in_queue: Batches that have come, None behind the last one.
        out_queue: Response messages that are to be sent.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.service.predict = self.predict  # type: ignore[method-assign, assignment]
        self.in_queue: asyncio.Queue[list[dict[str, Any]] | None] = asyncio.Queue()
        self.out_queue: asyncio.Queue[bytearray] = asyncio.Queue()

    async def predict(self, batch: list[dict[str, Any]] | None) -> bytearray | None:
        """Run a batch of decoded requests of TorchServe 0.12 and return its response message."""
        return await predict(self.service, batch)

    def run(self, *batches: list[dict[str, Any]]) -> list[bytearray | None]:
        """Run batches at the same time, on an event loop of their own.

        Without batches, serve the connection that `Service.set_cl_socket` has set, until it fails:
        batches run side by side, and each is answered when it is done.

        Raises:
            EOFError: The frontend has gone; only without batches.
            ValueError: It sent what is no batch; only without batches.
        """
        if not batches:
            asyncio.run(self._serve())

        async def gather() -> list[bytearray | None]:
            return list(await asyncio.gather(*map(self.predict, batches)))

        return asyncio.run(gather())

    async def receive_requests(self) -> None:
        """Put each batch that comes into `in_queue`, until the connection fails."""
        try:
            while True:
                command, message = await asyncio.to_thread(retrieve_msg, self._connection())
                if command != PREDICT_MSG:
                    raise ValueError(f"command {command!r}, expected a batch ({PREDICT_MSG!r})")
                self.in_queue.put_nowait(message)
        finally:
            self.in_queue.put_nowait(None)

    async def fetch_batches(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the batches of `in_queue`, as they come."""
        while (batch := await self.in_queue.get()) is not None:
            yield batch

    async def call_predict(self, batch: list[dict[str, Any]] | None) -> None:
        """Run a batch, and put its response message into `out_queue`."""
        response = await self.predict(batch)
        if response is not None:
            self.out_queue.put_nowait(response)

    async def send_responses(self) -> None:
        """Send what comes into `out_queue`, without end. Raises `OSError`."""
        while True:
            response = await self.out_queue.get()
            await asyncio.to_thread(self._connection().sendall, response)

    async def _serve(self) -> None:
        # A queue belongs to the loop that has waited for it.
        self.in_queue, self.out_queue = asyncio.Queue(), asyncio.Queue()
        tasks = {
            asyncio.create_task(self.receive_requests()),
            asyncio.create_task(self.send_responses()),
            asyncio.create_task(self._call_all()),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(OSError):
                # A thread that still reads sees the end.
                self._connection().shutdown(socket.SHUT_RDWR)

    async def _call_all(self) -> None:
        calls: set[asyncio.Task[None]] = set()
        try:
            async for batch in self.fetch_batches():
                call = asyncio.create_task(self.call_predict(batch))
                calls.add(call)
                call.add_done_callback(calls.discard)
        finally:
            for call in calls:
                call.cancel()

    def _connection(self) -> socket.socket:
        connection = self.service.context.cl_socket
        if connection is None:
            raise ValueError("The service has no connection; set it by set_cl_socket")
        return connection


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

"""The event loop of a worker that runs its batches one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ts._worker.connection import WorkerConnection


class LazyLoop:
    """Waits for what coroutine handlers return; makes its event loop when there is something.

    Tasks that a handler leaves behind go on while the next awaitable is waited for.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Return what an awaitable gives, or raise what it raises."""
        return self._get().run_until_complete(_wait_for(awaitable))

    def run_for_requests(
        self,
        awaitable: Awaitable[Any],
        connection: WorkerConnection,
        is_wanted: Callable[[], bool],
    ) -> Any:
        """Return what an awaitable gives that works for the requests of a batch.

        It is cancelled once it is not wanted any more. Raises what it raises, `CancelledError`
        included, and what receiving raises.

        Args:
            awaitable: What the handler returned.
            connection: Read meanwhile.
            is_wanted: Whether a client waits for it; asked when something was read.
        """
        loop = self._get()
        task = loop.create_task(_wait_for(awaitable))
        failures: list[BaseException] = []

        def read() -> None:
            try:
                connection.receive(wait=False)
            except BaseException as error:
                loop.remove_reader(connection.socket)
                failures.append(error)
                task.cancel()
                return
            if not is_wanted():
                task.cancel()

        connection.writer.flush()
        loop.add_reader(connection.socket, read)
        try:
            return loop.run_until_complete(task)
        finally:
            loop.remove_reader(connection.socket)
            if failures:
                raise failures[0]

    def _get(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop


async def _wait_for(awaitable: Awaitable[Any]) -> Any:
    return await awaitable

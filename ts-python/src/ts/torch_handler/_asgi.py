"""Runs an ASGI application inside this process, on a thread of its own and without a socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any


class AsgiThread:
    """An application with its event loop, on a daemon thread.

    The application starts before the worker's event loop does, and does not slow that one down.

    Args:
        create: Makes the application; called on the new event loop.
        name: Name of the thread.
    """

    def __init__(self, create: Callable[[], Awaitable[Any]], name: str) -> None:
        self._create = create
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._app: Any = None

    def start(self) -> None:
        """Start the thread and wait until the application is made. Passes on what that raises."""
        self._thread.start()

        async def make() -> Any:
            return await self._create()

        self._app = asyncio.run_coroutine_threadsafe(make(), self._loop).result()

    def paths(self) -> set[str]:
        """Return the paths that the application routes; none where it does not say."""
        routes = getattr(self._app, "routes", None) or ()
        return {str(getattr(route, "path", "")) for route in routes}

    def stop(self) -> None:
        """End the event loop and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def request(self, method: str, path: str, body: bytes = b"") -> AsyncGenerator[Any, None]:
        """Yield the status of an answer, then the pieces of its body that are not empty.

        Closing the iterator early tells the application that the client has gone.

        Raises:
            RuntimeError: The application ended without a complete answer.
        """
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[int | bytes | None] = asyncio.Queue()

        def emit(item: int | bytes | None) -> None:
            loop.call_soon_threadsafe(items.put_nowait, item)

        exchange = _Exchange(self._app, emit)
        running = asyncio.run_coroutine_threadsafe(exchange.run(method, path, body), self._loop)
        try:
            while (item := await items.get()) is not None:
                yield item
        finally:
            running.cancel()
        if not exchange.complete:
            raise RuntimeError("The application gave no complete answer") from exchange.error


class _Exchange:
    """One request and its answer, on the application's event loop."""

    def __init__(self, app: Any, emit: Callable[[int | bytes | None], None]) -> None:
        self._app = app
        self._emit = emit
        self._body: bytes | None = None
        self._gone = asyncio.Event()
        self.complete = False
        self.error: Exception | None = None

    async def run(self, method: str, path: str, body: bytes) -> None:
        """Call the application. A cancellation of this call is passed on to it."""
        self._body = body
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
            "client": None,
            "server": None,
        }
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as e:
            self.error = e  # the reader of the answer raises it
        finally:
            self._emit(None)

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._emit(int(message["status"]))
        elif message["type"] == "http.response.body":
            if message.get("body"):
                self._emit(bytes(message["body"]))
            if not message.get("more_body", False):
                self.complete = True
                self._gone.set()

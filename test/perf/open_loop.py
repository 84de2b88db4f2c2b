"""Open-loop load: requests are sent when they are due, whether or not earlier ones were answered.

Latency counts from the moment a request was due, so that a server that stalls cannot hide it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass, field

from perf.clients import Target
from perf.figures import percentile

MAX_CONNECTIONS = 512
STRAGGLERS_SEC = 3.0
SEED = 11


@dataclass(frozen=True)
class OpenLoad:
    """What came of the load.

    Attributes:
        offered: Requests per second that were due.
        p50_ms, p99_ms: Latency of what was answered with 200.
        in_time: Share of all requests that were answered with 200 within the deadline.
        refused: Share that got another status.
        unanswered: Share that got nothing before the run ended.
    """

    offered: float
    p50_ms: float
    p99_ms: float
    in_time: float
    refused: float
    unanswered: float


@dataclass
class Tally:
    """Counts ends of requests; pure, apart from what it is told."""

    deadline_sec: float
    sent: int = 0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)

    def result(self, seconds: float) -> OpenLoad:
        """Return the shares and percentiles of a run of `seconds`."""
        sent = max(1, self.sent)
        in_time = sum(latency <= self.deadline_sec for latency in self.latencies)
        return OpenLoad(
            offered=self.sent / seconds,
            p50_ms=percentile(self.latencies, 0.5) * 1000,
            p99_ms=percentile(self.latencies, 0.99) * 1000,
            in_time=in_time / sent,
            refused=self.refused / sent,
            unanswered=(sent - len(self.latencies) - self.refused) / sent,
        )


class _Client(asyncio.Protocol):
    """One connection with at most one request in flight."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._buffer = bytearray()
        self._needed = 0
        self._due = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, due: float) -> None:
        assert self.transport is not None
        self._due = due
        self.transport.write(self._pool.request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._needed:
            head_end = self._buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = bytes(self._buffer[:head_end]).lower()
            at = head.find(b"content-length:")
            if at < 0:
                self.close()
                return
            self._needed = head_end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._buffer) < self._needed:
            return
        right = self._buffer.startswith(b"HTTP/1.1 200")
        self._buffer.clear()
        self._needed = 0
        self._pool.ended(self, self._due, right)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _Pool:
    """Connections that are free, and requests that are due and have none."""

    def __init__(self, target: Target, tally: Tally) -> None:
        self.request = target.request()
        self._target = target
        self._tally = tally
        self._free: list[_Client] = []
        self._clients: set[_Client] = set()
        self._waiting: deque[float] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    def submit(self, due: float) -> None:
        self._tally.sent += 1
        if self._free:
            self._free.pop().send(due)
            return
        self._waiting.append(due)
        if len(self._clients) + len(self._opening) < MAX_CONNECTIONS:
            task = asyncio.ensure_future(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def ended(self, client: _Client, due: float, right: bool) -> None:
        if right:
            self._tally.latencies.append(time.perf_counter() - due)
        else:
            self._tally.refused += 1
        self._offer(client)

    def lost(self, client: _Client) -> None:
        self._clients.discard(client)
        if client in self._free:
            self._free.remove(client)

    def is_idle(self) -> bool:
        return not self._waiting and len(self._free) == len(self._clients)

    def close(self) -> None:
        for task in self._opening:
            task.cancel()
        for client in list(self._clients):
            client.close()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, client = await loop.create_connection(
                lambda: _Client(self), self._target.host, self._target.port
            )
        except OSError:
            return
        self._clients.add(client)
        self._offer(client)

    def _offer(self, client: _Client) -> None:
        if self._waiting:
            client.send(self._waiting.popleft())
        else:
            self._free.append(client)


async def _load(target: Target, rate: float, seconds: float, tally: Tally) -> None:
    pool = _Pool(target, tally)
    arrivals = random.Random(SEED)
    start = time.perf_counter()
    due = start
    try:
        while due - start < seconds:
            now = time.perf_counter()
            if due > now:
                await asyncio.sleep(due - now)
            while due <= time.perf_counter() and due - start < seconds:
                pool.submit(due)
                due += arrivals.expovariate(rate)
            await asyncio.sleep(0)
        end = time.perf_counter() + STRAGGLERS_SEC
        while not pool.is_idle() and time.perf_counter() < end:
            await asyncio.sleep(0.01)
    finally:
        pool.close()
        await asyncio.sleep(0)


def run(target: Target, rate: float, seconds: float, deadline_sec: float) -> OpenLoad:
    """Send requests at random moments, `rate` per second on average, always the same ones.

    Raises:
        ValueError: The rate is not above 0.
    """
    if not rate > 0:
        raise ValueError(f"rate {rate}, expected above 0")
    tally = Tally(deadline_sec)
    asyncio.run(_load(target, rate, seconds, tally))
    return tally.result(seconds)

"""A client that counts the chunks of streams as they arrive, on several connections, one thread."""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from dataclasses import dataclass, field

from perf.clients import TIMEOUT_SEC, Target, WrongAnswer
from perf.work import CHUNK_MARK, CHUNKS

MARK = CHUNK_MARK.encode()
END_OF_CHUNKED = b"0\r\n\r\n"
READ_SIZE = 1 << 16
TAIL = len(MARK) - 1


@dataclass(frozen=True)
class Streams:
    """What the client saw.

    Attributes:
        chunk_rate: Chunks per second.
        first_chunk_ms: Median of the time from a request to its first chunk.
        streams: How many were complete.
    """

    chunk_rate: float
    first_chunk_ms: float
    streams: int


@dataclass
class _Connection:
    target: Target
    channel: socket.socket = field(init=False)
    content: bytearray = field(default_factory=bytearray)
    first_chunk_sec: float = 0.0
    seen: int = 0
    sent_at: float = 0.0

    def __post_init__(self) -> None:
        self.channel = self.target.connect()

    def ask(self) -> None:
        self.content.clear()
        self.first_chunk_sec, self.seen = 0.0, 0
        self.sent_at = time.perf_counter()
        self.channel.sendall(self.target.request())

    def take(self) -> bool:
        """Read what has come. Returns whether the stream is complete."""
        content = self.channel.recv(READ_SIZE)
        if not content:
            raise WrongAnswer(f"the connection ended after {self.seen} chunks")
        # A mark may be cut by the end of what was read before.
        self.content = self.content[-TAIL:] + content
        self.seen += self.content.count(MARK)
        if self.seen and not self.first_chunk_sec:
            self.first_chunk_sec = time.perf_counter() - self.sent_at
        if not self.content.endswith(END_OF_CHUNKED):
            return False
        if self.seen != CHUNKS:
            raise WrongAnswer(f"a stream of {self.seen} chunks, expected {CHUNKS}")
        return True


def run(target: Target, connections: int, seconds: float) -> Streams:
    """Ask for streams for a while, one after the other on each connection.

    Raises:
        WrongAnswer: A stream was not whole.
        TimeoutError: Nothing came for a long time.
    """
    selector = selectors.DefaultSelector()
    clients = [_Connection(target) for _ in range(connections)]
    firsts: list[float] = []
    try:
        start = time.perf_counter()
        for client in clients:
            selector.register(client.channel, selectors.EVENT_READ, client)
            client.ask()
        while time.perf_counter() - start < seconds:
            ready = selector.select(TIMEOUT_SEC)
            if not ready:
                raise TimeoutError(f"no chunk within {TIMEOUT_SEC:.0f} s")
            for key, _ in ready:
                if key.data.take():
                    firsts.append(key.data.first_chunk_sec)
                    key.data.ask()
        elapsed = time.perf_counter() - start
        total = len(firsts) * CHUNKS + sum(client.seen for client in clients)
    finally:
        selector.close()
        for client in clients:
            client.channel.close()
    if not firsts:
        raise TimeoutError(f"no stream was complete within {seconds:.0f} s")
    return Streams(total / elapsed, statistics.median(firsts) * 1000, len(firsts))

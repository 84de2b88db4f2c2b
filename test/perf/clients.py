"""What every client of the benchmark shares: addresses, and a connection in plain sockets."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_SEC = 60.0


class WrongAnswer(Exception):
    """A server answered, but not what it should."""


@dataclass(frozen=True)
class Target:
    """Where requests go, and what they carry."""

    host: str
    port: int
    path: str
    body: bytes

    @classmethod
    def of(cls, url: str, body: bytes) -> Target:
        """Return the target of a URL such as ``http://127.0.0.1:8080/predictions/m0``.

        Raises:
            ValueError: The URL is not one of this machine: that is never what a test may load.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname != "127.0.0.1" or parts.port is None:
            raise ValueError(f"{url}, expected http://127.0.0.1:PORT/PATH")
        return cls(parts.hostname, parts.port, parts.path, body)

    def request(self) -> bytes:
        """Return the bytes of one request."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body

    def connect(self) -> socket.socket:
        """Return a connected socket that does not wait to send."""
        channel = socket.create_connection((self.host, self.port), TIMEOUT_SEC)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return channel

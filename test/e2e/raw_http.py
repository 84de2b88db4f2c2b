"""A client that sends exactly the bytes it is told to, and reads answers one by one."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """An answer; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection to a server on loopback."""

    def __init__(self, port: int, limit: float = 30.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=limit)
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _read(self) -> bool:
        piece = self.socket.recv(65536)
        self.buffer += piece
        return bool(piece)

    def read_head(self) -> bytes:
        """The next head; empty if the server has closed."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._read():
                return b""
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head

    def read(self, method: str = "GET") -> Answer:
        """The next answer, to a request of the given method; fails on what HTTP does not allow."""
        head = self.read_head()
        assert head, "closed"
        start, *lines = head.decode("latin-1").split("\r\n")
        version, status_text, _ = start.split(" ", 2)
        assert version == "HTTP/1.1", start
        status = int(status_text)
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, line
            assert name.lower() not in headers, f"twice: {line}"
            headers[name.lower()] = value.strip()
        bodiless = method == "HEAD" or status < 200 or status in (204, 304)
        return Answer(status, headers, b"" if bodiless else self._read_body(headers))

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while chunk := self._take(int(self._line(), 16)):
                body += chunk
                assert self._line() == b""
            assert self._line() == b""
            return body
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        while self._read():
            pass
        body, self.buffer = self.buffer, b""
        return body

    def _line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            assert self._read(), "closed in a line"
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            assert self._read(), "closed in a body"
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return body

    def read_answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        answer = self.read()
        return answer.status, answer.body

    def ends(self) -> bool:
        """Whether the server closes, with no further byte and without a reset."""
        return not self.buffer and not self._read()

    def closed(self) -> bool:
        """Whether the server closes; reads what is left."""
        try:
            while self._read():
                pass
        except ConnectionResetError:
            pass
        return True

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

"""The least server there can be: one thread, sockets, the work. A limit for one Python process.

No routes, no checks, no batches: POST with a Content-Length on a connection that stays.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import sys
from pathlib import Path
from typing import Any

END_OF_HEAD = b"\r\n\r\n"
READ_SIZE = 1 << 18


class Connection:
    """Reads requests and writes answers on one socket, without blocking."""

    def __init__(self, channel: socket.socket, work: Any) -> None:
        self._channel = channel
        self._work = work
        self._buffer = bytearray()
        self._needed = 0
        self._unsent = memoryview(b"")

    def read(self) -> bool:
        """Take what has come and answer what is whole. Returns false at the end."""
        try:
            content = self._channel.recv(READ_SIZE)
        except BlockingIOError:
            return True
        if not content:
            return False
        self._buffer += content
        if len(self._buffer) < self._needed:
            return True
        self._answer()
        return True

    def flush(self) -> bool:
        """Send what is left. Returns whether all is sent."""
        while self._unsent:
            try:
                self._unsent = self._unsent[self._channel.send(self._unsent) :]
            except BlockingIOError:
                return False
        return True

    def _answer(self) -> None:
        head_end = self._buffer.find(END_OF_HEAD)
        if head_end < 0:
            return
        size = 0
        for line in self._buffer[:head_end].lower().split(b"\r\n")[1:]:
            if line.startswith(b"content-length:"):
                size = int(line[15:])
        self._needed = head_end + 4 + size
        if len(self._buffer) < self._needed:
            return
        (answer,) = self._work.answer([bytes(self._buffer[head_end + 4 : self._needed])])
        del self._buffer[: self._needed]
        self._needed = 0
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
        self._unsent = memoryview(head + answer)


def serve(port: int, work: Any) -> None:
    """Serve until the process is killed."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                channel, _ = listener.accept()
                channel.setblocking(False)
                channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(channel, selectors.EVENT_READ, Connection(channel, work))
                continue
            connection: Connection = key.data
            assert isinstance(key.fileobj, socket.socket)
            alive, wanted = True, selectors.EVENT_READ
            try:
                if connection.flush():
                    alive = connection.read()
                if not connection.flush():
                    wanted = selectors.EVENT_WRITE
            except ConnectionError:
                alive = False
            if not alive:
                selector.unregister(key.fileobj)
                key.fileobj.close()
            elif wanted != key.events:
                selector.modify(key.fileobj, wanted, connection)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.folder))
    from work import load_work  # type: ignore[import-not-found,unused-ignore]

    serve(arguments.port, load_work(arguments.work, arguments.folder))

"""What the ranks of a group say to each other: length-prefixed messages over a local socket.

The socket has no file: its name, made of the worker's secret, is in Linux's abstract namespace, so
that nothing of it is left behind. Elsewhere it is a file in the temporary folder, removed once all
are in.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import hmac
import json
import os
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ts._protocol.errors import PeerClosed, ProtocolError

_HEAD = struct.Struct(">BIQ")
MAX_SMALL_BODY = 1 << 20
"""Bytes of every message but RUN."""
_RETRY_SEC = 0.02
_JOIN_SEC = 30.0


class Kind(enum.IntEnum):
    """What a message says. Numbers count the calls of the handler from 1."""

    JOIN = 1
    """Follower, once: JSON with rank, pid and a proof that it knows the worker's secret."""
    LOAD = 2
    """Leader, once: the body of the frontend's LOAD."""
    LOADED = 3
    """Follower: JSON with its resident bytes."""
    FAILED = 4
    """Follower: the JSON of `ts._protocol.control.Failed`; it ends."""
    RUN = 5
    """Leader: the requests of one call of the handler."""
    RUN_FAILED = 6
    """Follower: JSON with what its handler raised in the call of that number."""
    SYNC = 7
    """Leader: asks whether the follower has come this far."""
    SYNCED = 8
    """Follower: it has, by the same number."""
    SERVE = 9
    """Leader, once: the worker is ready, and what runs from now on are requests."""


class RankChannel:
    """One end of the connection between the leader and a follower, in blocking mode."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def send(self, kind: Kind, number: int = 0, body: bytes = b"") -> None:
        """Send one message. Raises `PeerClosed`."""
        try:
            self.socket.sendall(_HEAD.pack(kind, number, len(body)) + body)
        except OSError as error:
            raise PeerClosed(str(error)) from error

    def receive(self, max_body: int = MAX_SMALL_BODY) -> tuple[Kind, int, bytearray]:
        """Wait for one message. Raises `PeerClosed`, and `ProtocolError` if it is none."""
        kind, number, size = _HEAD.unpack(self._exactly(_HEAD.size))
        if kind not in set(Kind):
            raise ProtocolError(f"message {kind} between ranks, expected 1 to {max(Kind)}")
        limit = max_body if kind == Kind.RUN else MAX_SMALL_BODY
        if size > limit:
            raise ProtocolError(f"{Kind(kind).name} of {size} bytes, the limit is {limit}")
        return Kind(kind), number, self._exactly(size)

    def close(self) -> None:
        """Close it; the peer and a thread that reads see the end."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _exactly(self, size: int) -> bytearray:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            try:
                count = self.socket.recv_into(view)
            except OSError as error:
                raise PeerClosed(str(error)) from error
            if count == 0:
                raise PeerClosed("the other rank has ended")
            view = view[count:]
        return buffer


class Door:
    """Where the leader waits for its followers."""

    def __init__(self, secret: str) -> None:
        self._proof = _proof(secret)
        self._address = _address(secret)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._address)
        self._listener.listen(64)

    def admit(self, size: int, limit_sec: float) -> dict[int, tuple[RankChannel, int]]:
        """Wait for all followers of a group of `size`; return channel and pid by rank.

        Raises `TimeoutError` with the ranks that are missing.
        """
        joined: dict[int, tuple[RankChannel, int]] = {}
        deadline = time.monotonic() + limit_sec
        try:
            while missing := set(range(1, size)) - joined.keys():
                self._listener.settimeout(max(0.001, deadline - time.monotonic()))
                try:
                    sock, _ = self._listener.accept()
                except TimeoutError:
                    raise TimeoutError(
                        f"{named(missing)} of {size} did not join within {limit_sec:.0f} s"
                    ) from None
                self._take(sock, missing, joined)
        except BaseException:
            for channel, _ in joined.values():
                channel.close()
            raise
        return joined

    def close(self) -> None:
        """Close it, and remove its file if it has one."""
        self._listener.close()
        if not self._address.startswith("\0"):
            Path(self._address).unlink(missing_ok=True)

    def _take(
        self,
        sock: socket.socket,
        missing: set[int],
        joined: dict[int, tuple[RankChannel, int]],
    ) -> None:
        """Take one who knows the secret; any other process of this machine could dial in."""
        channel = RankChannel(sock)
        sock.settimeout(_JOIN_SEC)
        with contextlib.suppress(ProtocolError, PeerClosed, ValueError, KeyError, TypeError):
            kind, _, body = channel.receive()
            fields = json.loads(body)
            rank, pid = int(fields["rank"]), int(fields["pid"])
            proven = hmac.compare_digest(str(fields["proof"]), self._proof)
            if kind == Kind.JOIN and proven and rank in missing:
                sock.settimeout(None)
                joined[rank] = channel, pid
                return
        channel.close()


def join(secret: str, rank: int, limit_sec: float) -> RankChannel:
    """Connect to the leader. Raises `TimeoutError` if it is not there within the limit."""
    deadline = time.monotonic() + limit_sec
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(_address(secret))
        except OSError as error:
            sock.close()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"rank {rank} could not reach rank 0 within {limit_sec:.0f} s: {error}"
                ) from error
            time.sleep(_RETRY_SEC)
            continue
        channel = RankChannel(sock)
        fields: dict[str, Any] = {"rank": rank, "pid": os.getpid(), "proof": _proof(secret)}
        channel.send(Kind.JOIN, 0, json.dumps(fields).encode("utf-8"))
        return channel


def _address(secret: str) -> str:
    name = "tsnext-ranks-" + hashlib.sha256(f"name {secret}".encode()).hexdigest()[:32]
    if sys.platform == "linux":
        return f"\0{name}"
    return str(Path(tempfile.gettempdir()) / name)


def _proof(secret: str) -> str:
    return hashlib.sha256(f"rank {secret}".encode()).hexdigest()


def named(numbers: Collection[int]) -> str:
    """Return ``rank 1`` or ``ranks 1, 3``."""
    listed = ", ".join(map(str, sorted(numbers)))
    return f"rank {listed}" if len(numbers) == 1 else f"ranks {listed}"

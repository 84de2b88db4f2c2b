"""``init``'s end of the channel to a process that forks workers."""

from __future__ import annotations

import array
import math
import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from ts._protocol.control import Spawn, decode_json, encode_json
from ts._protocol.frames import MEBIBYTE, FrameType, Limits, encode_message
from ts._protocol.reader import FrameAssembler
from ts._zygote.output import Outgoing

_FORK_LIMIT_SEC = 5.0
_RESPONSE_LIMITS: Limits = {FrameType.READY: MEBIBYTE, FrameType.SPAWNED: MEBIBYTE}


class ForkChannel:
    """The channel. The process takes one spawn request at a time.

    Args:
        channel: A socket, which is closed with this object.

    Attributes:
        response_deadline: When it must have responded, in `time.monotonic` seconds; infinite while
            it has nothing to do. A fork takes milliseconds, so one that takes longer hangs.
        ready: Whether it has sent READY.
        at_end: Whether it has closed its end.
        fork_limit_sec: How long a fork may take.
    """

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self.channel = channel
        self.ready = False
        self.at_end = False
        self.fork_limit_sec = _FORK_LIMIT_SEC
        self.response_deadline = math.inf
        self._assembler = FrameAssembler(_RESPONSE_LIMITS)
        self._outgoing = Outgoing(channel.fileno())
        self._files: Sequence[int] = ()

    def request_fork(self, spawn_id: int, spawn: Spawn, files: Sequence[int]) -> bool:
        """Ask for a worker; the files are closed once they were sent. Like `flush`."""
        self._files = files
        self.response_deadline = time.monotonic() + self.fork_limit_sec
        body = encode_json(spawn.to_json())
        self._outgoing.queue(encode_message(FrameType.SPAWN, spawn_id, 0, (body,)))
        return self.flush()

    def flush(self) -> bool:
        """Send what fits; return False if the rest waits for room. Raises `OSError`."""
        if self._files:
            # The descriptors travel with a byte: the first of the spawn request.
            first = self._outgoing.take_byte()
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", self._files))
            try:
                self.channel.sendmsg([first], [rights])
            finally:
                self.drop_files()
        return self._outgoing.flush()

    def drop_files(self) -> None:
        """Close the descriptors that were not sent."""
        for file in self._files:
            os.close(file)
        self._files = ()

    def receive(self) -> list[tuple[int, int, dict[str, Any]]]:
        """Return type, spawn id and fields of the responses that have come."""
        responses = []
        while True:
            while (message := self._assembler.next_message()) is not None:
                self.response_deadline = math.inf
                responses.append((message.type, message.id, decode_json(message.body)))
            try:
                count = self.channel.recvmsg_into(self._assembler.buffers())[0]
            except BlockingIOError:
                return responses
            except OSError:
                count = 0
            if count == 0:
                self.at_end = True
                return responses
            self._assembler.received(count)

    def close(self) -> None:
        """Close the channel: the process then ends by itself."""
        self.drop_files()
        self.channel.close()

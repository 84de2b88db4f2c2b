"""What ``init`` knows of the zygote: its process, its channel, and when to start it again."""

from __future__ import annotations

import array
import contextlib
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from ts._protocol.control import Spawn, decode_json, encode_json
from ts._protocol.frames import MEBIBYTE, FrameType, Limits, encode_message
from ts._protocol.reader import FrameAssembler
from ts._zygote import lifeline
from ts._zygote.output import Outgoing

_START_FILE = os.path.join(os.path.dirname(__file__), "init.py")
_RESTART_DELAYS_SEC = (0.0, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 60.0)
_STABLE_SEC = 30.0
_IMPORT_LIMIT_SEC = 120.0
_FORK_LIMIT_SEC = 5.0
_REPLY_LIMITS: Limits = {FrameType.READY: MEBIBYTE, FrameType.SPAWNED: MEBIBYTE}


def restart_delay(failures: int) -> float:
    """Return the seconds to wait before the next start, after so many ends in a row."""
    return _RESTART_DELAYS_SEC[min(failures, len(_RESTART_DELAYS_SEC) - 1)]


class ZygoteProcess:
    """One zygote process. It takes one fork order at a time.

    Attributes:
        answer_by: When it must have answered, in `time.monotonic` seconds; infinite while it has
            nothing to do. Forking is a matter of milliseconds, so one that takes longer hangs.
    """

    def __init__(self, stdout: int, stderr: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        read_end, self._lifeline_end = lifeline.create()
        with theirs:
            try:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        _START_FILE,
                        "--zygote",
                        str(theirs.fileno()),
                        str(read_end),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(), read_end),
                )
                lifeline.arm(read_end, process.pid)
            finally:
                os.close(read_end)
        process.returncode = 0  # it will be reaped with all others, not by this object
        ours.setblocking(False)
        self.pid = process.pid
        self.channel = ours
        self.ready = False
        self.at_end = False
        self.started_at = time.monotonic()
        self.answer_by = self.started_at + _IMPORT_LIMIT_SEC
        self._assembler = FrameAssembler(_REPLY_LIMITS)
        self._outgoing = Outgoing(ours.fileno())
        self._files: Sequence[int] = ()

    def order_fork(self, launch_id: int, spawn: Spawn, files: Sequence[int]) -> bool:
        """Ask for a worker; the files are closed once they were sent. Like `flush`."""
        self._files = files
        self.answer_by = time.monotonic() + _FORK_LIMIT_SEC
        body = encode_json(spawn.to_json())
        self._outgoing.queue(encode_message(FrameType.SPAWN, launch_id, 0, (body,)))
        return self.flush()

    def flush(self) -> bool:
        """Send what fits; return False if the rest waits for room. Raises `OSError`."""
        if self._files:
            # The descriptors travel with an octet: the first of the order.
            first = self._outgoing.take_octet()
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
        """Return type, launch and fields of the replies that have come."""
        replies = []
        while True:
            while (message := self._assembler.next_message()) is not None:
                self.answer_by = math.inf
                replies.append((message.type, message.id, decode_json(message.body)))
            try:
                count = self.channel.recvmsg_into(self._assembler.buffers())[0]
            except BlockingIOError:
                return replies
            except OSError:
                count = 0
            if count == 0:
                self.at_end = True
                return replies
            self._assembler.received(count)

    def is_stable(self) -> bool:
        """Return whether it served long enough for earlier failures to be forgotten."""
        return self.ready and time.monotonic() - self.started_at > _STABLE_SEC

    def close(self) -> None:
        """Let go of the process: the kernel kills it if it still lives."""
        self.drop_files()
        self.channel.close()
        with contextlib.suppress(OSError):
            os.close(self._lifeline_end)

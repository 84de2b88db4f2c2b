"""Forks workers when ``init`` asks for them: the loop of the zygote and of parents."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from ts._protocol.control import Spawn, decode_json, encode_json
from ts._protocol.frames import MEBIBYTE, FrameType, encode_message
from ts._protocol.reader import FrameAssembler

_FILES_PER_FORK = 4


class ForkServer:
    """The loop.

    Args:
        channel: To ``init``.
        refuse: Called before a fork; returns why it cannot be, or None.
        become: Makes a worker of the fresh fork it is called in; takes the launch, the order, and
            the descriptors that came with it.
    """

    def __init__(
        self,
        channel: socket.socket,
        refuse: Callable[[Spawn], str | None],
        become: Callable[[int, Spawn, Sequence[int]], NoReturn],
    ) -> None:
        self._channel = channel
        self._refuse = refuse
        self._become = become

    def send(self, frame_type: int, launch_id: int, fields: dict[str, object]) -> None:
        """Tell ``init``."""
        body = (encode_json(fields),)
        self._channel.sendall(b"".join(encode_message(frame_type, launch_id, 0, body)))

    def serve(self) -> None:
        """Serve until ``init`` closes the channel."""
        assembler = FrameAssembler({FrameType.SPAWN: MEBIBYTE})
        files: list[int] = []
        while True:
            message = assembler.next_message()
            if message is not None:
                spawn = Spawn.from_json(decode_json(message.body))
                self._fork(message.id, spawn, files)
                for file in files:
                    os.close(file)
                files.clear()
                continue
            if self._receive(assembler, files) == 0:
                return

    def _receive(self, assembler: FrameAssembler, files: list[int]) -> int:
        """Receive once, together with the descriptors that came along."""
        space = socket.CMSG_SPACE(_FILES_PER_FORK * 4)
        buffers = assembler.buffers()
        count, ancillary, _, _ = self._channel.recvmsg_into(buffers, space)
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                files += memoryview(data)[: len(data) // 4 * 4].cast("i")
        assembler.received(count)
        return count

    def _fork(self, launch_id: int, spawn: Spawn, files: Sequence[int]) -> None:
        """Fork twice, so that the worker becomes a child of ``init``; send exactly one answer."""
        reason = self._refuse(spawn)
        if reason is not None:
            self.send(FrameType.SPAWNED, launch_id, {"error": reason})
            return
        with warnings.catch_warnings():
            # Libraries start threads when they are imported and have their own fork handlers.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                middle = os.fork()
            except OSError as error:
                reason = f"the fork failed: {error}"
                self.send(FrameType.SPAWNED, launch_id, {"error": reason})
                return
            if middle == 0:
                worker = self._fork_again(launch_id)
            else:
                _, status = os.waitpid(middle, 0)
                if status != 0:
                    reason = f"the process between it and the worker ended with status {status}"
                    self.send(FrameType.SPAWNED, launch_id, {"error": reason})
                return
        assert worker == 0
        self._become(launch_id, spawn, files)

    def _fork_again(self, launch_id: int) -> int:
        """Fork the worker and return 0 in it; report its pid and end in the process between."""
        try:
            worker = os.fork()
            if worker:
                # Sent before this process ends, so that init knows the pid before it is its parent.
                self.send(FrameType.SPAWNED, launch_id, {"pid": worker})
                os._exit(0)
        except BaseException:
            os._exit(1)
        return worker

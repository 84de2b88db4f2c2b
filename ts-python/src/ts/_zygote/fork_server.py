"""Forks workers when ``init`` requests them: the loop of zygotes and template processes."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from ts._protocol.control import Spawn, decode_json, encode_json
from ts._protocol.frames import MEBIBYTE, FrameType, encode_message
from ts._protocol.reader import FrameAssembler
from ts._zygote.descriptors import wait_for_input
from ts._zygote.memory import release_file_pages
from ts._zygote.reaper import fork_with_reaper

_IDLE_SEC = 0.05
_FILES_PER_FORK = 5
"""The reaper's channel, then those of the worker or template process."""


class ForkServer:
    """The loop.

    Args:
        channel: To ``init``.
        reason_to_reject: Called before a fork; returns why it is not possible, or None.
        become_worker: Makes a worker of the fresh fork it is called in; takes the spawn id, the
            spawn request, and the descriptors that came with it.
    """

    def __init__(
        self,
        channel: socket.socket,
        reason_to_reject: Callable[[Spawn], str | None],
        become_worker: Callable[[int, Spawn, Sequence[int]], NoReturn],
    ) -> None:
        self._channel = channel
        self._reason_to_reject = reason_to_reject
        self._become_worker = become_worker
        self._is_large = True

    def send(self, frame_type: int, spawn_id: int, fields: dict[str, object]) -> None:
        """Send a message to ``init``."""
        self.report(self._channel, frame_type, spawn_id, fields)

    @staticmethod
    def report(
        channel: socket.socket, frame_type: int, spawn_id: int, fields: dict[str, object]
    ) -> None:
        """Send a message to ``init`` from a process that forks nothing yet."""
        body = (encode_json(fields),)
        channel.sendall(b"".join(encode_message(frame_type, spawn_id, 0, body)))

    def serve(self) -> None:
        """Serve until ``init`` closes the channel. Memory is given back once nothing is to do."""
        assembler = FrameAssembler({FrameType.SPAWN: MEBIBYTE})
        files: list[int] = []
        while True:
            message = assembler.next_message()
            if message is not None:
                spawn = Spawn.from_json(decode_json(message.body))
                response = self._fork(message.id, spawn, files)
                for file in files:
                    os.close(file)
                files.clear()
                # Not before: a reaper has failed for init when no process has its channel open.
                self.send(FrameType.SPAWNED, message.id, response)
                continue
            if self._receive(assembler, files) == 0:
                return

    def _receive(self, assembler: FrameAssembler, files: list[int]) -> int:
        """Receive once, together with the descriptors that came along."""
        if self._is_large and not wait_for_input([self._channel], _IDLE_SEC):
            release_file_pages()
            self._is_large = False
        space = socket.CMSG_SPACE(_FILES_PER_FORK * 4)
        buffers = assembler.buffers()
        count, ancillary, _, _ = self._channel.recvmsg_into(buffers, space)
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                files += memoryview(data)[: len(data) // 4 * 4].cast("i")
        assembler.received(count)
        return count

    def _fork(self, spawn_id: int, spawn: Spawn, files: Sequence[int]) -> dict[str, object]:
        """Fork thrice: a process between, which ends so that the reaper is its own, then the
        reaper, and below it the worker. Return the response.
        """
        reason = self._reason_to_reject(spawn)
        if reason is not None:
            return {"error": reason}
        with warnings.catch_warnings():
            # Libraries start threads when they are imported and have their own fork handlers.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                middle = os.fork()
            except OSError as error:
                return {"error": f"the fork failed: {error}"}
            if middle == 0:
                _fork_worker(spawn, files[0])
            else:
                _, status = os.waitpid(middle, 0)
                if status != 0:
                    return {"error": f"the process before its reaper ended with status {status}"}
                return {}
        os.close(files[0])
        return self._become_worker(spawn_id, spawn, files[1:])


def _fork_worker(spawn: Spawn, reaper_channel: int) -> None:
    """Fork the reaper and the worker, and return in the worker; the process between ends."""
    try:
        announcement, announced = os.pipe()
        if os.fork():
            # Not before the reaper has announced itself: then it becomes a known child of init.
            os.close(announced)
            os.read(announcement, 1)
            os._exit(0)
        fork_with_reaper(reaper_channel, spawn.worker, announced)
        os.close(announcement)
        os.close(announced)
    except BaseException:
        os._exit(1)

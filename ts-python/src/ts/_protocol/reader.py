"""From bytes to messages.

`FrameAssembler` knows no socket: it says where the next bytes go (`buffers`), is told how many
came (`received`), and hands out whole messages (`next_message`). `FrameReader` drives it from a
socket. A message of several frames is received straight into one `bytearray` of its full size.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from ts._protocol.errors import PeerClosed, ProtocolError
from ts._protocol.frames import (
    ALLOWED_FLAGS,
    FLAG_CONTINUED,
    FLAG_LAST_ITEM,
    FLAG_MORE,
    FLAG_STDERR,
    FLAGS_OF_CUT,
    HEADER,
    HEADER_SIZE,
    LENGTH_OVERHEAD,
    MAX_FRAME_LENGTH,
    TOTAL,
    FrameType,
    Limits,
    max_frames,
)

_READ_SIZE = 64 * 1024
_BUFFER_SIZE = MAX_FRAME_LENGTH + 4 + _READ_SIZE


class Message(NamedTuple):
    """One whole message.

    ``body`` is a view of the receive buffer for a message of one frame, valid only until bytes
    are received again, and a `bytearray` of its own for a message of several frames.
    """

    type: int
    flags: int
    item: int
    id: int
    body: memoryview | bytearray


class FrameAssembler:
    """Puts messages together; checks every length before it allocates."""

    def __init__(self, limits: Limits, max_frame_length: int = MAX_FRAME_LENGTH) -> None:
        self.limits = limits
        self._max_frame_length = max_frame_length
        self._buffer = bytearray(_BUFFER_SIZE)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._wanted = HEADER_SIZE
        self._message: bytearray | None = None
        self._message_head = (0, 0, 0)
        self._filled = 0
        self._frame_left = 0
        self._frame_flags = 0
        self._frames_left = 0

    def buffers(self) -> list[memoryview]:
        """Return where the next bytes go, never empty. Invalidates bodies that are views."""
        if self._message is not None and self._frame_left:
            # Everything buffered has been used up, see _start_direct. What follows the current
            # frame is the header of the next one; more would only have to be copied again.
            self._start = self._end = 0
            place = memoryview(self._message)[self._filled : self._filled + self._frame_left]
            after = HEADER_SIZE if self._frame_flags & FLAG_MORE else len(self._view)
            return [place, self._view[:after]]
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start + self._wanted > len(self._view):
            size = self._end - self._start
            self._view[:size] = self._view[self._start : self._end]
            self._start, self._end = 0, size
        if self._message is not None:
            # Between two frames of one message: take its header only, the rest goes straight.
            return [self._view[self._end : max(self._end + 1, self._start + HEADER_SIZE)]]
        # What is read here of a message of several frames has to be copied: not too much of it.
        return [self._view[self._end : max(self._start + self._wanted, self._end + _READ_SIZE)]]

    def received(self, count: int) -> None:
        """Tell how many bytes were put into `buffers`."""
        if self._message is not None and self._frame_left:
            direct = min(count, self._frame_left)
            self._filled += direct
            self._frame_left -= direct
            count -= direct
        self._end += count

    def next_message(self) -> Message | None:
        """Return the next whole message, or None if more bytes are needed.

        Raises `ProtocolError` if the bytes are not what the protocol allows.
        """
        while True:
            if self._message is not None:
                message = self._continue_message()
                if message is not None or self._frame_left or self._wanted:
                    return message
                continue
            available = self._end - self._start
            if available < HEADER_SIZE:
                self._wanted = HEADER_SIZE
                return None
            length, kind, flags, item, message_id = HEADER.unpack_from(self._buffer, self._start)
            if flags & ~ALLOWED_FLAGS.get(kind, 0xFF):
                raise ProtocolError(f"frame of type {_name(kind)} has flags 0x{flags:02x}")
            if flags & FLAGS_OF_CUT:
                if not self._start_cut_message(length, kind, flags, item, message_id):
                    return None
                continue
            limit = self.limits.get(kind, -1)
            if (
                not LENGTH_OVERHEAD
                <= length
                <= min(self._max_frame_length, limit + LENGTH_OVERHEAD)
            ):
                self._refuse_length(length, kind)
            if available < length + 4:
                self._wanted = length + 4
                return None
            begin = self._start
            self._start = begin + length + 4
            body = self._view[begin + HEADER_SIZE : self._start]
            return Message(kind, flags, item, message_id, body)

    def _start_cut_message(
        self, length: int, kind: int, flags: int, item: int, message_id: int
    ) -> bool:
        if flags & FLAG_CONTINUED:
            raise ProtocolError(f"frame of type {kind} continues a message that was not begun")
        if flags & FLAG_LAST_ITEM:
            raise ProtocolError("LAST_ITEM on a frame that is not the last of its item")
        if kind not in self.limits or not (
            LENGTH_OVERHEAD + TOTAL.size <= length <= self._max_frame_length
        ):
            self._refuse_length(length, kind)
        if self._end - self._start < HEADER_SIZE + TOTAL.size:
            self._wanted = HEADER_SIZE + TOTAL.size
            return False
        (total,) = TOTAL.unpack_from(self._buffer, self._start + HEADER_SIZE)
        if total > self.limits[kind]:
            raise ProtocolError(
                f"message of type {_name(kind)} has {total} bytes, the limit is {self.limits[kind]}"
            )
        size = length - LENGTH_OVERHEAD - TOTAL.size
        if size >= total:
            raise ProtocolError(
                f"first frame of a message of {total} bytes has {size} and claims that more follow"
            )
        self._message = bytearray(total)
        self._message_head = (kind, item, message_id)
        self._filled = 0
        self._frames_left = max_frames(total) - 1
        self._start += HEADER_SIZE + TOTAL.size
        self._start_direct(size, flags)
        return True

    def _start_direct(self, size: int, flags: int) -> None:
        """Take what is buffered of a frame's body; the rest will be received in place."""
        if self._message is None:
            raise RuntimeError("no message of several frames has begun")
        self._frame_flags = flags
        have = min(size, self._end - self._start)
        self._message[self._filled : self._filled + have] = self._view[
            self._start : self._start + have
        ]
        self._start += have
        self._filled += have
        self._frame_left = size - have

    def _continue_message(self) -> Message | None:
        """Go on with a message of several frames: its end, its next frame, or None to wait."""
        message = self._message
        if message is None:
            raise RuntimeError("no message of several frames has begun")
        self._wanted = 0
        if self._frame_left:
            return None
        kind, item, message_id = self._message_head
        if not self._frame_flags & FLAG_MORE:
            self._message = None
            return Message(kind, self._frame_flags & ~FLAGS_OF_CUT, item, message_id, message)
        if self._end - self._start < HEADER_SIZE:
            self._wanted = HEADER_SIZE
            return None
        length, next_kind, flags, next_item, next_id = HEADER.unpack_from(self._buffer, self._start)
        if (next_kind, next_item, next_id) != self._message_head or not flags & FLAG_CONTINUED:
            raise ProtocolError(
                f"frame of type {next_kind} inside an unfinished message of type {_name(kind)}"
            )
        if (flags ^ self._frame_flags) & FLAG_STDERR or flags & ~ALLOWED_FLAGS[kind]:
            raise ProtocolError(f"frame of type {_name(kind)} goes on with flags 0x{flags:02x}")
        self._frames_left -= 1
        if self._frames_left < 0:
            raise ProtocolError(
                f"message of {len(message)} bytes has more than {max_frames(len(message))} frames"
            )
        size = length - LENGTH_OVERHEAD
        left = len(message) - self._filled
        more = bool(flags & FLAG_MORE)
        if not 0 < size <= self._max_frame_length - LENGTH_OVERHEAD or (
            size >= left if more else size != left
        ):
            raise ProtocolError(
                f"frame with {size} bytes, {'more to follow' if more else 'the last'}, where"
                f" {left} of {len(message)} are missing"
            )
        if more and flags & FLAG_LAST_ITEM:
            raise ProtocolError("LAST_ITEM on a frame that is not the last of its item")
        self._start += HEADER_SIZE
        self._start_direct(size, flags)
        return None

    def _refuse_length(self, length: int, kind: int) -> None:
        limit = self.limits.get(kind)
        if limit is None:
            raise ProtocolError(f"frame type {_name(kind)} is not expected here")
        raise ProtocolError(
            f"frame of type {_name(kind)} has length {length}, expected {LENGTH_OVERHEAD} to"
            f" {min(self._max_frame_length, limit + LENGTH_OVERHEAD)}"
        )


class FrameReader:
    """Receives messages from a connected socket that is in blocking mode."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._socket = sock
        self._assembler = FrameAssembler(limits)
        self.next_message = self._assembler.next_message

    def set_limits(self, limits: Limits) -> None:
        """Change what is accepted from the next message on."""
        self._assembler.limits = limits

    def fill(self, *, wait: bool) -> int:
        """Receive once; return how many bytes, 0 if none are there and `wait` is not set.

        Raises `PeerClosed` at the end of the stream, also if it comes in the middle of a message.
        """
        flags = 0 if wait else socket.MSG_DONTWAIT
        buffers = self._assembler.buffers()
        try:
            if len(buffers) == 1:
                count = self._socket.recv_into(buffers[0], 0, flags)
            else:
                count = self._socket.recvmsg_into(buffers, 0, flags)[0]
        except BlockingIOError:
            return 0
        except ConnectionError as error:
            raise PeerClosed(str(error)) from error
        if count == 0:
            raise PeerClosed("end of stream")
        self._assembler.received(count)
        return count

    def read_message(self) -> Message:
        """Return the next message, waiting for it."""
        while (message := self.next_message()) is None:
            self.fill(wait=True)
        return message


def _name(kind: int) -> str:
    try:
        return f"{FrameType(kind).name} ({kind})"
    except ValueError:
        return str(kind)

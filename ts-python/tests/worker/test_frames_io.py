"""Messages over real sockets: pieces of every size, and limits before memory."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from ts._protocol.errors import PeerClosed, ProtocolError
from ts._protocol.frames import HEADER, FrameType, encode_message, max_frames
from ts._protocol.messages import Part, PredictItem, decode_predict, encode_predict
from ts._protocol.reader import FrameAssembler, FrameReader
from ts._protocol.writer import FrameWriter

LIMITS = {FrameType.PREDICT: 1 << 26, FrameType.PING: 0}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_messages_of_all_sizes_arrive_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    rng = random.Random(5)
    sizes = [0, 1, 524279, 524280, 524281, 524276, 1048576, 3_000_000, *range(100)]
    bodies = [rng.randbytes(size) for size in sizes]
    writer, reader = FrameWriter(pair[0]), FrameReader(pair[1], LIMITS)

    def send() -> None:
        for number, body in enumerate(bodies):
            half = len(body) // 2
            writer.queue(encode_message(FrameType.PREDICT, number, 3, (body[:half], body[half:])))
            if number % 3 == 0:
                writer.flush()
        writer.flush()
        pair[0].close()

    thread = threading.Thread(target=send)
    thread.start()
    for number, body in enumerate(bodies):
        message = reader.read_message()
        assert (message.type, message.item, message.id) == (FrameType.PREDICT, 3, number)
        assert bytes(message.body) == body
    with pytest.raises(PeerClosed):
        reader.read_message()
    thread.join()
    assert writer.pending_size == 0


def test_end_in_the_middle_of_a_message_is_the_end_of_the_stream(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    data = b"".join(encode_message(FrameType.PREDICT, 1, 0, (bytes(100),)))
    pair[0].sendall(data[:-1])
    pair[0].close()
    with pytest.raises(PeerClosed):
        FrameReader(pair[1], LIMITS).read_message()


def test_writer_keeps_what_does_not_fit(pair: tuple[socket.socket, socket.socket]) -> None:
    body = random.Random(1).randbytes(4_000_000)
    writer, reader = FrameWriter(pair[0]), FrameReader(pair[1], LIMITS)
    writer.queue(encode_message(FrameType.PREDICT, 1, 0, (body,)))
    assert not writer.flush(wait=False)
    received = None
    while received is None:
        writer.flush(wait=False)
        reader.fill(wait=False)
        received = reader.next_message()
    assert received.body == body
    assert writer.flush(wait=False)


def test_writer_notices_a_closed_peer(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].close()
    writer = FrameWriter(pair[0])
    writer.queue([b"x"])
    with pytest.raises(PeerClosed):
        writer.flush()


def test_total_is_refused_before_memory_is_taken() -> None:
    assembler = FrameAssembler(LIMITS)
    claim = HEADER.pack(13, FrameType.PREDICT, 1, 0, 1) + (1 << 30).to_bytes(4, "big") + b"x"
    assembler.buffers()[0][: len(claim)] = claim
    assembler.received(len(claim))
    with pytest.raises(ProtocolError, match=str(1 << 30)):
        assembler.next_message()


def test_message_of_tiny_frames_is_refused() -> None:
    total = 1000
    data = HEADER.pack(13, FrameType.PREDICT, 1, 0, 1) + total.to_bytes(4, "big") + b"x"
    data += (HEADER.pack(9, FrameType.PREDICT, 3, 0, 1) + b"x") * max_frames(total)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        with pytest.raises(ProtocolError, match="frames"):
            FrameReader(theirs, LIMITS).read_message()


def test_large_last_value_is_cut_out_of_its_message() -> None:
    value = bytearray(random.Random(2).randbytes(300_000))
    item = PredictItem(
        1, 5, "id", [("a", "b")], [Part("x", "", bytearray(b"1")), Part("y", "t", value)]
    )
    body = bytearray(b"".join(encode_predict(item)))
    decoded = decode_predict(body)
    assert decoded == item
    assert decoded.parts[1].value is body


@pytest.mark.parametrize(
    "headers",
    [b"\0\1a\0\0\0\2b", b"\0\1a", b"\0\1\xff\0\0\0\1b", b"\0\1a\0\0\0\1bc"],
    ids=["value too short", "value missing", "name not UTF-8", "bytes left over"],
)
def test_malformed_headers_are_noticed_when_they_are_read(headers: bytes) -> None:
    head = struct.pack(">BIHHI", 0, 0, 0, 1, len(headers))
    item = decode_predict(memoryview(head + headers + b"\0\0"))
    with pytest.raises(ProtocolError, match="headers"):
        _ = item.headers


def test_waits_at_short_intervals_end_with_what_comes_or_with_the_peer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader = FrameReader(ours, LIMITS)
        ping = b"".join(encode_message(FrameType.PING, 7))
        # Bytes that are there already: after some, waits look for bytes before they sleep.
        for _ in range(40):
            theirs.sendall(ping)
            assert reader.read_message().id == 7
        sender = threading.Timer(0.01, theirs.sendall, (ping,))  # longer than it looks
        sender.start()
        assert reader.read_message().id == 7
        sender.join()
        theirs.close()
        with pytest.raises(PeerClosed):
            reader.read_message()

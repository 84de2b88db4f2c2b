"""Workers' output on its way through ``init``."""

from __future__ import annotations

import os
import selectors
import threading

from ts._protocol.frames import INIT_SENT_LIMITS
from ts._protocol.reader import FrameAssembler
from ts._zygote.frontend_channel import FrontendChannel
from ts._zygote.output import MAX_LINE_BYTES, LinePump


def test_lines_are_cut_at_line_feeds_and_at_the_limit() -> None:
    read_end, write_end = os.pipe()
    seen: list[bytes] = []
    pump = LinePump(read_end, seen.append)
    os.write(write_end, b"a\n\nb\npart")
    assert pump.read()
    assert seen == [b"a\n\nb"]
    os.write(write_end, b"ly\n")
    pump.read()
    assert seen[1:] == [b"partly"]
    for _ in range(3):
        os.write(write_end, b"x" * 30_000)
        pump.read()
    assert seen[2:] == [b"x" * MAX_LINE_BYTES]
    os.close(write_end)
    assert not pump.read()
    pump.drain()
    assert seen[3:] == [b"x" * (90_000 - MAX_LINE_BYTES)]
    pump.close()


def test_frontend_that_does_not_read_stops_output_and_loses_none_of_it() -> None:
    selector = selectors.DefaultSelector()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    channel = FrontendChannel(write_end, selector)
    pumps, ends = channel.open_pumps(7)
    lines = [f"{number} {'x' * 1000}".encode() for number in range(12_000)]
    written = threading.Event()

    def write() -> None:
        with open(ends[0], "wb") as file:
            file.writelines(line + b"\n" for line in lines)
        written.set()

    def turn(timeout: float) -> bool:
        channel.flush()
        events = selector.select(timeout)
        for key, _ in events:
            key.data()
        return bool(events)

    thread = threading.Thread(target=write)
    thread.start()
    while turn(0.5):
        pass
    assert not written.is_set(), "the worker waits while init does not read"

    assembler = FrameAssembler(INIT_SENT_LIMITS)
    content = bytearray()
    while content.count(b"\n") < len(lines):
        turn(0)
        while selectors_ready(read_end):
            assembler.received(os.readv(read_end, assembler.buffers()))
            while (message := assembler.next_message()) is not None:
                content += bytes(message.body) + b"\n"
    assert bytes(content).splitlines() == lines
    thread.join()
    channel.end_pumps(pumps)
    for descriptor in (ends[1], read_end, write_end):
        os.close(descriptor)
    selector.close()


def selectors_ready(descriptor: int) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(0))

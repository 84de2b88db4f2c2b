"""``init``'s side of the channel to the frontend, and the output of workers that goes through it.

A frontend that does not read stops the workers' output at its source: their pipes are left alone
until there is room again, so that they wait when they print, and ``init`` never does.
"""

from __future__ import annotations

import contextlib
import os
import selectors
from collections.abc import Callable
from typing import Any

from ts._protocol.control import encode_json
from ts._protocol.frames import FLAG_STDERR, FrameType, encode_message
from ts._zygote.output import LinePump, Outgoing

_PAUSE_ABOVE = 4 << 20
_RESUME_BELOW = 1 << 20
ZYGOTE_ID = 0
"""The number under which the zygote's output, and init's own, goes out."""


class FrontendGone(Exception):
    """The frontend has closed the channel."""


class FrontendChannel:
    """Queues messages to the frontend; owns the pumps of all processes.

    Args:
        descriptor: Where to write, in non-blocking mode.
        selector: The loop's; its keys' data are callbacks without arguments.
    """

    def __init__(self, descriptor: int, selector: selectors.BaseSelector) -> None:
        self._descriptor = descriptor
        self._selector = selector
        self._outgoing = Outgoing(descriptor)
        self._pumps: dict[int, LinePump] = {}
        self._paused = False

    def send(self, frame_type: int, spawn_id: int, fields: dict[str, Any]) -> None:
        """Queue one JSON message."""
        self._outgoing.queue(encode_message(frame_type, spawn_id, 0, (encode_json(fields),)))

    def log(self, text: str) -> None:
        """Write to the model log, as lines of the zygote."""
        for line in text.splitlines():
            self._output(ZYGOTE_ID, FLAG_STDERR, line.encode("utf-8", "replace"))

    def flush(self) -> None:
        """Write what fits; watch for room, and pause or resume output. Raises `FrontendGone`."""
        try:
            done = self._outgoing.flush()
        except OSError as error:
            raise FrontendGone from error
        watched = self._descriptor in self._selector.get_map()
        if done and watched:
            self._selector.unregister(self._descriptor)
        elif not done and not watched:
            self._selector.register(self._descriptor, selectors.EVENT_WRITE, _nothing)
        if not self._paused and self._outgoing.size > _PAUSE_ABOVE:
            self._paused = True
            for pump in self._pumps.values():
                self._unwatch(pump)
        elif self._paused and self._outgoing.size < _RESUME_BELOW:
            self._paused = False
            for pump in self._pumps.values():
                self._watch(pump)

    def open_pumps(self, spawn_id: int) -> tuple[list[LinePump], list[int]]:
        """Return pumps for stdout and stderr, and the write ends of their pipes."""
        pumps, ends = [], []
        for flags in (0, FLAG_STDERR):
            read_end, write_end = os.pipe()
            os.set_blocking(read_end, False)
            pump = LinePump(read_end, self._emitter(spawn_id, flags))
            self._pumps[read_end] = pump
            if not self._paused:
                self._watch(pump)
            pumps.append(pump)
            ends.append(write_end)
        return pumps, ends

    def relabel(self, pumps: list[LinePump], spawn_id: int) -> None:
        """Send further lines out under another number. Pumps that were ended stay so."""
        for pump, flags in zip(pumps, (0, FLAG_STDERR), strict=False):
            pump.read()
            pump.emit = self._emitter(spawn_id, flags)

    def end_pumps(self, pumps: list[LinePump]) -> None:
        """Queue what the pipes still hold, and close them."""
        for pump in pumps:
            pump.drain()
            self._unwatch(pump)
            del self._pumps[pump.descriptor]
            pump.close()
        pumps.clear()

    def _emitter(self, spawn_id: int, flags: int) -> Callable[[bytes], None]:
        return lambda lines: self._output(spawn_id, flags, lines)

    def _output(self, spawn_id: int, flags: int, lines: bytes) -> None:
        data = encode_message(FrameType.OUTPUT, spawn_id, 0, (lines,), flags=flags)
        self._outgoing.queue(data)

    def _watch(self, pump: LinePump) -> None:
        self._selector.register(
            pump.descriptor, selectors.EVENT_READ, lambda: self._on_output(pump)
        )

    def _unwatch(self, pump: LinePump) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(pump.descriptor)

    def _on_output(self, pump: LinePump) -> None:
        if not pump.read():
            # All writers have closed it; the pump is closed when its process has ended.
            self._unwatch(pump)


def _nothing() -> None:
    """The next turn of the loop writes."""

"""Errors on their way out of a worker: no text has an address of memory."""

from __future__ import annotations

import io
import json
import threading
from types import MappingProxyType

import pytest
from ts._protocol.control import Failed
from ts._protocol.messages import ErrorResponse, decode_error, encode_error
from ts._protocol.texts import without_addresses

FRAME = "frame #0: c10::Error::Error() + 0x57 (0x7f0a8a3b2c1d in /usr/lib/libc10.so)"


class Weird:
    pass


@pytest.mark.parametrize(
    "thing",
    [Weird(), io.BytesIO(), print, Weird().__init__, lambda: 0, threading.Lock(), memoryview(b"")],
)
def test_addresses_of_objects_are_left_out(thing: object) -> None:
    text = repr([thing, MappingProxyType({"a": thing})])
    cleaned = without_addresses(text)
    assert "0x" not in cleaned
    assert cleaned.startswith("[<")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<X object at 0x7F3C2D1E0A90>", "<X object>"),
        ("<PIL.Image.Image image mode=L size=1x1 at 0x7F3C2D1E0A90>, b", None),
        (FRAME, "frame #0: c10::Error::Error() + 0x57 (/usr/lib/libc10.so)"),
        ("Current thread 0x00007f3c2d1e0a90 (most recent", "Current thread (most recent"),
        ("bad magic 0xdeadbeef, expected 0x1f8b", "bad magic 0xdeadbeef, expected 0x1f8b"),
        ("a byte 0xff at 0x10 of the file", "a byte 0xff at 0x10 of the file"),
    ],
)
def test_other_numbers_stay(text: str, cleaned: str | None) -> None:
    expected = "<PIL.Image.Image image mode=L size=1x1>, b" if cleaned is None else cleaned
    assert without_addresses(text) == expected


def test_errors_and_failed_loads_go_out_without_addresses() -> None:
    text = repr(Weird())
    error = decode_error(encode_error(ErrorResponse(500, text, text, text)))
    failed = json.loads(Failed(500, text, text, text).encode())
    cleaned = text[: text.index(" at 0x")] + ">"
    assert error[:4] == (500, cleaned, cleaned, cleaned)
    assert set(failed.values()) == {500, cleaned}

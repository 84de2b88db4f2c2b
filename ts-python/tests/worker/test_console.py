"""What a worker prints itself, after a handler has taken its streams away."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from ts._worker.console import announce, report


class Broken(io.StringIO):
    def write(self, text: str, /) -> int:
        raise RuntimeError("a stream of the handler's own")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [closed(), None, Broken(), object()])
def test_streams_that_a_handler_closed_or_replaced_end_nothing(
    monkeypatch: pytest.MonkeyPatch, stream: Any
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    announce("ready")
    report("Traceback")


def test_lines_are_ended_once(capsys: pytest.CaptureFixture[str]) -> None:
    announce("ready")
    report("Traceback\n")
    report("Protocol error")
    assert capsys.readouterr() == ("ready\n", "Traceback\nProtocol error\n")

"""Automatic gauges are sampled; what a handler measures itself is told each time."""

from __future__ import annotations

import socket

from ts._protocol.writer import FrameWriter
from ts._worker.metrics import SAMPLE_EVERY_SEC, MetricSender, PredictionTime, Sampler
from ts.metrics._sample import MetricSample


def test_sampler_is_due_at_once_and_then_once_per_interval() -> None:
    now = [100.0]
    sampler = Sampler(1.0, lambda: now[0])
    assert [sampler.due(), sampler.due()] == [True, False]
    now[0] = 100.9
    assert not sampler.due()
    now[0] = 101.0
    assert [sampler.due(), sampler.due()] == [True, False]


def test_automatic_gauges_are_told_once_in_a_while_and_all_others_each_time() -> None:
    one, other = socket.socketpair()
    with one, other:
        writer = FrameWriter(one)
        emit = MetricSender(writer)
        prediction_time = PredictionTime(writer, "m")
        sizes = [writer.pending_size]
        for _ in range(3):
            prediction_time.queue(0.001, ["a"])
            sizes.append(writer.pending_size)
        assert sizes[0] < sizes[1] == sizes[3]
        for name, grows in (("HandlerTime", [True, False, False]), ("Mine", [True, True, True])):
            sample = MetricSample("gauge", name, "Milliseconds", 1.0, 0, "", (("Level", "Model"),))
            for more in grows:
                before = writer.pending_size
                emit(sample)
                assert (writer.pending_size > before) is more, name
    assert SAMPLE_EVERY_SEC > 0

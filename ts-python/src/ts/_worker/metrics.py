"""Metrics on their way to the frontend."""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ts._protocol.frames import FrameType, encode_message
from ts._protocol.metric_message import encode_metric, encode_metric_ends, encode_metric_value
from ts._protocol.writer import FrameWriter
from ts.metrics._sample import MetricSample

if TYPE_CHECKING:
    from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

logger = logging.getLogger(__name__)

PREDICTION_TIME = "PredictionTime"
AUTOMATIC = frozenset({PREDICTION_TIME, "HandlerTime"})
"""Gauges that are measured on every call of the handler, whether or not they are declared."""

SAMPLE_EVERY_SEC = 1.0
"""An automatic gauge is told at most this often: its last value is all that counts of it, and one
frame and one log line for each request would be a visible part of the cost of a small request."""

_MAX_IDS_LENGTH = 32 * 1024
_FLUSH_ABOVE = 1 << 20
"""Samples of a handler that emits very many leave before the answer does."""


def sample_interval() -> float:
    """Return `SAMPLE_EVERY_SEC`, or 0 where ``TS_TIMES_OF_EACH_CALL`` asks for each call."""
    return 0.0 if os.environ.get("TS_TIMES_OF_EACH_CALL") == "true" else SAMPLE_EVERY_SEC


class Sampler:
    """Says when the next sample of a gauge may be told.

    Args:
        every_sec: Time between two samples, in seconds; None for `sample_interval`.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self, every_sec: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._every_sec = sample_interval() if every_sec is None else every_sec
        self._clock = clock
        self._next = float("-inf")

    def due(self, at: float | None = None) -> bool:
        """Return whether it is time; if so, the next is due an interval later.

        Args:
            at: For which moment, in seconds; None for now. A sampler is asked for one or the other.
        """
        now = self._clock() if at is None else at
        if now < self._next:
            return False
        self._next = now + self._every_sec
        return True


class MetricSender:
    """Takes samples from any thread; they leave with the next answers.

    Of `AUTOMATIC` gauges it takes one each `SAMPLE_EVERY_SEC`, of all others each.
    """

    def __init__(self, writer: FrameWriter) -> None:
        self._writer = writer
        self._samplers = {name: Sampler() for name in AUTOMATIC}
        self._muted = False

    def __call__(self, sample: MetricSample) -> None:
        """Queue a sample; one that cannot be encoded is dropped with a warning."""
        if self._muted:
            return
        sampler = self._samplers.get(sample.name)
        if sampler is not None and not sampler.due():
            return
        try:
            body = encode_metric(sample)
        except (ValueError, TypeError, AttributeError, OverflowError, struct.error) as error:
            logger.warning("Metric %r was dropped: %s", sample.name, error)
            return
        writer = self._writer
        writer.queue(encode_message(FrameType.METRIC, 0, 0, (body,)))
        if writer.pending_size > _FLUSH_ABOVE:
            writer.flush()

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Drop what comes meanwhile: it belongs to no request."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False


class PredictionTime:
    """Tells how long successful calls of the handler take, by a sample now and then."""

    def __init__(self, writer: FrameWriter, model_name: str) -> None:
        self._writer = writer
        dimensions = (("ModelName", model_name), ("Level", "Model"))
        sample = MetricSample("gauge", PREDICTION_TIME, "Milliseconds", 0.0, 0, "", dimensions)
        # All but the value is the same each time.
        self._head, self._tail = encode_metric_ends(sample)
        self._sampler = Sampler()

    def queue(self, took_sec: float, request_ids: Iterable[str]) -> None:
        """Queue a sample if one is due; it leaves with the answers of the batch."""
        if not self._sampler.due():
            return
        ids = ",".join(request_ids)
        if len(ids) > _MAX_IDS_LENGTH:
            ids = ""
        value = encode_metric_value(took_sec * 1000, time.time_ns() // 1_000_000, ids)
        body = (self._head, value, self._tail)
        self._writer.queue(encode_message(FrameType.METRIC, 0, 0, body))


def load_metrics(
    config: str | None, model_name: str, emit: Callable[[MetricSample], None]
) -> MetricsCacheYamlImpl:
    """Return the metrics cache of a model; a bad configuration is logged and does without it."""
    from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

    path: Any = config or str(Path(__file__).parents[1] / "configs" / "metrics.yaml")
    try:
        cache = MetricsCacheYamlImpl(path, emit=emit)
        cache.initialize_cache()
    except Exception as error:
        logger.warning("Metrics configuration %s is not used: %s", path, error)
        cache = MetricsCacheYamlImpl(None, emit=emit)
        cache.initialize_cache()
    cache.model_name = model_name
    return cache

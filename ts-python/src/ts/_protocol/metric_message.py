"""The body of METRIC: one sample of a metric."""

from __future__ import annotations

import struct

from ts._protocol.errors import ProtocolError
from ts._protocol.frames import Buffer
from ts._protocol.text_fields import read_str16, str16
from ts.metrics._sample import MetricSample

_U16 = struct.Struct(">H")
_METRIC_NUMBERS = struct.Struct(">dQ")
_METRIC_TYPES = ("counter", "gauge", "histogram")


def encode_metric(metric: MetricSample) -> bytes:
    """Encode a METRIC body. Raises `ValueError` where a text is over 65535 bytes."""
    head, tail = encode_metric_ends(metric)
    return head + encode_metric_value(metric.value, metric.time_ms, metric.request_ids) + tail


def encode_metric_ends(metric: MetricSample) -> tuple[bytes, bytes]:
    """Return what stands before the value of a sample, and after its request ids."""
    out = [_U16.pack(len(metric.dimensions))]
    out += (str16(text) for pair in metric.dimensions for text in pair)
    kind = bytes((_METRIC_TYPES.index(metric.type),))
    return kind + str16(metric.name) + str16(metric.unit), b"".join(out)


def encode_metric_value(value: float, time_ms: int, request_ids: str) -> bytes:
    """Return what stands between the two parts of a sample."""
    return _METRIC_NUMBERS.pack(value, time_ms) + str16(request_ids)


def decode_metric(body: Buffer) -> MetricSample:
    """Decode a METRIC body."""
    view = memoryview(body)
    try:
        kind = view[0]
        name, at = read_str16(view, 1)
        unit, at = read_str16(view, at)
        value, time_ms = struct.unpack_from(">dQ", view, at)
        ids, at = read_str16(view, at + 16)
        (count,) = _U16.unpack_from(view, at)
        at += 2
        dimensions = []
        for _ in range(count):
            dimension, at = read_str16(view, at)
            dimension_value, at = read_str16(view, at)
            dimensions.append((dimension, dimension_value))
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise ProtocolError(f"METRIC of {len(view)} bytes is malformed: {error}") from error
    if at != len(view) or kind >= len(_METRIC_TYPES):
        raise ProtocolError(f"METRIC of type {kind} has {len(view)} bytes, its fields take {at}")
    return MetricSample(_METRIC_TYPES[kind], name, unit, value, time_ms, ids, tuple(dimensions))

"""The kinds of metrics."""

from __future__ import annotations

import enum


class MetricTypes(enum.Enum):
    """How samples of one metric are combined."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"

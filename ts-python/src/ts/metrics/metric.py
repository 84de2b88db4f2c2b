"""The value object of the old metrics store; system metrics use it too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ts.metrics._line import host_name
from ts.metrics.dimension import Dimension
from ts.metrics.unit import Units, long_unit

MetricUnit = Units()
"""The table of units."""


class Metric:
    """A named value with unit, dimensions and, optionally, the request it belongs to.

    Args:
        name: Name of the metric.
        value: First value.
        unit: Short or long word for the unit.
        dimensions: Dimensions, copied.
        request_id: Request ids joined by commas.
        metric_method: ``"counter"`` makes `update` add; otherwise it replaces.
    """

    def __init__(
        self,
        name: str,
        value: float,
        unit: str,
        dimensions: Sequence[Dimension],
        request_id: str | None = None,
        metric_method: str | None = None,
    ) -> None:
        self.name = name
        self.value = value
        self.unit = long_unit(unit)
        self.dimensions = list(dimensions)
        self.request_id = request_id
        self.metric_method = metric_method

    def update(self, value: float) -> None:
        """Add `value` to a counter, or replace the value of anything else."""
        self.value = self.value + value if self.metric_method == "counter" else value

    def reset(self) -> None:
        """Set the value to 0."""
        self.value = 0

    def __str__(self) -> str:
        dimensions = ",".join(str(dimension) for dimension in self.dimensions)
        line = (
            f"{self.name}.{self.unit}:{self.value}|#{dimensions}"
            f"|#hostname:{host_name()},{int(time.time())}"
        )
        return f"{line},{self.request_id}" if self.request_id else line

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as a dict that `json` can write."""
        return {
            "MetricName": self.name,
            "Value": self.value,
            "Unit": self.unit,
            "Dimensions": [dimension.to_dict() for dimension in self.dimensions],
            "Timestamp": int(time.time()),
            "HostName": host_name(),
            "RequestId": self.request_id,
        }

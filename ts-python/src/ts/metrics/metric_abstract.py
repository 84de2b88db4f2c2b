"""What every kind of metric has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ts.metrics.metric_type_enum import MetricTypes
from ts.metrics.unit import Units, long_unit

MetricUnit = Units()
"""The table of units."""


class MetricAbstract(ABC):
    """A metric with fixed name, unit, type and dimension names.

    Args:
        metric_name: Name of the metric.
        unit: Short or long word for the unit.
        dimension_names: Names of the dimensions, in the order of the values given later.
        metric_type: Counter, gauge or histogram.
    """

    __slots__ = ("dimension_names", "metric_name", "metric_type", "unit")

    def __init__(
        self,
        metric_name: str,
        unit: str,
        dimension_names: Sequence[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> None:
        self.metric_name = metric_name
        self.unit = long_unit(unit)
        self.dimension_names: list[str] = list(dimension_names or ())
        self.metric_type = metric_type

    @abstractmethod
    def add_or_update(
        self, value: float, dimension_values: Sequence[object], request_id: str = ""
    ) -> None:
        """Take one sample.

        Args:
            value: The step of a counter (0 or more), else the value.
            dimension_values: One value per dimension name, in their order.
            request_id: Request ids joined by commas, or ``""``.
        """

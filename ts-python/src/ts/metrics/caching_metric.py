"""A declared metric that turns values into samples."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from ts.metrics._line import format_line
from ts.metrics._sample import Emit, MetricSample
from ts.metrics.dimension import Dimension
from ts.metrics.metric_abstract import MetricAbstract
from ts.metrics.metric_type_enum import MetricTypes

logger = logging.getLogger(__name__)


def log_sample(sample: MetricSample) -> None:
    """Log `sample` as a ``[METRICS]`` line: the way out where no worker carries samples."""
    logger.info(format_line(sample))


class CachingMetric(MetricAbstract):
    """A metric with fixed name, unit, type and dimension names.

    Nothing is added up here: each call emits one sample and the receiver combines them.

    Args:
        metric_name: Name of the metric.
        unit: Short or long word for the unit.
        dimension_names: Names of the dimensions, in the order of the values given later.
        metric_type: Counter, gauge or histogram.
        emit: Where samples go; without it they are logged.
    """

    __slots__ = ("_emit",)

    def __init__(
        self,
        metric_name: str,
        unit: str,
        dimension_names: Sequence[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
        *,
        emit: Emit | None = None,
    ) -> None:
        super().__init__(metric_name, unit, dimension_names, metric_type)
        self._emit: Emit = log_sample if emit is None else emit

    def __str__(self) -> str:
        names = ",".join(self.dimension_names)
        return f"{self.metric_name}.{self.unit} ({self.metric_type.value}, dimensions: [{names}])"

    def add_or_update(
        self,
        value: float,
        dimension_values: Sequence[object] | None = None,
        request_id: str = "",
    ) -> None:
        """Emit one sample.

        A sample that cannot be right is logged as an error and dropped, since metrics must not
        fail a request.

        Args:
            value: The step of a counter (0 or more), else the value.
            dimension_values: One value per dimension name, in their order.
            request_id: Request ids joined by commas, or ``""``.
        """
        names = self.dimension_names
        given = () if dimension_values is None else dimension_values
        if len(given) != len(names):
            logger.error(
                "Metric %s: %d dimension values %s given, expected one for each of %s",
                self.metric_name,
                len(given),
                list(given),
                names,
            )
            return
        try:
            number = float(value)
        except (TypeError, ValueError):
            logger.error("Metric %s: value %r is not a number", self.metric_name, value)
            return
        if self.metric_type is MetricTypes.COUNTER and not number >= 0:
            logger.error("Metric %s: counter step %r, expected 0 or more", self.metric_name, value)
            return
        self.emit_metrics(number, given, request_id)

    def emit_metrics(
        self,
        value: float,
        dimension_values: Sequence[object] | None = None,
        request_id: str = "",
    ) -> None:
        """Emit one sample without looking at it; `add_or_update` calls this with what is right.

        Args:
            value: The step of a counter, else the value.
            dimension_values: One value per dimension name, in their order.
            request_id: Request ids joined by commas, or ``""``.

        Raises:
            ValueError: There is not one value for each dimension name.
        """
        pairs = zip(self.dimension_names, dimension_values or (), strict=True)
        self._emit(
            MetricSample(
                self.metric_type.value,
                self.metric_name,
                self.unit,
                float(value),
                int(time.time() * 1000),
                request_id or "",
                tuple((name, str(given)) for name, given in pairs),
            )
        )

    def update(
        self,
        value: float,
        request_id: str = "",
        dimensions: Sequence[Dimension] | None = None,
    ) -> None:
        """Emit one sample in the old form: `dimensions` replace the declared names."""
        given = dimensions or ()
        self.dimension_names = [dimension.name for dimension in given]
        self.add_or_update(value, [dimension.value for dimension in given], request_id)

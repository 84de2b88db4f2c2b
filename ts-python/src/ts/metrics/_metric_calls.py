"""The calls by which handlers emit metrics, whatever becomes of the samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ts.metrics._request_ids import RequestIds, resolve_request_ids
from ts.metrics.dimension import Dimension
from ts.metrics.metric_cache_errors import MetricsCacheValueError
from ts.metrics.metric_type_enum import MetricTypes

_TIME_UNITS = ("ms", "s")
_SIZE_UNITS = ("MB", "kB", "GB", "B")


class MetricCalls(ABC):
    """The ``add_*`` calls of TorchServe 0.12, over one method that takes the sample.

    `idx` names one request of the batch; without it, a sample belongs to all of them. Dimensions
    of the caller are copied; ``ModelName`` and ``Level`` follow them where they are absent.

    Attributes:
        request_ids: Ids of the batch by index, or one id while the model loads.
        model_name: Value of the dimension ``ModelName``.
    """

    request_ids: RequestIds
    model_name: str | None

    def add_counter(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
    ) -> None:
        """Add a step, 0 or more, to a counter."""
        self._add(name, value, "count", idx, dimensions, MetricTypes.COUNTER)

    def add_time(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        unit: str = "ms",
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.GAUGE,
    ) -> None:
        """Add a time in `unit`, ``ms`` or ``s``; another unit is a `MetricsCacheValueError`."""
        _check_unit(name, unit, _TIME_UNITS)
        self._add(name, value, unit, idx, dimensions, metric_type)

    def add_size(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        unit: str = "MB",
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.GAUGE,
    ) -> None:
        """Add a size in `unit`, ``MB kB GB B``; another unit is a `MetricsCacheValueError`."""
        _check_unit(name, unit, _SIZE_UNITS)
        self._add(name, value, unit, idx, dimensions, metric_type)

    def add_percent(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.GAUGE,
    ) -> None:
        """Add a percentage."""
        self._add(name, value, "percent", idx, dimensions, metric_type)

    def add_error(
        self, name: str, value: float, dimensions: Sequence[Dimension] | None = None
    ) -> None:
        """Add a step to a counter of errors, which belongs to no request."""
        self._complete(name, value, "", "", dimensions, MetricTypes.COUNTER)

    def add_metric(
        self,
        name: str,
        value: float,
        unit: str,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> None:
        """Add a sample of any unit and type."""
        self._add(name, value, unit, idx, dimensions, metric_type)

    def _add(
        self,
        name: str,
        value: float,
        unit: str,
        idx: int | None,
        dimensions: Sequence[Dimension] | None,
        metric_type: MetricTypes,
    ) -> None:
        request_id = resolve_request_ids(self.request_ids, idx)
        self._complete(name, value, unit, request_id, dimensions, metric_type)

    def _complete(
        self,
        name: str,
        value: float,
        unit: str,
        request_id: str,
        dimensions: Sequence[Dimension] | None,
        metric_type: MetricTypes,
    ) -> None:
        pairs = {dimension.name: dimension.value for dimension in dimensions or ()}
        if request_id:
            pairs.setdefault("ModelName", str(self.model_name))
            pairs.setdefault("Level", "Model")
        else:
            pairs.setdefault("Level", "Error")
        self._record(name, value, unit, request_id, pairs, metric_type)

    @abstractmethod
    def _record(
        self,
        name: str,
        value: float,
        unit: str,
        request_id: str,
        dimensions: dict[str, str],
        metric_type: MetricTypes,
    ) -> None:
        """Take one sample.

        Args:
            name: Name of the metric.
            value: The step of a counter, else the value.
            unit: The word of the caller, such as ``ms``.
            request_id: Request ids joined by commas, or ``""``.
            dimensions: Values by name, in order; the receiver's to change.
            metric_type: Counter, gauge or histogram.
        """


def _check_unit(name: str, unit: str, allowed: tuple[str, ...]) -> None:
    if unit not in allowed:
        raise MetricsCacheValueError(
            f"Metric {name}: unit {unit!r}, expected one of {', '.join(allowed)}"
        )

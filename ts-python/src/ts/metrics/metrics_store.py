"""The metrics store of old handlers; test doubles use it in place of the metrics cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ts.metrics._request_ids import resolve_request_ids
from ts.metrics.dimension import Dimension
from ts.metrics.metric import Metric
from ts.metrics.metric_cache_errors import MetricsCacheValueError
from ts.metrics.metric_type_enum import MetricTypes


class MetricsStore:
    """Keeps metrics in memory and emits nothing. Deprecated: handlers get a `MetricsCacheYamlImpl`.

    Attributes:
        store: Every metric, in the order of first use.
        cache: The same metrics by name, unit, request and dimensions.
    """

    def __init__(self, request_ids: Mapping[int, str] | str | None, model_name: str | None) -> None:
        self.store: list[Metric] = []
        self.cache: dict[tuple[str, ...], Metric] = {}
        self.request_ids = request_ids
        self.model_name = model_name

    def add_counter(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
    ) -> None:
        """Add `value` to the counter `name`."""
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
        """Set a time, in ``ms`` or ``s``."""
        self._check_unit(unit, ("ms", "s"))
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
        """Set a size, in ``MB``, ``kB``, ``GB`` or ``B``."""
        self._check_unit(unit, ("MB", "kB", "GB", "B"))
        self._add(name, value, unit, idx, dimensions, metric_type)

    def add_percent(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.GAUGE,
    ) -> None:
        """Set a percentage."""
        self._add(name, value, "percent", idx, dimensions, metric_type)

    def add_error(
        self, name: str, value: float, dimensions: Sequence[Dimension] | None = None
    ) -> None:
        """Count an error that belongs to no request."""
        given = [*(dimensions or ()), Dimension("Level", "Error")]
        self._update(name, value, "", None, given, MetricTypes.COUNTER)

    def add_metric(
        self,
        name: str,
        value: float,
        unit: str,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> None:
        """Add a metric of any unit."""
        self._add(name, value, unit, idx, dimensions, metric_type)

    @staticmethod
    def _check_unit(unit: str, allowed: tuple[str, ...]) -> None:
        if unit not in allowed:
            raise MetricsCacheValueError(f"Unit {unit!r}, expected one of {', '.join(allowed)}")

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
        level = (
            [Dimension("ModelName", str(self.model_name)), Dimension("Level", "Model")]
            if request_id
            else [Dimension("Level", "Error")]
        )
        self._update(name, value, unit, request_id, [*(dimensions or ()), *level], metric_type)

    def _update(
        self,
        name: str,
        value: float,
        unit: str,
        request_id: str | None,
        dimensions: list[Dimension],
        metric_type: MetricTypes,
    ) -> None:
        key = (name, unit, request_id or "", *(str(dimension) for dimension in dimensions))
        metric = self.cache.get(key)
        if metric is not None:
            metric.update(value)
            return
        metric = Metric(name, value, unit, dimensions, request_id, metric_type.value)
        self.cache[key] = metric
        self.store.append(metric)

"""The metrics store of old handlers; test doubles use it in place of the metrics cache."""

from __future__ import annotations

from ts.metrics._metric_calls import MetricCalls
from ts.metrics._request_ids import RequestIds
from ts.metrics.dimension import Dimension
from ts.metrics.metric import Metric
from ts.metrics.metric_type_enum import MetricTypes


class MetricsStore(MetricCalls):
    """Keeps metrics in memory and emits nothing. Deprecated: handlers get a `MetricsCacheYamlImpl`.

    Attributes:
        store: Every metric, in the order of first use.
        cache: The same metrics by name, unit, request and dimensions.
    """

    def __init__(self, request_ids: RequestIds, model_name: str | None) -> None:
        self.store: list[Metric] = []
        self.cache: dict[tuple[str, ...], Metric] = {}
        self.request_ids = request_ids
        self.model_name = model_name

    def _record(
        self,
        name: str,
        value: float,
        unit: str,
        request_id: str,
        dimensions: dict[str, str],
        metric_type: MetricTypes,
    ) -> None:
        given = [Dimension(*pair) for pair in dimensions.items()]
        key = (name, unit, request_id, *map(str, given))
        metric = self.cache.get(key)
        if metric is not None:
            metric.update(value)
            return
        metric = Metric(name, value, unit, given, request_id or None, metric_type.value)
        self.cache[key] = metric
        self.store.append(metric)

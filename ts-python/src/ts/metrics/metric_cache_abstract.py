"""What every metrics cache has: the calls of handlers, and where declared metrics are found."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import KeysView, Mapping, Sequence
from pathlib import Path
from typing import Any

from ts.metrics._metric_calls import MetricCalls
from ts.metrics._request_ids import RequestIds
from ts.metrics.metric_abstract import MetricAbstract
from ts.metrics.metric_cache_errors import MetricsCacheKeyError
from ts.metrics.metric_type_enum import MetricTypes


class MetricCacheAbstract(MetricCalls):
    """A place for metrics that hands each value of a handler to the metric of its name and type.

    A name that is not declared is created by its first use, with the dimensions of that use. A
    subclass says how metrics are declared and kept.

    Args:
        config_file_path: The file that declares metrics, or ``None``.

    Attributes:
        cache: Metrics by type and name.
        store: Always empty, for handlers written for the old metrics store.
        request_ids: Ids of the batch by index, or one id while the model loads.
        model_name: Value of the dimension ``ModelName``.
    """

    def __init__(self, config_file_path: str | Path | None = None) -> None:
        self.config_file_path = config_file_path
        self.cache: Mapping[MetricTypes, Mapping[str, MetricAbstract]] = {
            metric_type: {} for metric_type in MetricTypes
        }
        self.store: list[Any] = []
        self.request_ids: RequestIds = None
        self.model_name: str | None = None

    @abstractmethod
    def initialize_cache(self) -> None:
        """Declare the metrics of the configuration file."""

    @abstractmethod
    def get_metric(
        self, metric_name: str, metric_type: MetricTypes = MetricTypes.COUNTER
    ) -> MetricAbstract:
        """Return a declared metric.

        Raises:
            MetricsCacheKeyError: There is no metric of this name and type.
        """

    @abstractmethod
    def add_metric_to_cache(
        self,
        metric_name: str,
        unit: str,
        dimension_names: Sequence[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> MetricAbstract:
        """Declare a metric, or replace one of the same name and type. Emits nothing."""

    def set_request_ids(self, request_ids: RequestIds) -> None:
        """Set the ids of the batch that runs now: by index, or one string."""
        self.request_ids = request_ids

    def cache_keys(self) -> KeysView[MetricTypes]:
        """Return the metric types of the cache."""
        return self.cache.keys()

    def _record(
        self,
        name: str,
        value: float,
        unit: str,
        request_id: str,
        dimensions: dict[str, str],
        metric_type: MetricTypes,
    ) -> None:
        try:
            metric = self.get_metric(name, metric_type)
        except MetricsCacheKeyError:
            metric = self.add_metric_to_cache(name, unit, list(dimensions), metric_type)
        metric.add_or_update(value, self._values_for(metric, dimensions), request_id)

    def _values_for(self, metric: MetricAbstract, pairs: dict[str, str]) -> list[str]:
        """Return values as `metric` declares them: by name, else, as 0.12 did, by position.

        Dimensions that are not declared, such as a ``Level`` that was added here, are left out.
        """
        declared = metric.dimension_names
        if "ModelName" in declared:
            pairs.setdefault("ModelName", str(self.model_name))
        if all(name in pairs for name in declared):
            return [pairs[name] for name in declared]
        return list(pairs.values())

"""Metrics and caches that users write on the abstract classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ts.metrics._sample import MetricSample
from ts.metrics.caching_metric import CachingMetric
from ts.metrics.dimension import Dimension
from ts.metrics.metric_abstract import MetricAbstract
from ts.metrics.metric_cache_abstract import MetricCacheAbstract
from ts.metrics.metric_cache_errors import GeneralMetricsCacheError, MetricsCacheKeyError
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
from ts.metrics.metric_type_enum import MetricTypes


class Remembering(MetricAbstract):
    def __init__(self, *declaration: Any) -> None:
        super().__init__(*declaration)
        self.samples: list[tuple[float, list[object], str]] = []

    def add_or_update(
        self, value: float, dimension_values: Sequence[object], request_id: str = ""
    ) -> None:
        self.samples.append((value, list(dimension_values), request_id))


class OwnCache(MetricCacheAbstract):
    def initialize_cache(self) -> None:
        self.cache = {kind: {} for kind in MetricTypes}

    def get_metric(
        self, metric_name: str, metric_type: MetricTypes = MetricTypes.COUNTER
    ) -> Remembering:
        try:
            return self.cache[metric_type][metric_name]  # type: ignore[return-value]
        except KeyError:
            raise MetricsCacheKeyError(message=metric_name) from None

    def add_metric_to_cache(
        self,
        metric_name: str,
        unit: str,
        dimension_names: Sequence[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> Remembering:
        metric = Remembering(metric_name, unit, dimension_names, metric_type)
        self.cache[metric_type][metric_name] = metric  # type: ignore[index]
        return metric


def test_calls_of_handlers_reach_the_metrics_of_an_own_cache() -> None:
    cache = OwnCache("metrics.yaml")
    cache.initialize_cache()
    cache.model_name = "m"
    cache.set_request_ids({0: "a", 1: "b"})
    cache.add_counter("seen", 2, idx=1, dimensions=[Dimension("Kind", "new")])
    cache.add_time("took", 3.5)

    seen = cache.get_metric("seen")
    assert (seen.unit, seen.dimension_names) == ("Count", ["Kind", "ModelName", "Level"])
    assert seen.samples == [(2, ["new", "m", "Model"], "b")]
    took = cache.get_metric("took", MetricTypes.GAUGE)
    assert took.samples == [(3.5, ["m", "Model"], "a,b")]
    with pytest.raises(GeneralMetricsCacheError, match="unheard"):
        cache.get_metric("unheard")


def test_what_must_be_written_is_abstract() -> None:
    for kind, names in (
        (MetricAbstract, {"add_or_update"}),
        (MetricCacheAbstract, {"add_metric_to_cache", "get_metric", "initialize_cache"}),
    ):
        assert kind.__abstractmethods__ == names
        with pytest.raises(TypeError, match="abstract"):
            kind("name", "unit")  # type: ignore[call-arg]


def test_our_own_are_of_these_classes() -> None:
    assert isinstance(MetricsCacheYamlImpl(None), MetricCacheAbstract)
    assert isinstance(CachingMetric("name", "ms"), MetricAbstract)
    assert MetricsCacheYamlImpl(Path("metrics.yaml")).config_file_path == Path("metrics.yaml")


def test_sample_can_be_emitted_past_the_checks_and_a_subclass_sees_each() -> None:
    samples: list[MetricSample] = []

    class Doubling(CachingMetric):
        def emit_metrics(self, value: float, *more: Any, **given: Any) -> None:
            super().emit_metrics(2 * value, *more, **given)

    metric = Doubling("seen", "count", ["Kind"], emit=samples.append)
    metric.add_or_update(2, ["new"], "a")
    metric.emit_metrics(-1, ["old"])
    found = [(one.value, one.dimensions, one.request_ids) for one in samples]
    assert found == [(4.0, (("Kind", "new"),), "a"), (-2.0, (("Kind", "old"),), "")]
    with pytest.raises(ValueError, match="zip"):
        metric.emit_metrics(1)

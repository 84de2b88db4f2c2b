"""The calls of handlers, for the metrics cache and the old metrics store alike."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from ts.metrics._metric_calls import MetricCalls
from ts.metrics._request_ids import RequestIds
from ts.metrics._sample import MetricSample
from ts.metrics.dimension import Dimension
from ts.metrics.metric import Metric
from ts.metrics.metric_cache_errors import MetricsCacheValueError
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
from ts.metrics.metric_type_enum import MetricTypes
from ts.metrics.metrics_store import MetricsStore

BATCH = {0: "a", 1: "b"}


class Told(NamedTuple):
    """What became of one call."""

    type: str
    name: str
    unit: str
    value: float
    request_ids: str
    dimensions: list[str]


Run = Callable[[Mapping[int, str] | str | None, Callable[[MetricCalls], None]], list[Told]]


def run_cache(ids: Mapping[int, str] | str | None, call: Callable[[Any], None]) -> list[Told]:
    samples: list[MetricSample] = []
    cache = MetricsCacheYamlImpl(None, emit=samples.append)
    cache.initialize_cache()
    cache.model_name = "m"
    cache.set_request_ids(ids)
    call(cache)
    return [
        Told(s.type, s.name, s.unit, s.value, s.request_ids, [":".join(d) for d in s.dimensions])
        for s in samples
    ]


def run_store(ids: RequestIds, call: Callable[[Any], None]) -> list[Told]:
    store = MetricsStore(ids, "m")
    call(store)

    def told(m: Metric) -> Told:
        dimensions = [str(d) for d in m.dimensions]
        return Told(str(m.metric_method), m.name, m.unit, m.value, m.request_id or "", dimensions)

    return [told(m) for m in store.store]


@pytest.fixture(params=[run_cache, run_store])
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.param
    return chosen


ROUTE = [Dimension("Route", "x")]
MODEL = ["ModelName:m", "Level:Model"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda m: m.add_counter("c", 2, 1, ROUTE),
            Told("counter", "c", "Count", 2, "b", ["Route:x", *MODEL]),
        ),
        (lambda m: m.add_time("t", 5), Told("gauge", "t", "Milliseconds", 5, "a,b", MODEL)),
        (
            lambda m: m.add_time("t", 5, 0, "s", ROUTE, MetricTypes.HISTOGRAM),
            Told("histogram", "t", "Seconds", 5, "a", ["Route:x", *MODEL]),
        ),
        (lambda m: m.add_size("s", 5), Told("gauge", "s", "Megabytes", 5, "a,b", MODEL)),
        (
            lambda m: m.add_size("s", 5, 0, "kB", ROUTE, MetricTypes.COUNTER),
            Told("counter", "s", "Kilobytes", 5, "a", ["Route:x", *MODEL]),
        ),
        (
            lambda m: m.add_percent("p", 5, 0, ROUTE, MetricTypes.COUNTER),
            Told("counter", "p", "Percent", 5, "a", ["Route:x", *MODEL]),
        ),
        (lambda m: m.add_percent("p", 5), Told("gauge", "p", "Percent", 5, "a,b", MODEL)),
        (
            lambda m: m.add_metric("x", 5, "tokens/s", 0, ROUTE, MetricTypes.GAUGE),
            Told("gauge", "x", "tokens/s", 5, "a", ["Route:x", *MODEL]),
        ),
        (
            lambda m: m.add_metric(name="x", value=5, unit=""),
            Told("counter", "x", "unit", 5, "a,b", MODEL),
        ),
        (
            lambda m: m.add_error("e", 1, ROUTE),
            Told("counter", "e", "unit", 1, "", ["Route:x", "Level:Error"]),
        ),
        (
            lambda m: m.add_counter("c", 1, dimensions=[Dimension("Level", "Mine")]),
            Told("counter", "c", "Count", 1, "a,b", ["Level:Mine", "ModelName:m"]),
        ),
    ],
)
def test_calls_have_the_arguments_and_defaults_of_0_12(
    run: Run, call: Callable[[Any], None], told: Told
) -> None:
    assert run(BATCH, call) == [told]


@pytest.mark.parametrize("idx", [None, 0, 3])
def test_while_loading_there_is_one_id_whatever_idx_is(run: Run, idx: int | None) -> None:
    assert run("load", lambda m: m.add_counter("c", 1, idx)) == [
        Told("counter", "c", "Count", 1, "load", MODEL)
    ]


@pytest.mark.parametrize(("ids", "idx"), [(None, None), (None, 0), ({}, None), (BATCH, 7)])
def test_without_a_request_the_level_is_error(
    run: Run, ids: dict[int, str] | None, idx: int | None
) -> None:
    assert run(ids, lambda m: m.add_time("t", 1, idx)) == [
        Told("gauge", "t", "Milliseconds", 1, "", ["Level:Error"])
    ]


def test_list_of_the_caller_is_not_changed_and_nothing_leaks_into_later_calls(run: Run) -> None:
    mine = [Dimension("Route", "x")]

    def calls(metrics: MetricCalls) -> None:
        metrics.request_ids = None
        metrics.add_counter("early", 1, dimensions=mine)
        metrics.request_ids = BATCH
        metrics.add_counter("late", 1, dimensions=mine)
        metrics.add_counter("last", 1)

    dimensions = [told.dimensions for told in run(BATCH, calls)]
    assert dimensions == [["Route:x", "Level:Error"], ["Route:x", *MODEL], MODEL]
    assert [str(dimension) for dimension in mine] == ["Route:x"]


def test_wrong_units_are_value_errors_and_emit_nothing(run: Run) -> None:
    def calls(metrics: MetricCalls) -> None:
        with pytest.raises(
            MetricsCacheValueError, match=r"Metric t: unit 'min', expected .* ms, s"
        ):
            metrics.add_time("t", 1, unit="min")
        with pytest.raises(ValueError, match=r"Metric s: unit 'TB', expected .* MB, kB, GB, B"):
            metrics.add_size("s", 1, unit="TB")

    assert run(BATCH, calls) == []


def test_old_store_adds_counters_up_and_replaces_the_rest() -> None:
    def calls(metrics: MetricCalls) -> None:
        for value in (1, 2):
            metrics.add_counter("c", value)
            metrics.add_time("t", value)
            metrics.add_counter("c", value, idx=0)

    told = run_store(BATCH, calls)
    assert [(t.name, t.request_ids, t.value) for t in told] == [
        ("c", "a,b", 3),
        ("t", "a,b", 2),
        ("c", "a", 3),
    ]


def test_cache_offers_every_call_of_the_store() -> None:
    def calls(cls: type) -> set[str]:
        return {n for n, _ in inspect.getmembers(cls, inspect.isfunction) if n.startswith("add_")}

    assert calls(MetricsCacheYamlImpl) - calls(MetricsStore) == {"add_metric_to_cache"}


def test_the_one_id_of_a_context_made_up_by_a_test_may_be_a_uuid() -> None:
    one = uuid.uuid4()
    told = run_store(one, lambda calls: (calls.add_counter("C", 1), calls.add_counter("D", 1, 0)))
    assert [t.request_ids for t in told] == [str(one), str(one)]

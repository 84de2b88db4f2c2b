"""The metrics cache: what handlers call, and the samples that come out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import ts.metrics
from ts.metrics._sample import MetricSample
from ts.metrics.caching_metric import CachingMetric
from ts.metrics.dimension import Dimension
from ts.metrics.metric_cache_errors import (
    MetricsCacheIOError,
    MetricsCacheKeyError,
    MetricsCachePyYamlError,
    MetricsCacheTypeError,
    MetricsCacheValueError,
)
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
from ts.metrics.metric_type_enum import MetricTypes

DEFAULT_CONFIG = Path(ts.metrics.__file__).parent.parent / "configs" / "metrics.yaml"


class Recorder:
    """A cache with its samples."""

    def __init__(self, config: Path | None = DEFAULT_CONFIG) -> None:
        self.samples: list[MetricSample] = []
        self.cache = MetricsCacheYamlImpl(config, emit=self.samples.append)
        self.cache.initialize_cache()
        self.cache.model_name = "digits"
        self.cache.set_request_ids({0: "a", 1: "b"})

    @property
    def last(self) -> MetricSample:
        return self.samples[-1]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_default_configuration_declares_the_handler_metrics(recorder: Recorder) -> None:
    metric = recorder.cache.get_metric("HandlerTime", MetricTypes.GAUGE)
    assert metric.dimension_names == ["ModelName", "Level"]
    assert metric.unit == "Milliseconds"
    assert list(recorder.cache.cache_keys()) == list(MetricTypes)


def test_time_is_a_gauge_of_all_requests_of_the_batch(recorder: Recorder) -> None:
    recorder.cache.add_time("HandlerTime", 1.5)
    sample = recorder.last
    assert sample.type == "gauge"
    assert (sample.name, sample.unit, sample.value) == ("HandlerTime", "Milliseconds", 1.5)
    assert sample.request_ids == "a,b"
    assert sample.dimensions == (("ModelName", "digits"), ("Level", "Model"))
    assert sample.time_ms > 1_600_000_000_000


def test_idx_selects_one_request(recorder: Recorder) -> None:
    recorder.cache.add_counter("Hits", 1, idx=1)
    assert recorder.last.request_ids == "b"


def test_while_loading_idx_is_allowed_although_there_is_one_id(recorder: Recorder) -> None:
    recorder.cache.set_request_ids("load-id")
    recorder.cache.add_counter("Loads", 1, idx=0)
    assert recorder.last.request_ids == "load-id"


def test_unknown_metric_takes_the_dimensions_of_its_first_use(recorder: Recorder) -> None:
    recorder.cache.add_counter("Hits", 2, dimensions=[Dimension("Route", "x")])
    assert recorder.last.dimensions == (
        ("Route", "x"),
        ("ModelName", "digits"),
        ("Level", "Model"),
    )
    assert recorder.cache.get_metric("Hits").dimension_names == ["Route", "ModelName", "Level"]


def test_dimensions_of_the_caller_are_not_changed_and_nothing_leaks(recorder: Recorder) -> None:
    mine = [Dimension("Route", "x")]
    recorder.cache.set_request_ids(None)
    recorder.cache.add_counter("Early", 1)
    recorder.cache.add_counter("Hits", 1, dimensions=mine)
    assert [str(d) for d in mine] == ["Route:x"]
    recorder.cache.set_request_ids({0: "a"})
    recorder.cache.add_counter("Late", 1)
    assert recorder.last.dimensions == (("ModelName", "digits"), ("Level", "Model"))


def test_without_a_request_id_the_level_is_error(recorder: Recorder) -> None:
    recorder.cache.set_request_ids(None)
    recorder.cache.add_percent("Early", 3)
    assert recorder.last.dimensions == (("Level", "Error"),)
    recorder.cache.add_time("HandlerTime", 3)  # declared with ModelName too
    assert recorder.last.dimensions == (("ModelName", "digits"), ("Level", "Error"))


def test_add_error_has_no_request_id(recorder: Recorder) -> None:
    recorder.cache.add_error("Oops", 1)
    assert recorder.last == MetricSample(
        "counter", "Oops", "unit", 1.0, recorder.last.time_ms, "", (("Level", "Error"),)
    )


def test_declared_order_wins_over_the_order_of_the_call(recorder: Recorder) -> None:
    recorder.cache.add_metric_to_cache("Hits", "count", ["Level", "B", "ModelName", "A"])
    recorder.cache.add_counter("Hits", 1, dimensions=[Dimension("A", "1"), Dimension("B", "2")])
    assert recorder.last.dimensions == (
        ("Level", "Model"),
        ("B", "2"),
        ("ModelName", "digits"),
        ("A", "1"),
    )


def test_dimensions_that_are_not_declared_are_left_out(recorder: Recorder) -> None:
    recorder.cache.add_metric_to_cache("Hits", "count", ["Route"])
    recorder.cache.add_counter("Hits", 1, dimensions=[Dimension("Route", "x")])
    assert recorder.last.dimensions == (("Route", "x"),)
    recorder.cache.add_metric_to_cache("Total", "count")
    recorder.cache.add_counter("Total", 1)
    assert recorder.last.dimensions == ()


def test_values_whose_names_differ_go_by_position_or_are_refused(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.cache.add_metric_to_cache("Hits", "count", ["Way", "Model", "Grade"])
    recorder.cache.add_counter("Hits", 1, dimensions=[Dimension("Route", "x")])
    assert recorder.last.dimensions == (("Way", "x"), ("Model", "digits"), ("Grade", "Model"))
    recorder.cache.add_counter("Hits", 1)
    assert len(recorder.samples) == 1
    assert "2 dimension values" in caplog.text


@pytest.mark.parametrize(
    ("unit", "long"),
    [("MB", "Megabytes"), ("kB", "Kilobytes"), ("GB", "Gigabytes"), ("B", "Bytes")],
)
def test_sizes(recorder: Recorder, unit: str, long: str) -> None:
    recorder.cache.add_size("Size" + unit, 1, unit=unit)
    assert recorder.last.unit == long


def test_wrong_units_are_value_errors(recorder: Recorder) -> None:
    with pytest.raises(MetricsCacheValueError, match="'hours', expected one of ms, s"):
        recorder.cache.add_time("T", 1, unit="hours")
    with pytest.raises(ValueError, match="'TB'"):
        recorder.cache.add_size("S", 1, unit="TB")


def test_any_unit_and_type(recorder: Recorder) -> None:
    recorder.cache.add_metric("Speed", 1e20, "tokens/s", metric_type=MetricTypes.HISTOGRAM)
    assert (recorder.last.unit, recorder.last.type, recorder.last.value) == (
        "tokens/s",
        "histogram",
        1e20,
    )


def test_both_names_of_the_argument_declare_a_metric(recorder: Recorder) -> None:
    first = recorder.cache.add_metric_to_cache(metric_name="a", unit="count")
    second = recorder.cache.add_metric_to_cache(name="b", unit="count", dimension_names=["x"])
    assert recorder.samples == []
    first.add_or_update(1)
    second.add_or_update(2, ["v"], "r")
    assert [s.name for s in recorder.samples] == ["a", "b"]
    assert recorder.last.dimensions == (("x", "v"),)
    assert recorder.last.request_ids == "r"


def test_declaring_with_wrong_types_is_refused(recorder: Recorder) -> None:
    with pytest.raises(MetricsCacheTypeError, match="non-empty string"):
        recorder.cache.add_metric_to_cache("", "ms")
    with pytest.raises(MetricsCacheTypeError, match="MetricTypes"):
        recorder.cache.add_metric_to_cache("a", "ms", metric_type="counter")  # type: ignore[arg-type]
    with pytest.raises(MetricsCacheTypeError, match="expected a list"):
        recorder.cache.add_metric_to_cache("a", "ms", "Level")


def test_undeclared_metric_is_a_key_error(recorder: Recorder) -> None:
    with pytest.raises(MetricsCacheKeyError, match="HandlerTime"):
        recorder.cache.get_metric("HandlerTime")  # it is a gauge


def test_wrong_updates_are_logged_without_the_metrics_prefix(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    metric = recorder.cache.add_metric_to_cache("Hits", "count", ["x"])
    metric.add_or_update(1, [])
    metric.add_or_update(-1, ["v"])
    metric.add_or_update("many", ["v"])  # type: ignore[arg-type]
    metric.add_or_update(float("nan"), ["v"])
    assert recorder.samples == []
    assert len(caplog.records) == 4
    assert all(r.levelno == logging.ERROR for r in caplog.records)
    assert not any("[METRICS]" in r.getMessage() for r in caplog.records)


def test_old_update_replaces_the_dimension_names(recorder: Recorder) -> None:
    metric = recorder.cache.add_metric_to_cache("Hits", "count", ["x"])
    metric.update(1, "r", [Dimension("y", "2")])
    assert recorder.last.dimensions == (("y", "2"),)
    assert metric.dimension_names == ["y"]


def test_without_emit_a_line_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    cache = MetricsCacheYamlImpl(None)
    cache.initialize_cache()
    cache.model_name = "m"
    cache.set_request_ids({0: "r0", 1: "r1"})
    with caplog.at_level(logging.INFO):
        cache.add_time("T", 2)
    message = caplog.records[-1].getMessage()
    assert message.startswith(
        "[METRICS]T.Milliseconds:2.0|#ModelName:m,Level:Model|#type:GAUGE|#hostname:"
    )
    assert message.endswith(",r0,r1")


def test_lone_caching_metric_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        CachingMetric("A", "count").add_or_update(1)
    assert "[METRICS]A.Count:1.0|#|#type:COUNTER|#hostname:" in caplog.text


def test_missing_and_broken_configurations_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(MetricsCacheIOError, match=r"missing\.yaml"):
        MetricsCacheYamlImpl(tmp_path / "missing.yaml").initialize_cache()
    broken = tmp_path / "broken.yaml"
    broken.write_text("model_metrics: [")
    with pytest.raises(MetricsCachePyYamlError, match=r"broken\.yaml"):
        MetricsCacheYamlImpl(broken).initialize_cache()
    broken.write_text("model_metrics: {gauge: [{unit: ms}]}")
    with pytest.raises(MetricsCacheTypeError, match="expected name, unit"):
        MetricsCacheYamlImpl(str(broken)).initialize_cache()
    broken.write_text("model_metrics: [1]")
    with pytest.raises(MetricsCacheTypeError, match="expected lists"):
        MetricsCacheYamlImpl(broken).initialize_cache()


def test_configuration_without_model_metrics_declares_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("ts_metrics: {}")
    cache = MetricsCacheYamlImpl(path)
    cache.initialize_cache()
    assert not any(cache.cache.values())
    assert "no section model_metrics" in caplog.text


def test_dimensions_that_are_no_list_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("model_metrics: {gauge: [{name: a, unit: ms, dimensions: Level}]}")
    with pytest.raises(MetricsCacheTypeError, match="expected name, unit and dimensions"):
        MetricsCacheYamlImpl(path).initialize_cache()


def test_both_names_of_the_argument_find_a_metric(recorder: Recorder) -> None:
    metric = recorder.cache.add_metric_to_cache("Hits", "count")
    assert recorder.cache.get_metric(metric_name="Hits") is metric
    assert recorder.cache.get_metric(name="Hits") is metric


def test_metric_without_dimensions_takes_none_for_them(recorder: Recorder) -> None:
    metric = recorder.cache.add_metric_to_cache("Hits", "count", ["x"])
    metric.update(1, "r", None)
    metric.add_or_update(2, None)
    assert [sample.dimensions for sample in recorder.samples] == [(), ()]

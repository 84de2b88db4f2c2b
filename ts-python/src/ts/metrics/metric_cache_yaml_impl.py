"""The metrics cache that handlers use as ``context.metrics``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ts.metrics._sample import Emit
from ts.metrics.caching_metric import CachingMetric
from ts.metrics.metric_cache_abstract import MetricCacheAbstract
from ts.metrics.metric_cache_errors import (
    MetricsCacheIOError,
    MetricsCacheKeyError,
    MetricsCachePyYamlError,
    MetricsCacheTypeError,
)
from ts.metrics.metric_type_enum import MetricTypes

logger = logging.getLogger(__name__)


class MetricsCacheYamlImpl(MetricCacheAbstract):
    """Holds the metrics declared in the metrics configuration and emits samples of them.

    A name that is not declared is created by its first use, with the dimensions of that use. One
    object serves one worker and is used on the thread of the handler.

    Args:
        config_file_path: The YAML file with a section ``model_metrics``; ``None`` declares nothing.
        emit: Called with each sample; without it samples are logged as ``[METRICS]`` lines.
    """

    def __init__(
        self, config_file_path: str | Path | None = None, emit: Emit | None = None
    ) -> None:
        super().__init__(config_file_path)
        self.cache: dict[MetricTypes, dict[str, CachingMetric]] = {t: {} for t in MetricTypes}
        self._emit = emit

    def initialize_cache(self) -> None:
        """Declare the metrics of the configuration file.

        Raises:
            MetricsCacheIOError: The file cannot be read.
            MetricsCachePyYamlError: The file is not YAML.
            MetricsCacheTypeError: ``model_metrics`` or an entry of it has the wrong form.
        """
        if self.config_file_path is None:
            return
        section = self._read_model_metrics(Path(self.config_file_path))
        for metric_type in MetricTypes:
            for entry in section.get(metric_type.value) or ():
                if not _is_declaration(entry):
                    raise MetricsCacheTypeError(
                        f"{self.config_file_path}: model_metrics.{metric_type.value} has the entry "
                        f"{entry!r}, expected name, unit and dimensions"
                    )
                self.add_metric_to_cache(
                    str(entry["name"]),
                    str(entry["unit"]),
                    [str(name) for name in entry.get("dimensions") or ()],
                    metric_type,
                )

    def add_metric_to_cache(
        self,
        metric_name: str | None = None,
        unit: str = "",
        dimension_names: Sequence[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
        *,
        name: str | None = None,
    ) -> CachingMetric:
        """Declare a metric, or replace one of the same name and type. Emits nothing.

        Args:
            metric_name: Name of the metric.
            unit: Short or long word for the unit.
            dimension_names: Names of all dimensions, in order.
            metric_type: Counter, gauge or histogram.
            name: Another spelling of `metric_name`.

        Raises:
            MetricsCacheTypeError: An argument has the wrong type.
        """
        full_name = metric_name if metric_name is not None else name
        if not isinstance(full_name, str) or not full_name:
            raise MetricsCacheTypeError(f"Metric name {full_name!r}, expected a non-empty string")
        if not isinstance(unit, str):
            raise MetricsCacheTypeError(f"Metric {full_name}: unit {unit!r}, expected a string")
        if not isinstance(metric_type, MetricTypes):
            raise MetricsCacheTypeError(
                f"Metric {full_name}: type {metric_type!r}, expected a member of MetricTypes"
            )
        if isinstance(dimension_names, str):
            raise MetricsCacheTypeError(
                f"Metric {full_name}: dimension names {dimension_names!r}, expected a list"
            )
        metric = CachingMetric(full_name, unit, dimension_names, metric_type, emit=self._emit)
        self.cache[metric_type][full_name] = metric
        return metric

    def get_metric(
        self,
        metric_name: str | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
        *,
        name: str | None = None,
    ) -> CachingMetric:
        """Return a declared metric. `name` is another spelling of `metric_name`.

        Raises:
            MetricsCacheKeyError: There is no metric of this name and type.
        """
        full_name = metric_name if metric_name is not None else name
        metric = self.cache.get(metric_type, {}).get(full_name or "")
        if metric is None:
            raise MetricsCacheKeyError(
                f"Metric {full_name!r} of type {getattr(metric_type, 'value', metric_type)} "
                "is not declared"
            )
        return metric

    def _read_model_metrics(self, path: Path) -> dict[str, Any]:
        from ts._yaml import YamlError, load_yaml

        try:
            config = load_yaml(path.read_bytes())
        except OSError as e:
            raise MetricsCacheIOError(f"Metrics configuration {path} cannot be read: {e}") from e
        except (YamlError, UnicodeDecodeError) as e:
            raise MetricsCachePyYamlError(
                f"Metrics configuration {path} is not valid YAML: {e}"
            ) from e
        section = config.get("model_metrics") if isinstance(config, dict) else None
        if section is None:
            logger.warning(
                "Metrics configuration %s has no section model_metrics: nothing declared", path
            )
            return {}
        if not isinstance(section, dict) or not all(
            isinstance(section.get(t.value) or [], list) for t in MetricTypes
        ):
            raise MetricsCacheTypeError(
                f"Metrics configuration {path}: model_metrics is {section!r}, "
                "expected lists under counter, gauge and histogram"
            )
        return section


def _is_declaration(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and bool(entry.get("name") and entry.get("unit"))
        and isinstance(entry.get("dimensions") or [], list)
    )

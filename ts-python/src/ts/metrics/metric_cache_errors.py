"""What can go wrong when metrics are declared, looked up or added.

Each is also an error of the standard library, so that ``except ValueError`` and the like work.
"""

from __future__ import annotations


class GeneralMetricsCacheError(Exception):
    """Base of all errors of the metrics cache; `message` says what is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class MetricsCacheTypeError(GeneralMetricsCacheError, TypeError):
    """An argument or a part of the metrics configuration has the wrong type."""


class MetricsCacheValueError(GeneralMetricsCacheError, ValueError):
    """An argument has the right type but a value that is not allowed."""


class MetricsCacheKeyError(GeneralMetricsCacheError, KeyError):
    """A metric, or a key of the metrics configuration, does not exist."""

    # KeyError shows the repr of its argument, which reads badly in logs.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class MetricsCacheIOError(GeneralMetricsCacheError, OSError):
    """The metrics configuration cannot be read."""


class MetricsCachePyYamlError(GeneralMetricsCacheError):
    """The metrics configuration is not valid YAML."""

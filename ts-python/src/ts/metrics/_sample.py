"""One metric sample, as it leaves the metrics cache.

This module imports nothing but the standard library: the worker's protocol code uses it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class MetricSample:
    """A value a handler emitted.

    Attributes:
        type: ``counter``, ``gauge`` or ``histogram``.
        name: Name of the metric.
        unit: Long form of the unit, such as ``Milliseconds``.
        value: The step of a counter, else the value itself.
        time_ms: Wall clock, milliseconds since the epoch.
        request_ids: Request ids joined by commas, or ``""``.
        dimensions: Pairs of dimension name and value, in the metric's declared order.
    """

    type: str
    name: str
    unit: str
    value: float
    time_ms: int
    request_ids: str
    dimensions: tuple[tuple[str, str], ...]


Emit: TypeAlias = Callable[[MetricSample], None]
"""Takes one sample. Called on the thread that runs the handler; must not block."""

"""Statistics of measurements: medians with their range, ratios, percentiles."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = "-"


@dataclass(frozen=True)
class Summary:
    """What several measurements of one thing say."""

    median: float
    low: float
    high: float
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """Summarise measurements.

        Raises:
            ValueError: There are none.
        """
        if not values:
            raise ValueError("no measurements, expected at least one")
        return cls(statistics.median(values), min(values), max(values), tuple(values))


def ratio(ours: float, theirs: float, lower_is_better: bool = False) -> float:
    """Return how many times better `ours` is; below 1 it is worse. NaN if that means nothing."""
    above, below = (theirs, ours) if lower_is_better else (ours, theirs)
    if not below or not math.isfinite(below) or not math.isfinite(above):
        return math.nan
    return above / below


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie, by nearest rank; NaN if none."""
    if not 0 < share <= 1:
        raise ValueError(f"share {share}, expected above 0 and at most 1")
    if not values:
        return math.nan
    return sorted(values)[math.ceil(share * len(values)) - 1]


def shown(value: float) -> str:
    """Return a number with three digits that matter, and thousands parted."""
    if not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1000:
        step = 10 ** (math.floor(math.log10(abs(value))) - 2)
        return f"{round(value / step) * step:,.0f}"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"

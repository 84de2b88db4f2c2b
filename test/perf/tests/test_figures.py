"""Medians, ratios, percentiles, and how numbers are shown."""

from __future__ import annotations

import math

import pytest
from perf.figures import NOTHING, Summary, percentile, ratio, shown


def test_a_summary_is_the_median_with_the_range() -> None:
    summary = Summary.of([3.0, 1.0, 10.0])
    assert (summary.median, summary.low, summary.high) == (3, 1, 10)
    assert summary.values == (3, 1, 10)
    assert Summary.of([1.0, 2.0]).median == 1.5


def test_no_measurement_is_no_summary() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Summary.of([])


def test_a_ratio_above_one_is_better_whatever_the_metric() -> None:
    assert ratio(30, 10) == 3
    assert ratio(10, 30, lower_is_better=True) == 3
    assert ratio(30, 10, lower_is_better=True) == pytest.approx(1 / 3)


@pytest.mark.parametrize("pair", [(1, 0), (math.nan, 1), (1, math.inf)])
def test_a_ratio_without_meaning_is_not_a_number(pair: tuple[float, float]) -> None:
    assert math.isnan(ratio(*pair))


def test_percentiles_are_by_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1) == 100
    assert percentile([7.0], 0.01) == 7
    assert math.isnan(percentile([], 0.5))
    with pytest.raises(ValueError, match="share 0"):
        percentile(values, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (999.4, "999"),
        (1234.0, "1,230"),
        (75_678.0, "75,700"),
        (math.nan, NOTHING),
    ],
)
def test_numbers_are_shown_with_three_digits(value: float, text: str) -> None:
    assert shown(value) == text

"""What the figures should be, as ratios inside one run, and whether they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perf import lifecycle, resting, warming
from perf.bench import Result
from perf.cases import CHUNK_RATE, CPU, FIRST_CHUNK, JVM_CPU, P50, P99, RATE, Metric
from perf.figures import ratio
from perf.systems import BARE, MOSEC, OURS, TORCHSERVE

IMPORT_EXTRA_SEC = 1.0
KILL_MAX_SEC = 0.3
SCALE_MAX_SEC = 0.5
IDLE_MAX_PERCENT = 0.2
PACED_MAX_JVM_MICROS = 150
FIRST_MAX = 1.5


@dataclass(frozen=True)
class Target:
    """How many times better than another system ours should be at least."""

    workload: str
    case: str
    metric: Metric
    other: str
    least: float


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured."""

    text: str
    wanted: str
    measured: str
    met: bool


# Of CPU time the share of Mosec's that ours may take: 0.8 is 1.25 times better.
TARGETS = (
    Target("noop", "1 connection", CPU, MOSEC, 1 / 0.8),
    Target("noop", "8 connections", CPU, MOSEC, 1 / 0.5),
    Target("noop", "64 connections", CPU, MOSEC, 1 / 0.33),
    Target("noop", "1 connection", RATE, MOSEC, 1),
    Target("noop", "1 connection", P99, MOSEC, 1),
    Target("images1", "8 connections", CPU, MOSEC, 1 / 0.9),
    Target("images8", "64 connections", CPU, MOSEC, 1 / 0.9),
    Target("images1", "8 connections", CPU, BARE, 1 / 1.1),
    Target("imageclassifier1", "8 connections", CPU, BARE, 1 / 1.1),
    Target("images1", "8 connections", RATE, MOSEC, 1.1),
    Target("images8", "64 connections", RATE, MOSEC, 1.1),
    Target("images1", "8 connections", RATE, TORCHSERVE, 1.6),
    Target("images8", "64 connections", RATE, TORCHSERVE, 1.2),
    Target("bodies", "1 MB in and out, 4 connections", RATE, MOSEC, 1.5),
    Target("stream", "100 chunks, 1 connection", CHUNK_RATE, TORCHSERVE, 4),
    Target("stream", "100 chunks, 8 connections", CHUNK_RATE, TORCHSERVE, 4),
    Target("stream", "100 chunks, 1 connection", FIRST_CHUNK, TORCHSERVE, 10),
    Target("stream", "100 chunks, 8 connections", FIRST_CHUNK, TORCHSERVE, 10),
    Target("paced", "100 requests a second", P50, MOSEC, 1),
    Target("paced", "100 requests a second", P99, MOSEC, 1),
    *(
        Target(life.name, "", metric, TORCHSERVE, least)
        for life in lifecycle.LIVES
        for metric, least in (
            (lifecycle.SCALE, 10),
            (lifecycle.KILL, 15),
            (lifecycle.SERVER_PSS, 3),
        )
    ),
)


def verdicts(results: Sequence[Result]) -> list[Verdict]:
    """Return a verdict for each target whose figures were measured."""
    medians = {
        (each.workload, each.case, each.metric, each.system): each.summary.median
        for each in results
    }

    def median(workload: str, case: str, metric: Metric, system: str) -> float:
        exact = medians.get((workload, case, metric, system))
        return medians.get((workload, "", metric, system), math.nan) if exact is None else exact

    found = []
    for target in TARGETS:
        key = (target.workload, target.case, target.metric)
        value = ratio(median(*key, OURS), median(*key, target.other), target.metric.lower_is_better)
        if not math.isnan(value):
            text = ", ".join(filter(None, (target.workload, target.case, target.metric.name)))
            found.append(
                Verdict(
                    f"{text}: against {target.other}",
                    f"{target.least:.3g} x",
                    f"{value:.2f} x",
                    value >= target.least,
                )
            )
    return found + _absolute(median)


def _absolute(median: Callable[[str, str, Metric, str], float]) -> list[Verdict]:
    """Return the verdicts on targets that are no ratios of ours to another system."""
    at_8, at_64 = (median(f"digits{size}", "64 connections", RATE, OURS) for size in (8, 1))
    found = []
    if not math.isnan(at_8 / at_64):
        text = "digits, 64 connections: batch size 8 against 1"
        found.append(Verdict(text, "1 x", f"{at_8 / at_64:.2f} x", at_8 >= at_64))
    first, settled = (
        median(warming.NAME, "", metric, OURS) for metric in (warming.FIRST, warming.SETTLED)
    )
    if not math.isnan(first / settled):
        text = "noop, 8 connections, CPU a request: the first 10 s against the end state, at most"
        share = first / settled
        found.append(Verdict(text, f"{FIRST_MAX} x", f"{share:.2f} x", share <= FIRST_MAX))
    limits = [
        (resting.NAME, "", resting.IDLE_CPU, IDLE_MAX_PERCENT, "%"),
        ("paced", "100 requests a second", JVM_CPU, PACED_MAX_JVM_MICROS, "µs"),
    ]
    for life in lifecycle.LIVES:
        imports = median(life.name, "", lifecycle.START, lifecycle.IMPORTS)
        limits += [
            (life.name, "", lifecycle.START, imports + IMPORT_EXTRA_SEC, "s"),
            (life.name, "", lifecycle.SCALE, SCALE_MAX_SEC, "s"),
            (life.name, "", lifecycle.KILL, KILL_MAX_SEC, "s"),
        ]
    for workload, case, metric, limit, unit in limits:
        value = median(workload, case, metric, OURS)
        if not math.isnan(value + limit):
            wanted, measured = f"{limit:.3g} {unit}", f"{value:.3g} {unit}"
            text = f"{workload}, {metric.name}: at most"
            found.append(Verdict(text, wanted, measured, value <= limit))
    return found

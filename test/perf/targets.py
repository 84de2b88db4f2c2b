"""What the figures should be, as ratios inside one run, and whether they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perf import lifecycle
from perf.bench import PLAIN, Result
from perf.figures import ratio
from perf.systems import BARE, OURS
from perf.workloads import CHUNK_RATE, FIRST_CHUNK, RATE, Metric

MOSEC, TORCHSERVE = "Mosec", "TorchServe 0.12"
IMPORT_EXTRA_SEC = 1.5


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


def _noop(case: str, mosec: float, torchserve: float) -> list[Target]:
    return [
        Target("noop", case, RATE, MOSEC, mosec),
        Target("noop", case, RATE, TORCHSERVE, torchserve),
    ]


TARGETS = (
    *_noop("1 connection", 1.5, 6),
    *_noop("8 connections", 2.5, 15),
    *_noop("64 connections", 4, 30),
    Target("digits1", "8 connections", RATE, BARE, 0.85),
    Target("digits1", "8 connections", RATE, MOSEC, 1.3),
    Target("digits1", "8 connections", RATE, TORCHSERVE, 3),
    Target("digits8", "64 connections", RATE, PLAIN, 0.9),
    Target("bodies", "1 MB in and out, 4 connections", RATE, MOSEC, 1.5),
    Target("stream", "100 chunks, 1 connection", CHUNK_RATE, TORCHSERVE, 4),
    Target("stream", "100 chunks, 1 connection", FIRST_CHUNK, TORCHSERVE, 10),
    Target(lifecycle.NAME, "", lifecycle.SCALE, TORCHSERVE, 10),
    Target(lifecycle.NAME, "", lifecycle.KILL, TORCHSERVE, 15),
    Target(lifecycle.NAME, "", lifecycle.PYTHON_PSS, TORCHSERVE, 3),
)
KILL_MAX_SEC = 0.3


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
                    f"{target.least:g} x",
                    f"{value:.2f} x",
                    value >= target.least,
                )
            )
    return found + _absolute(median)


def _absolute(median: Callable[[str, str, Metric, str], float]) -> list[Verdict]:
    """Return the verdicts on targets that are no ratios of ours to another system."""
    found = []
    at_8, at_64 = (median(f"digits{size}", "64 connections", RATE, OURS) for size in (8, 1))
    if not math.isnan(at_8 / at_64):
        text = "digits, 64 connections: batch size 8 against 1"
        found.append(Verdict(text, "1 x", f"{at_8 / at_64:.2f} x", at_8 >= at_64))
    start = median(lifecycle.NAME, "", lifecycle.START, OURS)
    limit = median(lifecycle.NAME, "", lifecycle.START, lifecycle.IMPORT_TORCH) + IMPORT_EXTRA_SEC
    if not math.isnan(start + limit):
        text = f"start to first answer: import torch and {IMPORT_EXTRA_SEC:g} s"
        found.append(Verdict(text, f"{limit:.2f} s", f"{start:.2f} s", start <= limit))
    kill = median(lifecycle.NAME, "", lifecycle.KILL, OURS)
    if not math.isnan(kill):
        text = "kill -9 to next answer"
        found.append(Verdict(text, f"{KILL_MAX_SEC} s", f"{kill:.3f} s", kill <= KILL_MAX_SEC))
    return found

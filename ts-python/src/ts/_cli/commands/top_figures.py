"""What `torchserve top` shows: figures of each model version between two looks at its metrics."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}

Labels = frozenset[tuple[str, str]]
Samples = Mapping[str, Mapping[Labels, float]]
"""Values by name and labels."""

WANTED = (
    "ts_requests_total",
    "ts_request_latency_seconds_bucket",
    "ts_queue_length",
    "ts_ready_workers",
    "ts_min_workers",
    "ts_worker_restarts_total",
)


def read_samples(page: str) -> Samples:
    """Read a page in the text format of Prometheus; lines of another form are left out."""
    samples: dict[str, dict[Labels, float]] = {}
    for line in page.splitlines():
        found = _SAMPLE.match(line)
        if found is None or found[1] not in WANTED:
            continue
        labels = frozenset(
            (name, _unescaped(text)) for name, text in _LABEL.findall(found[2] or "")
        )
        try:
            samples.setdefault(found[1], {})[labels] = float(found[3])
        except ValueError:
            continue
    return samples


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), text)


@dataclass(frozen=True, slots=True)
class Figures:
    """One model version.

    Attributes:
        rate: Requests that ended per second.
        errors: Of those, per second, with an error of the server or the client.
        p50: Latency of successful requests, in seconds; None if there was none.
        p99: As `p50`, for 99 of 100.
        queue: Requests that wait.
        ready: Workers that are ready.
        wanted: Workers that there should be.
        restarts: Workers started again since the server started.
    """

    model: str
    version: str
    rate: float
    errors: float
    p50: float | None
    p99: float | None
    queue: int
    ready: int
    wanted: int
    restarts: int

    def as_json(self, state: str) -> dict[str, Any]:
        """Return the figures for programs."""
        return {
            "model": self.model,
            "version": self.version,
            "state": state or None,
            "requestsPerSecond": round(self.rate, 3),
            "errorsPerSecond": round(self.errors, 3),
            "p50Seconds": self.p50,
            "p99Seconds": self.p99,
            "queue": self.queue,
            "readyWorkers": self.ready,
            "minWorkers": self.wanted,
            "restarts": self.restarts,
        }


def figures(before: Samples, now: Samples, seconds: float) -> list[Figures]:
    """Return the figures of all versions between two looks, busiest first."""
    versions = {
        (dict(labels).get("model_name", ""), dict(labels).get("model_version", ""))
        for labels in now.get("ts_queue_length", {})
    }
    found = [_figures(model, version, before, now, seconds) for model, version in versions]
    return sorted(found, key=lambda each: (-each.rate, each.model, each.version))


def _figures(model: str, version: str, before: Samples, now: Samples, seconds: float) -> Figures:
    def total(samples: Samples, name: str, outcomes: Sequence[str] = ()) -> float:
        return sum(
            value
            for labels, value in samples.get(name, {}).items()
            if _is_of(labels, model, version)
            and (not outcomes or dict(labels).get("outcome") in outcomes)
        )

    def rate(outcomes: Sequence[str] = ()) -> float:
        name = "ts_requests_total"
        return max(0.0, total(now, name, outcomes) - total(before, name, outcomes)) / seconds

    buckets = _buckets(model, version, before, now)
    return Figures(
        model,
        version,
        rate(),
        rate(("server_error", "client_error")),
        quantile(buckets, 0.5),
        quantile(buckets, 0.99),
        int(total(now, "ts_queue_length")),
        int(total(now, "ts_ready_workers")),
        int(total(now, "ts_min_workers")),
        int(total(now, "ts_worker_restarts_total")),
    )


def _is_of(labels: Labels, model: str, version: str) -> bool:
    return ("model_name", model) in labels and ("model_version", version) in labels


def _buckets(model: str, version: str, before: Samples, now: Samples) -> list[tuple[float, float]]:
    """Return how many requests took at most how long, between two looks."""
    name = "ts_request_latency_seconds_bucket"
    counts: dict[float, float] = {}
    for sign, samples in ((1, now), (-1, before)):
        for labels, value in samples.get(name, {}).items():
            if _is_of(labels, model, version):
                bound = float(dict(labels).get("le", "nan"))
                counts[bound] = counts.get(bound, 0.0) + sign * value
    return sorted((bound, count) for bound, count in counts.items() if not math.isnan(bound))


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """Return a quantile of a histogram, as Prometheus reckons it; None if it is empty."""
    if not buckets or buckets[-1][1] <= 0:
        return None
    rank = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if math.isinf(bound):
                return lower
            inside = count - below
            return lower + (bound - lower) * ((rank - below) / inside if inside > 0 else 1.0)
        lower, below = bound, count
    return lower

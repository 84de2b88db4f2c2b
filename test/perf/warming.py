"""The first seconds of a server's load beside the ones after it has come to speed."""

from __future__ import annotations

from perf import wrk
from perf.archive import body_of
from perf.bench import Bench, started
from perf.cases import Metric
from perf.deployment import Deployment, System
from perf.systems import MOSEC, OURS, TORCHSERVE

NAME = "warming"
TITLE = "The first seconds: a handler that does nothing, 8 connections, from a fresh start"
FIRST_SEC = 10
SETTLED_AFTER_SEC = 25
CONNECTIONS = 8
DEPLOYMENT = Deployment("noop")
# Those whose rates the targets name; each of them takes two minutes.
SYSTEMS = (OURS, MOSEC, TORCHSERVE)

FIRST = Metric(f"CPU µs a request, all processes, first {FIRST_SEC} s", lower_is_better=True)
SETTLED = Metric(
    f"CPU µs a request, all processes, after {SETTLED_AFTER_SEC} s", lower_is_better=True
)


def measure(bench: Bench) -> None:
    """Start each system anew in every round, load it, and add what came of it to the results."""
    systems = [each for each in bench.systems if each.name in SYSTEMS]
    bench.measure_anew(NAME, TITLE, systems, lambda system: _load(bench, system))


def _load(bench: Bench, system: System) -> dict[Metric, float]:
    """Return the CPU time for a request in the first seconds of load, and later."""
    target = started(system, DEPLOYMENT, body_of(DEPLOYMENT.work, bench.paths.repository))

    def cpu_micros(seconds: int) -> float:
        used = system.cpu_sec()
        load = wrk.run([target], CONNECTIONS, seconds, bench.paths.scratch)
        return (system.cpu_sec() - used) / load.requests * 1e6

    first = cpu_micros(FIRST_SEC)
    cpu_micros(SETTLED_AFTER_SEC - FIRST_SEC)
    return {FIRST: first, SETTLED: cpu_micros(FIRST_SEC)}

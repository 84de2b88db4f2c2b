"""Servers without requests: what they cost long after their last one.

They rest while others are measured, as ten minutes of nothing else would be long.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from perf import wrk
from perf.archive import body_of
from perf.bench import FAILURES, Bench, Result, started
from perf.cases import Metric
from perf.deployment import Deployment, System
from perf.figures import Summary

NAME = "idle"
TITLE = "A server with four workers, ten minutes or more after the last request"
REST_SEC = 600
LOAD_SEC = 5
CONNECTIONS = 8
MEASURED_SEC = 20
DEPLOYMENT = Deployment("noop", workers=4)

IDLE_CPU = Metric("% of a core, no requests", lower_is_better=True)


class Resting:
    """Servers that have had requests, and get none any more.

    Args:
        bench: Takes the results.
        systems: None of those that `bench` starts; those that serve several workers are taken.
    """

    def __init__(self, bench: Bench, systems: Sequence[System]) -> None:
        self._bench = bench
        self._systems = [each for each in systems if each.refusal(DEPLOYMENT) is None]
        self._since = 0.0

    def begin(self) -> None:
        """Start the servers, and load each for a moment."""
        for system in list(self._systems):
            try:
                body = body_of(DEPLOYMENT.work, self._bench.paths.repository)
                target = started(system, DEPLOYMENT, body)
                wrk.run([target], CONNECTIONS, LOAD_SEC, self._bench.paths.scratch)
            except FAILURES as e:
                self._bench.fail(NAME, system, e)
                self._systems.remove(system)
                system.stop()
        self._since = time.monotonic()

    def measure(self) -> None:
        """Measure all of them at the same time, once they have rested for long enough."""
        self._bench.say(f"\n{TITLE} [{NAME}]")
        time.sleep(max(0.0, self._since + REST_SEC - time.monotonic()))
        shares: dict[str, list[float]] = {system.name: [] for system in self._systems}
        for _ in range(self._bench.options.rounds):
            began = time.monotonic()
            before = [system.cpu_sec() for system in self._systems]
            time.sleep(MEASURED_SEC)
            for system, used in zip(self._systems, before, strict=True):
                share = (system.cpu_sec() - used) / (time.monotonic() - began)
                shares[system.name].append(100 * share)
        for name, values in shares.items():
            summary = Summary.of(values)
            self._bench.results.append(Result(NAME, TITLE, "", IDLE_CPU, name, summary))
            self._bench.say(f"  {name}: {summary.median:,.4g} {IDLE_CPU.name}")

    def stop(self) -> None:
        """End the servers."""
        for system in self._systems:
            system.stop()

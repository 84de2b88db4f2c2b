"""Which servers rest, when they are measured, and what becomes of one that fails."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from perf import resting, wrk
from perf.bench import Bench, Options
from perf.deployment import Paths
from perf.resting import IDLE_CPU, Resting
from perf.systems import BARE, MOSEC, OURS

from .test_bench import FakeSystem


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept each time. A second passes at each look at the clock."""
    pauses: list[float] = []
    clock = iter(range(1000))
    monkeypatch.setattr("perf.bench.wait_for_answer", lambda *_: None)
    monkeypatch.setattr(resting, "body_of", lambda *_: b"x")
    monkeypatch.setattr(wrk, "run", lambda *_: None)
    time = SimpleNamespace(sleep=pauses.append, monotonic=lambda: float(next(clock)))
    monkeypatch.setattr("perf.resting.time", time)
    return pauses


def bench_of(folder: Path) -> Bench:
    return Bench(Paths(folder, folder, folder, folder), [], Options(1, 2), lambda _: None)


def test_servers_are_measured_together_after_their_rest(
    waited: list[float], tmp_path: Path
) -> None:
    bench = bench_of(tmp_path)
    systems = [FakeSystem(OURS, 11), FakeSystem(MOSEC, 12), FakeSystem(BARE, 13, "one worker")]
    rests = Resting(bench, systems)
    rests.begin()
    assert [system.runs for system in systems] == [True, True, False]
    rests.measure()
    assert waited == [resting.REST_SEC - 1, resting.MEASURED_SEC, resting.MEASURED_SEC]
    # Half a second of CPU time in one second by the clock, in one and two with the second server.
    found = {each.system: each.summary.values for each in bench.results}
    assert found == {OURS: (50, 50), MOSEC: (25, 25)}
    assert {each.metric for each in bench.results} == {IDLE_CPU}
    rests.stop()
    assert not any(system.runs for system in systems)


def test_a_server_that_does_not_start_leaves_the_other_its_figure(
    waited: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(tmp_path)
    systems = [FakeSystem(OURS, 11), FakeSystem(MOSEC, 12)]

    def fail(_: object) -> None:
        raise TimeoutError("no answer")

    monkeypatch.setattr(systems[1], "start", fail)
    rests = Resting(bench, systems)
    rests.begin()
    rests.measure()
    assert {each.system for each in bench.results} == {OURS}
    assert [(each.workload, each.system) for each in bench.failures] == [(resting.NAME, MOSEC)]
    rests.stop()

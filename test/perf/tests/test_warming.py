"""The first seconds beside later ones."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from perf import warming, wrk
from perf.bench import Bench, Options
from perf.deployment import Paths
from perf.systems import MOSEC, OURS, PEERS, TORCHSERVE
from perf.warming import FIRST, SETTLED

from .test_bench import FakeSystem


def test_each_server_is_loaded_from_a_fresh_start_and_for_as_long_as_it_takes_to_settle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[tuple[int, int]] = []

    def load(targets: list[object], _: int, seconds: int, __: Path) -> SimpleNamespace:
        loads.append((len(targets), seconds))
        # Fewer of them at first: each load takes half a second of CPU time.
        return SimpleNamespace(requests=1000 if len(loads) % 3 == 1 else 5000)

    monkeypatch.setattr("perf.bench.wait_for_answer", lambda *_: None)
    monkeypatch.setattr(warming, "body_of", lambda *_: b"x")
    monkeypatch.setattr(wrk, "run", load)
    systems = [FakeSystem(name, 11) for name in (OURS, *PEERS)]
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    bench = Bench(paths, systems, Options(1, 2), lambda _: None)
    warming.measure(bench)
    found = {(each.system, each.metric): each.summary.values for each in bench.results}
    assert found.keys() == {(s, m) for s in (OURS, MOSEC, TORCHSERVE) for m in (FIRST, SETTLED)}
    assert {values for (_, metric), values in found.items() if metric == FIRST} == {(500, 500)}
    assert {values for (_, metric), values in found.items() if metric == SETTLED} == {(100, 100)}
    assert loads == [(1, 10), (1, 15), (1, 10)] * 6
    assert not any(system.runs for system in systems)

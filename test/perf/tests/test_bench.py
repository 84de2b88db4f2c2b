"""The order of a run, and what becomes of systems that fail."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from perf import bench as bench_module
from perf import plain_loop
from perf.bench import PLAIN, Bench, Measured, Options
from perf.cases import CPU, JVM_CPU, P50, P99, PROCESSES, PSS, RATE, Case, Metric, Sample
from perf.clients import Target, WrongAnswer
from perf.deployment import Deployment, Paths
from perf.plain_loop import PlainLoop
from perf.workloads import Workload


class FakeSystem:
    """Remembers what is done to it."""

    def __init__(self, name: str, port: int, refuses: str | None = None) -> None:
        self.name = name
        self._port = port
        self._refuses = refuses
        self._cpu_sec = 0.0
        self.runs = False

    def refusal(self, deployment: Deployment) -> str | None:
        return self._refuses

    def start(self, deployment: Deployment) -> None:
        self.runs = True

    def url(self, model: int = 0) -> str:
        return f"http://127.0.0.1:{self._port}/predictions/m{model}"

    def worker_pids(self) -> list[int]:
        return []

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process()] * 3

    def cpu_sec(self) -> float:
        self._cpu_sec += 0.5
        return self._cpu_sec

    def frontend_cpu_sec(self) -> float:
        return math.nan

    def has_ended(self) -> bool:
        return not self.runs

    def output(self) -> str:
        return "its output"

    def stop(self) -> None:
        self.runs = False


class FakeCase:
    """Measures its port, and a wrong answer at port 13."""

    label = "8 connections"
    body: bytes | None = None
    metrics: tuple[Metric, ...] = (RATE,)

    def __init__(self, steps: list[tuple[str, int]]) -> None:
        self._steps = steps

    def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
        self._steps.append(("warm up", targets[0].port))

    def measure(self, targets: Sequence[Target], seconds: int, scratch: Path) -> Sample:
        self._steps.append(("measure", targets[0].port))
        return Sample((float(targets[0].port),), errors=1, requests=1000)


class FakeWorkload(Workload):
    name = "fake"
    title = "Fake"
    deployment = Deployment("noop")

    def __init__(self, steps: list[tuple[str, int]]) -> None:
        self._steps = steps

    def cases(self) -> list[Case]:
        return [FakeCase(self._steps)]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is done, in order; servers and the plain loop are left out."""
    done: list[tuple[str, int]] = []

    def validate(target: Target, expected: bytes | None) -> None:
        assert expected == b"ok"
        done.append(("check", target.port))
        if target.port == 13 and ("measure", 13) in done:
            raise WrongAnswer("no")

    monkeypatch.setattr(bench_module, "validate", validate)
    monkeypatch.setattr(bench_module, "wait_for_answer", lambda *_: None)
    monkeypatch.setattr(plain_loop, "measure", lambda *_: PlainLoop(1, b"ok"))
    return done


def test_systems_are_checked_warmed_and_measured_in_turns(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    systems = [FakeSystem("one", 11), FakeSystem("two", 12), FakeSystem("three", 14, "it cannot")]
    said: list[str] = []
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    run = Bench(paths, systems, Options(1, 3), said.append)
    run.run(FakeWorkload(steps))
    kinds = [kind for kind, _ in steps]
    assert kinds == ["check"] * 2 + ["warm up"] * 2 + ["measure"] * 6 + ["check"] * 2
    for index in range(0, len(steps), 2):
        assert {port for _, port in steps[index : index + 2]} == {11, 12}
    rates = [each for each in run.results if each.metric == RATE]
    found = {each.system: (each.summary.median, each.errors) for each in rates}
    assert found == {"one": (11, 3), "two": (12, 3)}
    cpu = {each.system: each.summary.median for each in run.results if each.metric == CPU}
    assert cpu == {"one": 500, "two": 500}
    assert run.results[0].metric == CPU
    assert not any(system.runs for system in systems)
    assert any("three: left out, it cannot" in line for line in said)


def test_a_system_that_answers_wrongly_gets_no_figure_and_does_not_stop_the_run(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    systems = [FakeSystem("wrong", 13), FakeSystem("right", 11)]
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    run = Bench(paths, systems, Options(1, 1), lambda _: None)
    run.run(FakeWorkload(steps))
    assert {each.system for each in run.results} == {"right"}
    assert [(each.system, each.reason) for each in run.failures] == [("wrong", "WrongAnswer: no")]


def test_a_workload_of_some_systems_leaves_the_others_alone(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    run = Bench(
        paths, [FakeSystem("one", 11), FakeSystem("two", 12)], Options(1, 1), lambda _: None
    )
    workload = FakeWorkload(steps)
    workload.systems, workload.rounds = ("two",), 3
    run.run(workload)
    assert {port for _, port in steps} == {12}
    assert [kind for kind, _ in steps].count("measure") == 3


@pytest.mark.parametrize(("work", "is_limit"), [("imageclassifier", True), ("noop", False)])
def test_what_a_plain_loop_can_do_is_a_figure_where_a_model_is_asked(
    steps: list[tuple[str, int]], tmp_path: Path, work: str, is_limit: bool
) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    run = Bench(paths, [FakeSystem("one", 11)], Options(1, 1), lambda _: None)
    workload = FakeWorkload(steps)
    workload.deployment = Deployment(work)
    run.run(workload)
    assert any(each.system == PLAIN for each in run.results) == is_limit


def run_together(case: Case, steps: list[tuple[str, int]], tmp_path: Path) -> Bench:
    """Run a workload of one case, whose two servers warm up together."""

    class TogetherWorkload(FakeWorkload):
        warms_together = True

        def cases(self) -> list[Case]:
            return [case]

    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    run = Bench(paths, [FakeSystem("one", 11), FakeSystem("two", 12)], Options(1, 1), print)
    run.run(TogetherWorkload(steps))
    return run


def test_servers_that_warm_up_together_are_loaded_at_the_same_time_and_measured_in_turns(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    both = threading.Barrier(2)

    class MeetingCase(FakeCase):
        def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
            assert seconds == FakeWorkload.settle_sec
            both.wait(60)
            super().warm_up(targets, seconds, scratch)

    run = run_together(MeetingCase(steps), steps, tmp_path)
    kinds = [kind for kind, _ in steps]
    assert kinds == ["check"] * 2 + ["warm up"] * 2 + ["measure"] * 2 + ["check"] * 2
    assert run.failures == []


def test_a_server_that_fails_to_warm_up_beside_others_gets_no_figure(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    class FailingCase(FakeCase):
        def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
            if targets[0].port == 12:
                raise TimeoutError("no answer")

    run = run_together(FailingCase(steps), steps, tmp_path)
    assert {each.system for each in run.results} == {"one"}
    assert [each.system for each in run.failures] == ["two"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/PID/smaps_rollup")
def test_the_memory_and_the_processes_of_a_server_are_measured_once_after_its_last_case(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    run = Bench(paths, [FakeSystem("one", 11)], Options(1, 2), lambda _: None)
    workload = FakeWorkload(steps)
    workload.weighs = True
    run.run(workload)
    *_, memory, processes = run.results
    assert (memory.metric, processes.metric) == (PSS, PROCESSES)
    assert processes.summary.values == (3,)
    (megabytes,) = memory.summary.values
    assert megabytes > 3


def test_the_share_of_the_java_process_is_measured_where_there_is_one() -> None:
    sample = Sample((1.0, 2.0), requests=1000)
    with_java = Measured(sample, 0.5, 0.1).values((JVM_CPU, P50, P99))
    assert with_java == {CPU: 500, JVM_CPU: 100, P50: 1, P99: 2}
    without = Measured(sample, 0.5, math.nan).values((JVM_CPU, P50, P99))
    assert JVM_CPU not in without


def test_a_system_that_is_started_anew_is_stopped_and_one_that_fails_has_no_figure(
    tmp_path: Path,
) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    systems = [FakeSystem("good", 11), FakeSystem("bad", 12)]
    run = Bench(paths, systems, Options(1, 2), lambda _: None)
    rounds: list[str] = []

    def measure(system: FakeSystem) -> dict[Metric, float]:
        system.runs = True
        rounds.append(system.name)
        if system.name == "bad":
            raise TimeoutError("no answer")
        return {RATE: float(len(rounds))}

    run.measure_anew("anew", "Anew", systems, measure, lambda: rounds.append("round"))
    assert rounds == ["round", "good", "bad"] * 2
    assert not any(system.runs for system in systems)
    (result,) = run.results
    assert (result.system, result.summary.low, result.summary.high) == ("good", 2, 5)
    assert [(each.system, each.reason) for each in run.failures] == [
        ("bad", "TimeoutError: no answer")
    ] * 2

"""Runs workloads: all systems side by side, in turns, every answer checked."""

from __future__ import annotations

import math
import random
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from perf import plain_loop
from perf.archive import body_of
from perf.cases import CPU, JVM_CPU, PROCESSES, PSS, RATE, Case, Metric, Sample
from perf.check import validate, wait_for_answer
from perf.clients import Target, WrongAnswer
from perf.deployment import Deployment, Paths, System
from perf.figures import Summary
from perf.memory import shares_of
from perf.workloads import Workload

AnySystem = TypeVar("AnySystem", bound=System)

PLAIN = "plain loop"
SEED = 5
START_SEC = 60
START_SEC_PER_MODEL = 5
FAILURES = (WrongAnswer, TimeoutError, OSError, RuntimeError, subprocess.SubprocessError)


@dataclass(frozen=True)
class Result:
    """What was measured of one system in one case."""

    workload: str
    title: str
    case: str
    metric: Metric
    system: str
    summary: Summary
    errors: int = 0


@dataclass(frozen=True)
class Measured:
    """One measurement, with the CPU time that all processes of the server took.

    `jvm_sec` is the part of the CPU time that the Java process took; NaN where there is none.
    """

    sample: Sample
    cpu_sec: float
    jvm_sec: float

    def values(self, metrics: Sequence[Metric]) -> dict[Metric, float]:
        """Return the figures, CPU time first: on a shared machine it is the steadiest."""
        found: dict[Metric, float] = {}
        if self.sample.requests:
            found[CPU] = self.cpu_sec / self.sample.requests * 1e6
        if JVM_CPU in metrics and not math.isnan(self.jvm_sec):
            found[JVM_CPU] = self.jvm_sec / self.sample.requests * 1e6
        others = [metric for metric in metrics if metric != JVM_CPU]
        return found | dict(zip(others, self.sample.values, strict=True))


@dataclass(frozen=True)
class Failure:
    """Why there is no figure of a system."""

    workload: str
    system: str
    reason: str


@dataclass(frozen=True)
class Options:
    """How long and how often to measure, and whether only one case of each workload."""

    seconds: int
    rounds: int
    quick: bool = False

    @property
    def warm_up_sec(self) -> int:
        """How long a server is loaded before it is measured."""
        return 2 if self.quick else 3


def started(system: System, deployment: Deployment, body: bytes) -> Target:
    """Start a server, and return where to ask it once it answers `body`.

    Raises:
        TimeoutError: It did not answer, or has ended.
        OSError: It cannot be started.
    """
    system.start(deployment)
    target = Target.of(system.url(), body)
    wait_for_answer(target, START_SEC, system.has_ended)
    return target


@dataclass
class Bench:
    """Collects results, workload by workload."""

    paths: Paths
    systems: Sequence[System]
    options: Options
    say: Callable[[str], None]
    results: list[Result] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def run(self, workload: Workload) -> None:
        """Measure all cases of a workload on all systems that can do them."""
        self.say(f"\n{workload.title} [{workload.name}]")
        body = body_of(workload.deployment.work, self.paths.repository)
        expected = self._measure_plain_loop(workload, body)
        running: list[System] = []
        try:
            running = self._start(workload, body)
            cases = workload.cases()
            if self.options.quick and workload.quick is not None:
                cases = [cases[workload.quick]]
            warm_up_sec = max(self.options.warm_up_sec, workload.settle_sec)
            for case in cases:
                own = body if case.body is None else case.body
                right = own if workload.deployment.work == "echo" else expected
                if self.options.quick or case is not cases[0]:
                    warm_up_sec = self.options.warm_up_sec
                self._measure(workload, case, running, own, right, warm_up_sec)
            if workload.weighs:
                for system in running:
                    self._weigh(workload, system)
        finally:
            for system in self.systems:
                system.stop()

    def measure_anew(
        self,
        name: str,
        title: str,
        systems: Sequence[AnySystem],
        measure: Callable[[AnySystem], Mapping[Metric, float]],
        before_round: Callable[[], None] = lambda: None,
    ) -> None:
        """Start each system anew in every round, and add what came of it to the results.

        Args:
            name: Of what is measured.
            title: The same for readers.
            systems: In which order they are started.
            measure: Starts a system, and returns its figures.
            before_round: What else is done in every round.
        """
        self.say(f"\n{title} [{name}]")
        samples: dict[tuple[str, Metric], list[float]] = {}
        for _ in range(self.options.rounds):
            before_round()
            for system in systems:
                try:
                    for metric, value in measure(system).items():
                        samples.setdefault((system.name, metric), []).append(value)
                except FAILURES as e:
                    self.fail(name, system, e)
                finally:
                    system.stop()
        for (system_name, metric), values in samples.items():
            summary = Summary.of(values)
            self.results.append(Result(name, title, "", metric, system_name, summary))
            self.say(f"  {system_name}: {summary.median:,.4g} {metric.name}")

    def _measure_plain_loop(self, workload: Workload, body: bytes) -> bytes | None:
        work = workload.deployment.work
        if work == "stream":
            return None
        python = self.paths.repository / ".venv" / "bin" / "python"
        folder = self.paths.work / work
        size = workload.deployment.batch_size
        is_limit = work in ("digits", "images", "imageclassifier", "texts", "embeddings")
        loops = [
            plain_loop.measure(python, folder, work, size, self.options.seconds, body)
            for _ in range(self.options.rounds if is_limit else 1)
        ]
        if is_limit:
            summary = Summary.of([loop.rate for loop in loops])
            self.results.append(
                Result(workload.name, workload.title, "", RATE, PLAIN, summary),
            )
            self.say(f"  {PLAIN}: {summary.median:,.0f} items/s")
        return loops[0].answer

    def _start(self, workload: Workload, body: bytes) -> list[System]:
        """Start the systems, one after the other: starting takes all cores. Returns who answers."""
        deployment = workload.deployment
        began = time.monotonic()
        ready = []
        for system in self.systems:
            if workload.systems and system.name not in workload.systems:
                continue
            reason = system.refusal(deployment)
            if reason is not None:
                self.say(f"  {system.name}: left out, {reason}")
                continue
            end = time.monotonic() + START_SEC + START_SEC_PER_MODEL * deployment.models
            try:
                system.start(deployment)
                for model in range(deployment.models):
                    target = Target.of(system.url(model), body)
                    wait_for_answer(target, end - time.monotonic(), system.has_ended)
                ready.append(system)
            except FAILURES as e:
                self.fail(workload.name, system, e)
                system.stop()
        self.say(f"  started in {time.monotonic() - began:.0f} s")
        return ready

    def _measure(
        self,
        workload: Workload,
        case: Case,
        running: list[System],
        body: bytes,
        right: bytes | None,
        warm_up_sec: int,
    ) -> None:
        """Measure one case in turns. Systems that fail leave `running`."""
        models = range(workload.deployment.models)
        targets = {
            system.name: [Target.of(system.url(model), body) for model in models]
            for system in running
        }
        samples: dict[str, list[Measured]] = {system.name: [] for system in running}
        scratch, options = self.paths.scratch, self.options

        def check(system: System) -> None:
            for target in targets[system.name]:
                validate(target, right)

        def warm_up(system: System) -> None:
            compiles = not math.isnan(system.frontend_cpu_sec())
            is_settled = not compiles and not workload.warms_together
            seconds = options.warm_up_sec if is_settled else warm_up_sec
            case.warm_up(targets[system.name], seconds, scratch)

        def measure(system: System) -> None:
            all_before, jvm_before = system.cpu_sec(), system.frontend_cpu_sec()
            sample = case.measure(targets[system.name], options.seconds, scratch)
            used = system.cpu_sec() - all_before
            jvm = system.frontend_cpu_sec() - jvm_before
            samples[system.name].append(Measured(sample, used, jvm))

        def take(step: Callable[[System], None], system: System) -> None:
            try:
                step(system)
            except FAILURES as e:
                self.fail(workload.name, system, e)
                running.remove(system)
                system.stop()

        shuffle = random.Random(SEED).shuffle
        rounds = options.rounds if options.quick else max(options.rounds, workload.rounds)
        for step in (check, warm_up, *[measure] * rounds, check):
            order = list(running)
            # No system should always follow the same other.
            shuffle(order)
            if step is warm_up and workload.warms_together and order:
                with ThreadPoolExecutor(len(order)) as threads:
                    list(threads.map(take, [step] * len(order), order))
                continue
            for system in order:
                take(step, system)
        for system in running:
            self._keep(workload, case, system.name, samples[system.name])

    def _keep(self, workload: Workload, case: Case, system: str, samples: list[Measured]) -> None:
        shown = []
        errors = sum(each.sample.errors for each in samples)
        rows = [each.values(case.metrics) for each in samples]
        for metric in rows[0]:
            values = [row[metric] for row in rows]
            summary = Summary.of(values)
            self.results.append(
                Result(workload.name, workload.title, case.label, metric, system, summary, errors)
            )
            shown.append(f"{summary.median:,.4g} {metric.name}")
        wrong = f"  {errors} ERRORS" if errors else ""
        self.say(f"  {case.label}: {system}: {', '.join(shown)}{wrong}")

    def _weigh(self, workload: Workload, system: System) -> None:
        """Add the memory and the number of a server's processes to the results."""
        shares = shares_of(system.processes())
        if not shares:
            # Only Linux tells how processes share their pages.
            return
        values = {PSS: sum(mb for _, mb in shares), PROCESSES: float(len(shares))}
        for metric, value in values.items():
            summary = Summary.of([value])
            self.results.append(
                Result(workload.name, workload.title, "", metric, system.name, summary)
            )
            self.say(f"  {system.name}: {value:,.4g} {metric.name}")

    def fail(self, workload: str, system: System, reason: Exception) -> None:
        """Note why there is no figure of a system."""
        text = f"{type(reason).__name__}: {reason}"
        self.failures.append(Failure(workload, system.name, text))
        self.say(f"  {system.name}: FAILED, {text}\n{system.output()}")

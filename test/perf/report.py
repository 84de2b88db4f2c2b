"""Writes what was measured: tables in Markdown, JSON, and a chart."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf import chart
from perf.bench import PLAIN, Bench, Failure, Options, Result
from perf.figures import NOTHING, ratio, shown
from perf.lifecycle import IMPORTS
from perf.systems import BARE, OURS, PEERS
from perf.targets import verdicts
from perf.workloads import CPU_ROUNDS

COLUMNS = (OURS, *PEERS, BARE, PLAIN, IMPORTS)
MARKS = ("<!-- results:start -->", "<!-- results:end -->")


@dataclass(frozen=True)
class Run:
    """A whole run: where and how it was measured, and all figures."""

    machine: dict[str, str]
    versions: dict[str, str]
    commit: str
    date: str
    took_sec: float
    options: Options
    results: Sequence[Result]
    failures: Sequence[Failure]

    @classmethod
    def of(cls, bench: Bench, took_sec: float, repository: Path) -> Run:
        """Return what `bench` measured, with what is known of the machine."""
        return cls(
            machine=describe_machine(),
            versions=_versions(bench),
            commit=_commit(repository),
            date=time.strftime("%Y-%m-%d %H:%M %Z"),
            took_sec=took_sec,
            options=bench.options,
            results=bench.results,
            failures=bench.failures,
        )


def describe_machine() -> dict[str, str]:
    """Return what a reader needs to know of this machine."""
    model = re.search(r"^model name\s*:\s*(.*)$", _text("/proc/cpuinfo"), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", _text("/proc/meminfo"), re.M)
    java = subprocess.run(
        ["java", "-version"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return {
        "processor": model.group(1) if model else platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory.group(1)) / 1e6:.0f} GB" if memory else "unknown",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Java": (java.stderr.splitlines() or ["unknown"])[0],
    }


def caption(run: Run) -> str:
    """Return where and when it was measured, in a line."""
    machine = run.machine
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, {run.date}, "
        f"commit {run.commit}; medians, whiskers from the lowest to the highest value"
    )


def tables(results: Sequence[Result]) -> str:
    """Return a table for each workload: a row for each figure, a column for each system."""
    parts = []
    for workload in dict.fromkeys(result.workload for result in results):
        own = [result for result in results if result.workload == workload]
        parts.append(f"### {own[0].title}\n\n{_table(own)}")
    return "\n\n".join(parts)


def markdown(run: Run) -> str:
    """Return the whole report."""
    facts = [f"| {key} | {value} |" for key, value in {**run.machine, **run.versions}.items()]
    how = (
        f"{run.date}, commit `{run.commit}`. Medians of {run.options.rounds} measurements of "
        f"{run.options.seconds} s each (of {CPU_ROUNDS} for the no-op and the images), the lowest "
        "and highest in brackets; the run took "
        f"{run.took_sec / 60:.0f} minutes."
    )
    parts = [how, "\n".join(["| | |", "|---|---|", *facts])]
    found = verdicts(run.results)
    if found:
        rows = [
            f"| {each.text} | {each.wanted} | {each.measured} | {'yes' if each.met else '**no**'} |"
            for each in found
        ]
        head = ["| target | wanted | measured | met |", "|---|---|---|---|"]
        parts.append("\n".join(["### Targets", "", *head, *rows]))
    parts.append(tables(run.results))
    if run.failures:
        rows = [f"- {each.workload}: {each.system}: {each.reason}" for each in run.failures]
        parts.append("\n".join(["### Without figures", "", *rows]))
    return "\n\n".join(parts) + "\n"


def to_json(run: Run) -> dict[str, Any]:
    """Return everything, each single value included."""
    return dataclasses.asdict(run)


def write(run: Run, folder: Path) -> None:
    """Write results.md, results.json and, if there is anything to show, results.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(markdown(run), encoding="utf-8")
    text = json.dumps(to_json(run), indent=1)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    chart.draw(run.results, caption(run), folder / "results.png")


def write_docs(run: Run, docs: Path) -> None:
    """Replace the figures in performance.md, and the chart beside it.

    Raises:
        ValueError: The page has no marks between which figures go.
    """
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    start, end = (text.find(mark) for mark in MARKS)
    if not 0 <= start < end:
        raise ValueError(f"{page} does not hold {MARKS[0]} and then {MARKS[1]}")
    drawn = chart.draw(run.results, caption(run), docs / "performance.png")
    picture = "![CPU time, rate and latency of each system](performance.png)\n\n" if drawn else ""
    body = f"{MARKS[0]}\n\n{picture}{markdown(run)}\n"
    page.write_text(text[:start] + body + text[end:], encoding="utf-8")


def _table(results: Sequence[Result]) -> str:
    systems = [name for name in COLUMNS if any(each.system == name for each in results)]
    cells = {(each.case, each.metric, each.system): each for each in results}
    others = [name for name in systems if name != OURS]
    compared = [name for name in others if OURS in systems and name != IMPORTS]
    head = ["", *systems, *(f"ratio to {name}" for name in compared)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    rows = dict.fromkeys(
        (each.case, each.metric) for each in results if each.system not in (PLAIN, IMPORTS)
    )
    for case, metric in rows:

        def cell(system: str, case: str = case, metric: Any = metric) -> Result | None:
            # A limit without clients holds for each number of them.
            return cells.get((case, metric, system)) or cells.get(("", metric, system))

        ours = cell(OURS)
        row = [", ".join(filter(None, (case, metric.name)))]
        row += [_shown(cell(system)) for system in systems]
        for system in compared:
            other = cell(system)
            value = math.nan
            if ours and other:
                medians = (ours.summary.median, other.summary.median)
                value = ratio(*medians, metric.lower_is_better)
            row.append(f"{shown(value)} x" if math.isfinite(value) else NOTHING)
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def _shown(result: Result | None) -> str:
    if result is None:
        return NOTHING
    summary = result.summary
    text = shown(summary.median)
    if len(summary.values) > 1:
        text += f" ({shown(summary.low)} to {shown(summary.high)})"
    return f"{text} **{result.errors} errors**" if result.errors else text


def _versions(bench: Bench) -> dict[str, str]:
    repository, code = (
        bench.paths.repository,
        "import importlib.metadata as m; print(m.version({!r}))",
    )
    wanted = {
        "torch": (repository / ".venv" / "bin" / "python", "torch"),
        OURS: (repository / ".venv" / "bin" / "python", "torchserve-next"),
        "Mosec": (bench.paths.python_of("mosec"), "mosec"),
        "LitServe": (bench.paths.python_of("litserve"), "litserve"),
        "TorchServe": (bench.paths.python_of("torchserve"), "torchserve"),
    }
    found = {}
    for name, (python, package) in wanted.items():
        done = subprocess.run(
            [str(python), "-c", code.format(package)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        found[name] = done.stdout.strip() or "unknown"
    return found


def _commit(repository: Path) -> str:
    words = ["git", "-C", str(repository), "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout.strip() or "unknown"


def _text(path: str) -> str:
    file = Path(path)
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

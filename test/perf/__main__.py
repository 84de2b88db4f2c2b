"""Command line of the benchmark; ``scripts/bench`` calls it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from perf import lifecycle, report, resting, warming, wrk
from perf.archive import prepare_work
from perf.bench import Bench, Options
from perf.deployment import Paths, System
from perf.resting import Resting
from perf.systems import OURS, all_systems
from perf.workloads import Workload, all_workloads

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache" / "bench"
# What starts its servers anew for each measurement.
OTHERS = {warming.NAME: warming.measure, lifecycle.NAME: lifecycle.measure}


def parse(words: list[str]) -> argparse.Namespace:
    """Return the arguments of the command line."""
    names = [workload.name for workload in all_workloads()]
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    known = (*OTHERS, resting.NAME, *names)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="a few cases, under three minutes")
    parser.add_argument("--seconds", type=int, help="of each measurement; default 2, quick 1")
    parser.add_argument("--rounds", type=int, help="measurements of each; default 3, quick 1")
    parser.add_argument("--systems", help="names to measure, parted by commas; default all")
    parser.add_argument("--out", type=Path, help="folder for results; default .cache/bench/results")
    parser.add_argument(
        "--write-docs", action="store_true", help="put the tables into docs/performance.md"
    )
    arguments = parser.parse_args(words)
    for name in arguments.workloads:
        if name not in known:
            parser.error(f"workload {name!r}, expected one of {', '.join(known)}")
    for key, usual in (("seconds", 2), ("rounds", 3)):
        value = getattr(arguments, key)
        if value is None:
            setattr(arguments, key, 1 if arguments.quick else usual)
        elif not 1 <= value <= 60:
            parser.error(f"--{key} {value}, expected 1 to 60")
    return arguments


def chosen_workloads(arguments: argparse.Namespace) -> list[Workload]:
    """Return what to measure of what has cases."""
    workloads = all_workloads()
    if arguments.workloads:
        return [each for each in workloads if each.name in arguments.workloads]
    return [each for each in workloads if not arguments.quick or each.quick is not None]


def is_chosen(arguments: argparse.Namespace, name: str) -> bool:
    """Tell whether to measure what has no cases."""
    if arguments.workloads:
        return name in arguments.workloads
    return not arguments.quick


def chosen_systems(wanted: str | None, systems: list[System]) -> list[System]:
    """Return the systems of a list of names; ours is always among them.

    Raises:
        SystemExit: A name is unknown.
    """
    if wanted is None:
        return systems
    names = {name.strip().lower() for name in wanted.split(",")}
    unknown = names - {system.name.lower() for system in systems}
    if unknown:
        known = ", ".join(system.name for system in systems)
        raise SystemExit(f"--systems {', '.join(sorted(unknown))}, expected some of {known}")
    return [each for each in systems if each.name.lower() in names or each.name == OURS]


def main() -> int:
    """Measure, and write what came of it."""
    arguments = parse(sys.argv[1:])
    wrk.require()
    # A short path: Unix sockets of the servers lie below it.
    scratch = Path(tempfile.mkdtemp(prefix="bench-"))
    paths = Paths(REPOSITORY, CACHE, CACHE / "work", scratch)
    began = time.monotonic()
    bench = Bench(
        paths,
        chosen_systems(arguments.systems, all_systems(paths)),
        Options(arguments.seconds, arguments.rounds, arguments.quick and not arguments.workloads),
        lambda line: print(line, flush=True),
    )
    rests = Resting(bench, chosen_systems(arguments.systems, all_systems(paths)))
    try:
        prepare_work(paths)
        if is_chosen(arguments, resting.NAME):
            rests.begin()
        for workload in chosen_workloads(arguments):
            bench.run(workload)
        if is_chosen(arguments, resting.NAME):
            rests.measure()
        # Beside their processes, those of a life cycle would have pages in common with more.
        rests.stop()
        for name, measure in OTHERS.items():
            if is_chosen(arguments, name):
                measure(bench)
    finally:
        rests.stop()
        for system in bench.systems:
            system.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    run = report.Run.of(bench, time.monotonic() - began, REPOSITORY)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = arguments.out or CACHE / "results" / stamp
    report.write(run, folder)
    print(f"\n{report.markdown(run)}\nWritten to {os.path.relpath(folder)}")
    if arguments.write_docs:
        report.write_docs(run, REPOSITORY / "docs")
    ours_failed = any(failure.system == OURS for failure in bench.failures)
    ours_wrong = any(each.errors for each in bench.results if each.system == OURS)
    return 1 if ours_failed or ours_wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""The rate of a workflow of three no-op models beside that of one no-op model.

Both are asked in turn, over and over, so that what else the machine does hits both alike.
``scripts/bench workflow`` runs it. It ends with 1 if a request failed, or the share is below a
third.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import shutil
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

from perf import wrk
from perf.archive import PERF
from perf.check import wait_for_answer
from perf.clients import Target
from perf.deployment import Deployment, Paths
from perf.systems.torchserve import TorchServeNext

REPOSITORY = Path(__file__).resolve().parents[2]
NODES = 3
SHARE = 1 / NODES
SLICE_SEC = 10
START_SEC = 300.0


def workflow_archive() -> bytes:
    """Return a workflow archive: three nodes of the model m0, one after the other."""
    names = [f"node{index}" for index in range(NODES)]
    models = "".join(f"  {name}:\n    url: m0.mar\n    max-batch-delay: 0\n" for name in names)
    edges = itertools.pairwise(names)
    dag = "".join(f"  {parent}: [{child}]\n" for parent, child in edges)
    manifest = {
        "createdOn": "now",
        "archiverVersion": "0.2.15",
        "workflow": {"workflowName": "chain", "specFile": "spec.yaml", "handler": "functions.py"},
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("WAR-INF/MANIFEST.json", json.dumps(manifest))
        archive.writestr("spec.yaml", f"models:\n{models}dag:\n{dag}")
        archive.writestr("functions.py", "")
    return content.getvalue()


def parse(words: list[str]) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench workflow", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="in all; default 600")
    parser.add_argument("--connections", type=int, default=16, help="default 16")
    arguments = parser.parse_args(words)
    if not 2 <= arguments.seconds <= 86_400:
        parser.error(f"--seconds {arguments.seconds}, expected 2 to 86400")
    if not 1 <= arguments.connections <= 1000:
        parser.error(f"--connections {arguments.connections}, expected 1 to 1000")
    return arguments


def measure(server: TorchServeNext, seconds: int, connections: int, scratch: Path) -> bool:
    """Load both in turn and print the figures; return whether they are good enough."""
    targets = {
        "plain": Target.of(f"http://127.0.0.1:{server.port}/predictions/m0", b"x"),
        "workflow": Target.of(f"http://127.0.0.1:{server.port}/wfpredict/chain", b"x"),
    }
    for target in targets.values():
        wait_for_answer(target, START_SEC, lambda: False)
    slices = max(1, seconds // (2 * SLICE_SEC))
    each = min(SLICE_SEC, seconds // 2)
    loads: dict[str, list[wrk.Load]] = {name: [] for name in targets}
    for _ in range(slices):
        for name, target in targets.items():
            loads[name].append(wrk.run([target], connections, each, scratch))
    rates = {}
    errors = 0
    for name, seen in loads.items():
        rates[name] = sum(load.rate for load in seen) / len(seen)
        errors += sum(load.errors for load in seen)
        p99 = sorted(load.p99_ms for load in seen)[len(seen) // 2]
        print(
            f"{name:9} {rates[name]:8.0f} requests/s, p99 {p99:.1f} ms (median of {len(seen)}), "
            f"{sum(load.requests for load in seen)} requests, {sum(e.errors for e in seen)} failed"
        )
    share = rates["workflow"] / rates["plain"]
    print(f"share     {share:8.2f}, expected at least {SHARE:.2f}")
    return errors == 0 and share >= SHARE


def main() -> int:
    """Start a server, register the workflow, and measure."""
    arguments = parse(sys.argv[1:])
    wrk.require()
    scratch = Path(tempfile.mkdtemp(prefix="bench-"))
    paths = Paths(REPOSITORY, scratch, scratch / "work", scratch)
    (paths.work / "noop").mkdir(parents=True)
    shutil.copy(PERF / "work.py", paths.work / "noop")
    server = TorchServeNext(paths)
    try:
        server.start(Deployment("noop", batch_delay_ms=0))
        store = next(server.folder.glob("store"))
        (store / "chain.war").write_bytes(workflow_archive())
        plain = Target.of(f"http://127.0.0.1:{server.port}/predictions/m0", b"x")
        wait_for_answer(plain, START_SEC, lambda: not server.processes())
        url = f"http://127.0.0.1:{server.management_port}/workflows?url=chain.war"
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=300).close()
        good = measure(server, arguments.seconds, arguments.connections, scratch)
    finally:
        server.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

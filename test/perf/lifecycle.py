"""Starting, scaling, dying and stopping: TorchServe Next beside TorchServe 0.12."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from perf.archive import body_of
from perf.bench import Bench, Result, started
from perf.cases import Metric
from perf.check import post, validate
from perf.clients import Target
from perf.deployment import Deployment
from perf.figures import Summary
from perf.memory import pss_mb, shares_of
from perf.systems.torchserve import TorchServe

NAME = "lifecycle"
IMPORTS = "the imports alone"
LIMIT_SEC = 120.0
POLL_SEC = 0.005
WORKERS = 4

START = Metric("s, start to first answer", lower_is_better=True)
SCALE = Metric(f"s, 1 to {WORKERS} workers", lower_is_better=True)
WORKERS_PSS = Metric(f"MB (PSS), {WORKERS} workers", lower_is_better=True)
PYTHON_PSS = Metric(f"MB (PSS), all but the Java process, {WORKERS} workers", lower_is_better=True)
SERVER_PSS = Metric(f"MB (PSS), all processes, {WORKERS} workers", lower_is_better=True)
KILL = Metric("s, kill -9 of the worker to next answer", lower_is_better=True)
STOP = Metric("s, SIGTERM to all processes gone", lower_is_better=True)
METRICS = (START, SCALE, WORKERS_PSS, PYTHON_PSS, SERVER_PSS, KILL, STOP)


@dataclass(frozen=True)
class LifeCycle:
    """What is served, and what its handler imports until it answers."""

    name: str
    title: str
    work: str
    imports: str


LIVES = (
    LifeCycle(NAME, "Life cycle, with the digits model", "digits", "torch, PIL.Image"),
    LifeCycle(
        f"{NAME}-images",
        "Life cycle, with an image archive that imports torchvision",
        "images",
        "torch, torchvision.models, torchvision.transforms",
    ),
    LifeCycle(
        f"{NAME}-texts",
        "Life cycle, with a text archive that imports transformers",
        "texts",
        # The last two are named by the checkpoint: no answer comes without them.
        "torch; from transformers import AutoModelForSequenceClassification, AutoTokenizer,"
        " BertForSequenceClassification, PreTrainedTokenizerFast",
    ),
)


def measure(bench: Bench) -> None:
    """Measure both systems in turns, with each archive, and add what came of it to the results."""
    for life in LIVES:
        _measure(bench, life)


def _measure(bench: Bench, life: LifeCycle) -> None:
    body = body_of(life.work, bench.paths.repository)
    systems = [each for each in bench.systems if isinstance(each, TorchServe)]
    python = bench.paths.repository / ".venv" / "bin" / "python"
    imports: list[float] = []
    bench.measure_anew(
        life.name,
        life.title,
        systems,
        lambda system: _life(system, life.work, body),
        before_round=lambda: imports.append(_import(python, life.imports)),
    )
    summary = Summary.of(imports)
    bench.results.append(Result(life.name, life.title, "", START, IMPORTS, summary))


def _life(system: TorchServe, work: str, body: bytes) -> dict[Metric, float]:
    """Return one server's figures, from its start to its end."""
    values: dict[Metric, float] = {}
    began = time.monotonic()
    target = started(system, Deployment(work), body)
    values[START] = time.monotonic() - began

    began = time.monotonic()
    system.scale(WORKERS)
    _wait(lambda: len(system.worker_pids()) >= WORKERS, f"{WORKERS} workers")
    values[SCALE] = time.monotonic() - began

    _, answer = post(target)
    validate(target, answer, requests=8 * WORKERS)
    workers = system.worker_pids()
    values[WORKERS_PSS] = sum(map(pss_mb, workers))
    shares = shares_of(system.processes())
    values[PYTHON_PSS] = sum(mb for name, mb in shares if name != "java")
    values[SERVER_PSS] = sum(mb for _, mb in shares)

    system.scale(1)
    _wait(lambda: len(system.worker_pids()) == 1, "one worker")
    (worker,) = system.worker_pids()
    began = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    _wait(lambda: _answers(target), "an answer after the kill")
    values[KILL] = time.monotonic() - began

    family = system.processes()
    frontend = system.frontend()
    began = time.monotonic()
    frontend.send_signal(signal.SIGTERM)
    _wait(lambda: not any(map(_lives, family)), "no process left")
    values[STOP] = time.monotonic() - began
    return values


def _answers(target: Target) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return post(target)[0] == 200
    return False


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT_SEC
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {LIMIT_SEC:.0f} s: {what}")
        time.sleep(POLL_SEC)


def _import(python: Path, modules: str) -> float:
    began = time.monotonic()
    subprocess.run([str(python), "-c", f"import {modules}"], check=True, stdin=subprocess.DEVNULL)
    return time.monotonic() - began

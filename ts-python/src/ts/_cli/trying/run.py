"""Runs a model in this process, as a worker would."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from ts._cli.trying.frontend import Input, OneModelFrontend, Outcome
from ts._cli.trying.output import output_to_stderr
from ts._cli.trying.socket_folder import NAME, socket_folder
from ts._cli.trying.source import ModelSource
from ts._cli.trying.stages import StageTimer, peak_accelerator_memory, peak_memory
from ts._protocol.messages import RequestKind
from ts._worker.main import WorkerOptions, run_worker
from ts._zygote.openmp import let_idle_threads_sleep

_DEFAULTS = {
    "PYTHONUTF8": "1",
    "TS_DECODE_INPUT_REQUEST": "true",
    "TS_IPEX_ENABLE": "false",
    "TS_IPEX_GPU_ENABLE": "false",
}
_MAX_SIZE = 1 << 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask a model.

    Attributes:
        inputs: One batch; none if the model is only to be loaded.
        repeat: How often.
        gpu: The number of the GPU that the handler is given; None for none.
    """

    inputs: list[Input]
    repeat: int = 1
    explain: bool = False
    profile: bool = False
    gpu: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it; memory in bytes."""

    outcome: Outcome
    exit_code: int
    stages: dict[str, list[float]]
    peak_memory: int
    memory_before: int
    accelerator_memory: int
    profile: str


def try_model(source: ModelSource, plan: Plan) -> Tried:
    """Load a model and ask it; what it prints goes to standard error.

    The environment, the working folder and the search path of this process become those of a
    worker, and stay so.

    Raises:
        Refusal: There is no folder for the socket between this process's two ends.
        KeyboardInterrupt: The user waits no more; the traceback has been told.
    """
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    batches = [plan.inputs] * plan.repeat if plan.inputs else []
    kind = RequestKind.EXPLAIN if plan.explain else RequestKind.PREDICT
    timer = StageTimer(plan.profile)
    with socket_folder() as folder:
        address = str(Path(folder, NAME))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen(1)
        frontend = OneModelFrontend(listener, _load_fields(source, plan), batches, int(kind))
        frontend.start()
        with output_to_stderr():
            _become_worker(source)
            options = WorkerOptions(1, f"unix:{address}", "try")
            code = run_worker(options, on_loaded=timer.watch)
            profile = timer.profile_table()
        if interrupted.is_set():  # which ends a worker like any other error
            raise KeyboardInterrupt
        frontend.join(10.0)
    return Tried(
        outcome=frontend.outcome,
        exit_code=code,
        stages=timer.seconds,
        peak_memory=peak_memory(),
        memory_before=timer.memory_before,
        accelerator_memory=peak_accelerator_memory(),
        profile=profile,
    )


def has_gpu() -> bool:
    """Return whether torch can use a GPU; it is imported only where there may be one."""
    if not Path("/dev/nvidia0").exists():
        return False
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


def _load_fields(source: ModelSource, plan: Plan) -> dict[str, Any]:
    metrics = Path(__file__).resolve().parents[2] / "configs" / "metrics.yaml"
    return {
        "model_name": source.name,
        "model_version": source.version,
        "model_dir": str(source.folder),
        "handler": source.handler,
        "envelope": source.envelope,
        "batch_size": max(source.batch_size, len(plan.inputs)),
        "gpu_id": plan.gpu,
        "limit_max_image_pixels": True,
        "decode_input_request": True,
        "max_request_size": _MAX_SIZE,
        "max_response_size": _MAX_SIZE,
        "metrics_config": str(metrics) if metrics.is_file() else None,
        "async": source.is_async,
    }


def _become_worker(source: ModelSource) -> None:
    let_idle_threads_sleep(os.environ)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    sys.dont_write_bytecode = True  # the folder may be the user's own
    folder = str(source.folder)
    path, _, _ = source.handler.partition(":")
    within = os.path.dirname(path)
    first = [os.path.join(folder, within)] if within else []
    inherited = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = list(dict.fromkeys([*first, *inherited, folder, *sys.path]))
    os.chdir(folder)

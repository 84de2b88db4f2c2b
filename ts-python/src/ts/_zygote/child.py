"""What happens in a new worker process before the worker itself begins."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ts._imports.perform import EnvironmentChanges
from ts._protocol.control import Spawn
from ts._ranks.membership import Membership
from ts._worker.main import WorkerOptions, run_worker
from ts._zygote import lifeline, linux, openmp
from ts._zygote.descriptors import close_all_but

_CLEAN_UP_SEC = 5.0
_START_FILE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "_worker", "__main__.py")


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a fork takes over from a template process that has imported modules for it.

    Attributes:
        path: The module search path.
        changes: To the environment, by the imports.
        descriptors: Which the imports have opened.
    """

    path: tuple[str, ...]
    changes: EnvironmentChanges
    descriptors: tuple[int, ...]


def run_forked(
    spawn_id: int,
    spawn: Spawn,
    stdout: int,
    stderr: int,
    lifeline_end: int,
    *,
    inherited: Inherited | None = None,
) -> NoReturn:
    """Turn a fresh fork of the zygote, or of a template process, into a worker; never returns."""
    code = 1
    try:
        name = f"ts-worker-{spawn.worker}"
        leave_zygote(spawn, name, stdout, stderr, lifeline_end, inherited=inherited)
        options = WorkerOptions(spawn_id, spawn.address, spawn.secret, spawn.threads)
        code = run_worker(options)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        end_process(code)


def leave_zygote(
    spawn: Spawn,
    name: str,
    stdout: int,
    stderr: int,
    lifeline_end: int,
    *,
    kept: frozenset[int] | set[int] = frozenset(),
    inherited: Inherited | None = None,
) -> None:
    """Make a fresh fork a process of its own, as the spawn request says.

    All descriptors are closed but the standard ones, the lifeline, those that are inherited, and
    `kept`.
    """
    os.setsid()
    lifeline.watch_own(lifeline_end)
    inherited_files = inherited.descriptors if inherited is not None else ()
    _take_over_descriptors(stdout, stderr, {lifeline_end, *kept, *inherited_files})
    reset_signals()
    linux.set_process_name(name)
    os.environ.clear()
    os.environ.update(worker_environment(spawn))
    if inherited is not None:
        inherited.changes.apply()
    os.chdir(spawn.cwd)
    sys.path[:] = forked_path(spawn, sys.path if inherited is None else inherited.path)
    sys.argv[:] = [_START_FILE]
    reseed()


def run_spawned() -> NoReturn:
    """Run the worker or template process that standard input describes, as a program of its own.

    Never returns.
    """
    spec: dict[str, Any] = json.loads(os.pread(0, 1 << 16, 0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if spec["lifeline"] is not None:
        lifeline.watch_own(spec["lifeline"])
    else:
        # A launcher is between init and this process; init's lifeline is that of the launcher.
        linux.die_with_parent()
    membership = Membership.of_environment() if spec["lifeline"] is None else None
    if membership is not None:
        from ts._ranks.output import number_output

        number_output(membership.rank)
        _keep_ranks_local()
    linux.set_process_name(f"ts-worker-{spec['worker']}")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    if spec.get("load") is not None:
        from ts._zygote.template import run_template

        run_template(spec["channel"], spec["lifeline"], spec["load"], spec["threads"])
    options = WorkerOptions(
        spec["launch"], spec["address"], spec["secret"], spec["threads"], membership
    )
    code = 1
    try:
        if membership is not None and membership.rank > 0:
            from ts._ranks.follower import run_follower

            code = run_follower(options, membership)
        else:
            code = run_worker(options)
    finally:
        end_process(code)


def _keep_ranks_local() -> None:
    """Have gloo and torch's RPC use the loopback: the ranks of a worker are on one machine."""
    if sys.platform == "linux":
        for name in ("GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME"):
            os.environ.setdefault(name, "lo")


def worker_environment(spawn: Spawn) -> dict[str, str]:
    """Return the environment of a worker, with its `path` in front of ``PYTHONPATH``."""
    env = dict(spawn.env)
    openmp.let_idle_threads_sleep(env)
    inherited = [p for p in env.get("PYTHONPATH", "").split(os.pathsep) if p]
    python_path = _without_repeats([*spawn.path, *inherited])
    if python_path:
        env["PYTHONPATH"] = os.pathsep.join(python_path)
    return env


def forked_path(spawn: Spawn, zygote_path: Sequence[str]) -> list[str]:
    """Return the module search path of a forked worker."""
    inherited = [p for p in spawn.env.get("PYTHONPATH", "").split(os.pathsep) if p]
    return _without_repeats([*spawn.path, *inherited, *zygote_path])


def reseed(modules: Mapping[str, Any] = sys.modules) -> None:
    """Give every random generator that is loaded a seed of its own; forks share them otherwise."""
    random.seed()
    numpy = modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed(int.from_bytes(os.urandom(4), "little"))
    torch = modules.get("torch")
    if torch is not None and hasattr(torch, "manual_seed"):
        torch.manual_seed(int.from_bytes(os.urandom(8), "little", signed=True))


def end_process(code: int) -> NoReturn:
    """Run what handlers registered with `atexit`, for a limited time, and end the process.

    Threads that are still running do not keep it alive.
    """
    watchdog = threading.Timer(_CLEAN_UP_SEC, os._exit, (code,))
    watchdog.daemon = True
    try:
        watchdog.start()
        atexit._run_exitfuncs()
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(code)


def _take_over_descriptors(stdout: int, stderr: int, kept: set[int]) -> None:
    """Make the pipes this process's output; close all else that came from the zygote."""
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    close_all_but(kept)
    # The zygote's own objects would write into its own buffers.
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = open(  # noqa: SIM115 - it stays open
            number,
            "w",
            buffering=1,
            encoding="utf-8",
            errors="backslashreplace",
            closefd=False,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def reset_signals() -> None:
    """Have signals do what they do in a fresh Python."""
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _without_repeats(paths: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(paths))

"""The template process of a model version: loads the model, and forks workers on request."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import socket
import sys
import traceback
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from ts._protocol.control import Load, Spawn
from ts._protocol.frames import FrameType
from ts._worker.main import WorkerOptions, configure_output, run_worker
from ts._worker.preload import Preloaded
from ts._zygote import lifeline, linux
from ts._zygote.child import Inherited, end_process, leave_zygote, reseed, reset_signals
from ts._zygote.fork_server import ForkServer


def run_forked_template(
    spawn: Spawn,
    stdout: int,
    stderr: int,
    lifeline_end: int,
    channel: int,
    *,
    inherited: Inherited | None = None,
) -> NoReturn:
    """Turn a fresh fork into a template process that loads a model; never returns."""
    try:
        name = f"ts-template-{spawn.template}"
        leave_zygote(spawn, name, stdout, stderr, lifeline_end, kept={channel}, inherited=inherited)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
        end_process(1)
    if spawn.load is None:
        raise RuntimeError("a template process needs the model to load")
    run_template(channel, lifeline_end, spawn.load, spawn.threads)


def run_template(
    channel_number: int, lifeline_end: int, load: dict[str, Any], threads: int | None
) -> NoReturn:
    """Load the model and fork workers until ``init`` closes the channel; never returns.

    A load that fails is reported by the workers, as any failure to load is.
    """
    code = 1
    try:
        configure_output()
        channel = socket.socket(fileno=channel_number)
        preloaded = Preloaded(Load.from_json(load))
        become = partial(_become_worker, preloaded, channel, lifeline_end, threads)
        server = ForkServer(channel, partial(_prepare, preloaded), become)
        server.send(FrameType.READY, 0, {"failed": preloaded.failed})
        server.serve()
        code = 0
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        end_process(code)


def _prepare(preloaded: Preloaded, _: Spawn) -> None:
    preloaded.forks += 1
    # What is in a buffer would be written by both.
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _become_worker(
    preloaded: Preloaded,
    channel: socket.socket,
    template_lifeline: int,
    threads: int | None,
    spawn_id: int,
    spawn: Spawn,
    files: Sequence[int],
) -> NoReturn:
    stdout, stderr, lifeline_end = files
    code = 1
    try:
        os.setsid()
        lifeline.watch_own(lifeline_end)
        channel.close()
        os.close(template_lifeline)
        # All other descriptors are the model's. So are the environment and the working folder.
        for pipe, number in ((stdout, 1), (stderr, 2)):
            os.dup2(pipe, number)
            os.close(pipe)
        reset_signals()
        linux.set_process_name(f"ts-worker-{spawn.worker}")
        _drop_exit_functions()
        reseed()
        if threads is None:
            threads = preloaded.threads
        options = WorkerOptions(spawn_id, spawn.address, spawn.secret, threads)
        code = run_worker(options, preloaded)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        end_process(code)


def _drop_exit_functions() -> None:
    """Drop the template process's exit functions: a worker must not remove what is shared."""
    atexit._clear()
    finalizers: Any = weakref.finalize
    for finalizer in list(finalizers._registry):
        finalizer.atexit = False
    # These two register themselves only once in the life of a program.
    finalizers._registered_with_atexit = False
    atexit.register(logging.shutdown)

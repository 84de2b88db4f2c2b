"""A template process without a model: it has imported what handlers need, and forks on request."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from ts._imports.learn import installed_modules, note_baseline
from ts._imports.perform import Disqualified, perform
from ts._protocol.control import Spawn
from ts._protocol.frames import FrameType
from ts._worker.main import configure_output
from ts._zygote.child import Inherited, leave_zygote, run_forked
from ts._zygote.descriptors import open_descriptors
from ts._zygote.fork_server import ForkServer
from ts._zygote.shadowing import why_not_forkable


def run_forked_imports(
    spawn: Spawn, stdout: int, stderr: int, lifeline_end: int, channel_number: int
) -> NoReturn:
    """Turn a fresh fork of the zygote into a template process; never returns.

    It ends without running the exit functions of what it has imported: its forks run them.
    """
    code = 1
    try:
        zygote_modules = frozenset(sys.modules)
        leave_zygote(spawn, "ts-imports", stdout, stderr, lifeline_end, kept={channel_number})
        configure_output()
        started = time.monotonic()
        channel = socket.socket(fileno=channel_number)
        before = set(open_descriptors())
        try:
            changes = perform(spawn.template_imports or ())
        except Disqualified as error:
            refusal = {"failed": str(error), "always": error.always}
            ForkServer.report(channel, FrameType.READY, 0, refusal)
            os._exit(0)
        inherited = Inherited(tuple(sys.path), changes, tuple(set(open_descriptors()) - before))
        note_baseline()
        gc.collect()
        gc.freeze()
        become = partial(_become_fork, channel, inherited)
        server = ForkServer(channel, why_not_forkable, become)
        ready = {
            "failed": False,
            "ms": round((time.monotonic() - started) * 1000),
            "modules": installed_modules(sys.modules, zygote_modules, spawn.cwd),
        }
        server.send(FrameType.READY, 0, ready)
        server.serve()
        code = 0
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _become_fork(
    channel: socket.socket,
    inherited: Inherited,
    spawn_id: int,
    spawn: Spawn,
    files: Sequence[int],
) -> NoReturn:
    # The channel's number is closed with all others, not by its object later.
    channel.detach()
    if spawn.load is not None:
        from ts._zygote.template import run_forked_template

        run_forked_template(spawn, *files, inherited=inherited)
    run_forked(spawn_id, spawn, *files, inherited=inherited)

"""The zygote: has imported what workers need, and forks one whenever ``init`` asks.

It runs no torch operation and no CUDA call, ever, and has no thread of its own.
"""

from __future__ import annotations

import gc
import importlib
import os
import platform
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from ts._imports.learn import note_baseline
from ts._protocol.control import Spawn
from ts._protocol.frames import FrameType
from ts._zygote import lifeline, linux, openmp
from ts._zygote.fork_server import ForkServer
from ts._zygote.shadowing import why_not_forkable

_PRELOADED = ("ts.metrics.metric_cache_yaml_impl", "ts._yaml", "yaml", "numpy", "torch")


def main(channel_number: int, lifeline_end: int) -> int:
    """Serve until ``init`` closes the channel. Ends with ``init`` by the lifeline as well."""
    lifeline.watch_own(lifeline_end)
    linux.set_process_name("ts-zygote")
    started = time.monotonic()
    # Nothing that imports print may get in the way of what init reads from standard output.
    sys.stdout = sys.stderr
    importlib.import_module("ts._zygote.child")
    importlib.import_module("ts._zygote.import_template")
    openmp.let_idle_threads_sleep(os.environ)
    for name in _PRELOADED:
        _preload(name)
    ready = {
        "python": platform.python_version(),
        "torch": getattr(sys.modules.get("torch"), "__version__", None),
        "fork": True,
        "import_ms": round((time.monotonic() - started) * 1000),
        "pid": os.getpid(),
    }
    if ready["torch"] is not None:
        ready["torch"] = str(ready["torch"])
    note_baseline()
    gc.collect()
    gc.freeze()
    channel = socket.socket(fileno=channel_number)
    server = ForkServer(channel, why_not_forkable, partial(_become_worker, channel))
    server.send(FrameType.READY, 0, ready)
    server.serve()
    return 0


def _preload(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            print(f"{name} cannot be imported: {error}", file=sys.stderr, flush=True)
    except Exception:
        print(f"{name} cannot be imported:", file=sys.stderr)
        traceback.print_exc()


def _become_worker(
    channel: socket.socket, spawn_id: int, spawn: Spawn, files: Sequence[int]
) -> NoReturn:
    # The channel's number is closed with all others, not by its object later.
    channel.detach()
    if spawn.template_imports is not None:
        from ts._zygote.import_template import run_forked_imports

        run_forked_imports(spawn, *files)
    if spawn.load is not None:
        from ts._zygote.template import run_forked_template

        run_forked_template(spawn, *files)
    from ts._zygote.child import run_forked

    run_forked(spawn_id, spawn, *files)

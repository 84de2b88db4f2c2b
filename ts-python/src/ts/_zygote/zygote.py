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
import warnings

from ts._protocol.control import Spawn, decode_json, encode_json
from ts._protocol.frames import MEBIBYTE, FrameType, encode_message
from ts._protocol.reader import FrameAssembler
from ts._zygote import lifeline, linux, openmp
from ts._zygote.shadowing import shadowed_modules

_PRELOADED = ("ts.metrics.metric_cache_yaml_impl", "yaml", "numpy", "torch")
_FILES_PER_FORK = 3


def main(channel_number: int, lifeline_end: int) -> int:
    """Serve until ``init`` closes the channel. Ends with ``init`` by the lifeline as well."""
    lifeline.watch_own(lifeline_end)
    linux.set_process_name("ts-zygote")
    started = time.monotonic()
    # Nothing that imports print may get in the way of what init reads from standard output.
    sys.stdout = sys.stderr
    importlib.import_module("ts._zygote.child")
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
    gc.collect()
    gc.freeze()
    channel = socket.socket(fileno=channel_number)
    _send(channel, FrameType.READY, 0, ready)
    return _serve(channel)


def _preload(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            print(f"{name} cannot be imported: {error}", file=sys.stderr, flush=True)
    except Exception:
        print(f"{name} cannot be imported:", file=sys.stderr)
        traceback.print_exc()


def _serve(channel: socket.socket) -> int:
    assembler = FrameAssembler({FrameType.SPAWN: MEBIBYTE})
    files: list[int] = []
    while True:
        message = assembler.next_message()
        if message is not None:
            spawn = Spawn.from_json(decode_json(message.body))
            _fork(channel, message.id, spawn, files)
            for file in files:
                os.close(file)
            files.clear()
            continue
        count = _receive(channel, assembler, files)
        if count == 0:
            return 0


def _receive(channel: socket.socket, assembler: FrameAssembler, files: list[int]) -> int:
    """Receive once, together with the descriptors that came along."""
    space = socket.CMSG_SPACE(_FILES_PER_FORK * 4)
    buffers = assembler.buffers()
    count, ancillary, _, _ = channel.recvmsg_into(buffers, space)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files += memoryview(data)[: len(data) // 4 * 4].cast("i")
    assembler.received(count)
    return count


def _fork(channel: socket.socket, launch_id: int, spawn: Spawn, files: list[int]) -> None:
    """Fork twice, so that the worker becomes a child of ``init``; exactly one answer is sent."""
    shadowed = shadowed_modules(spawn.path, sys.modules)
    if shadowed:
        reason = f"the model has modules of its own for {', '.join(shadowed)}"
        _send(channel, FrameType.SPAWNED, launch_id, {"error": reason})
        return
    with warnings.catch_warnings():
        # Libraries start threads when they are imported and have their own fork handlers.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            middle = os.fork()
        except OSError as error:
            reason = f"the fork failed: {error}"
            _send(channel, FrameType.SPAWNED, launch_id, {"error": reason})
            return
        if middle == 0:
            worker = _fork_again(channel, launch_id)
        else:
            _, status = os.waitpid(middle, 0)
            if status != 0:
                reason = f"the process between zygote and worker ended with status {status}"
                _send(channel, FrameType.SPAWNED, launch_id, {"error": reason})
            return
    assert worker == 0
    # The worker. The channel's number is closed with all others, not by its object later.
    channel.detach()
    from ts._zygote.child import run_forked

    run_forked(launch_id, spawn, *files)


def _fork_again(channel: socket.socket, launch_id: int) -> int:
    """Fork the worker and return 0 in it; report its pid and end in the process between."""
    try:
        worker = os.fork()
        if worker:
            # Sent before this process ends, so that init knows the pid before it is its parent.
            _send(channel, FrameType.SPAWNED, launch_id, {"pid": worker})
            os._exit(0)
    except BaseException:
        os._exit(1)
    return worker


def _send(
    channel: socket.socket, frame_type: int, launch_id: int, fields: dict[str, object]
) -> None:
    channel.sendall(b"".join(encode_message(frame_type, launch_id, 0, (encode_json(fields),))))

"""How long each stage of a handler takes, and what memory it needs."""

from __future__ import annotations

import contextlib
import functools
import inspect
import resource
import sys
import time
from typing import Any

from ts.service import Service

_STAGES = ("preprocess", "inference", "postprocess", "explain_handle")


class StageTimer:
    """Times the stages of a loaded model's handler, and profiles torch if that is asked for.

    Attributes:
        seconds: Stage to the times of each of its calls, in order.
        memory_before: The most memory of this process before the model, in bytes.
    """

    def __init__(self, profile: bool) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.memory_before = peak_memory()
        self._profile = profile
        self._profiler: Any = None

    def watch(self, service: Service) -> None:
        """Take the model that the worker has loaded, before it serves."""
        for handler in _handlers_of(service.entry_point):
            for stage in _STAGES:
                self._time(handler, stage)
        if self._profile:
            self._start_profiler()

    def profile_table(self) -> str:
        """End profiling, and return the operators that took longest."""
        if self._profiler is None:
            return ""
        self._profiler.stop()
        table: str = self._profiler.key_averages().table(
            sort_by="self_cpu_time_total", row_limit=15
        )
        return table

    def _start_profiler(self) -> None:
        from torch.profiler import ProfilerActivity, profile

        activities = [ProfilerActivity.CPU]
        if sys.modules["torch"].cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._profiler = profile(activities=activities)
        self._profiler.start()

    def _time(self, handler: Any, stage: str) -> None:
        method = getattr(handler, stage, None)
        if not inspect.ismethod(method) or _is_not_plain(method):
            return
        seconds = self.seconds.setdefault(stage, [])

        @functools.wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                seconds.append(time.perf_counter() - started)

        # Of a handler that takes no attributes the stages are not told apart.
        with contextlib.suppress(AttributeError, TypeError):
            setattr(handler, stage, timed)


def _is_not_plain(method: Any) -> bool:
    return (
        inspect.iscoroutinefunction(method)
        or inspect.isgeneratorfunction(method)
        or inspect.isasyncgenfunction(method)
    )


def _handlers_of(entry_point: Any) -> list[Any]:
    """Return the object whose method the entry point is, and the one in its envelope."""
    found: list[Any] = []
    while (owner := getattr(entry_point, "__self__", None)) is not None and len(found) < 3:
        found.append(owner)
        entry_point = getattr(owner, "_handle_fn", None)
    return found


def peak_memory() -> int:
    """Return the most resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_accelerator_memory() -> int:
    """Return the most memory of the GPU that torch had allocated, in bytes; 0 without one."""
    torch: Any = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_available() or not cuda.is_initialized():
        return 0
    return int(cuda.max_memory_allocated())

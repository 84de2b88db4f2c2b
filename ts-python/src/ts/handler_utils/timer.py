"""Timing of the steps of a handler."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def timed(func: F) -> F:
    """Make a method of a handler emit its time, in ms, as the gauge ``ts_handler_<method>``.

    Does nothing unless model-config.yaml says ``handler: {profile: true}``. Work on a CUDA device
    is waited for, since calls return before it is done.
    """

    @functools.wraps(func)
    def timed_method(self: Any, *args: Any, **kwargs: Any) -> Any:
        context: Any = getattr(self, "context", None)
        if not _profiling(context):
            return func(self, *args, **kwargs)
        elapsed_ms = _start_clock()
        result = func(self, *args, **kwargs)
        context.metrics.add_time(f"ts_handler_{func.__name__}", elapsed_ms())
        return result

    return timed_method  # type: ignore[return-value]


def _profiling(context: Any) -> bool:
    config = getattr(context, "model_yaml_config", None) or {}
    section = config.get("handler")
    return isinstance(section, dict) and section.get("profile") is True


def _start_clock() -> Callable[[], float]:
    """Start a clock and return the function that reads it, in ms."""
    torch = sys.modules.get("torch")
    # Asking for events would initialise CUDA for a model that does not use it.
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        begin = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        begin.record()

        def read_events() -> float:
            end.record()
            torch.cuda.synchronize()
            return float(begin.elapsed_time(end))

        return read_events
    start = time.perf_counter()
    return lambda: (time.perf_counter() - start) * 1000

"""Whether this process can still use its accelerator, asked after a handler has failed.

Some errors of CUDA stay: once a kernel has read outside its memory, every later call of the
process fails too, and nothing but a new process helps. The text of an error does not tell them
from others; that a synchronisation fails, and fails again, does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from ts._worker.failures import describe

_BACKENDS = ("cuda", "xpu")
"""Modules of torch with `is_initialized` and `synchronize`. ROCm calls itself ``cuda``."""
_OUT_OF_MEMORY = 2
"""``cudaErrorMemoryAllocation``: the one common code after which CUDA goes on."""
_MAX_CAUSES = 10


def why_unusable(error: BaseException) -> str | None:
    """Return why this process can serve no more after `error`, or None if it can.

    Costs a synchronisation where the process uses an accelerator, and nothing elsewhere.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    used = [backend for name in _BACKENDS if _is_initialized(backend := getattr(torch, name, None))]
    for backend in used:
        fault = _fault(backend)
        if fault is not None:
            return f"its accelerator fails every call: {describe(fault)}"
    if used:
        return None
    # There is nothing to ask; torch's own type says where the error comes from.
    kind = getattr(torch, "AcceleratorError", None)
    if not isinstance(kind, type):
        return None
    for cause in _causes(error):
        if isinstance(cause, kind) and getattr(cause, "error_code", None) != _OUT_OF_MEMORY:
            return f"its accelerator failed: {describe(cause)}"
    return None


def _is_initialized(backend: Any) -> bool:
    try:
        return bool(backend.is_initialized())
    except Exception:  # this torch, or a stand-in for it, has no such backend
        return False


def _fault(backend: Any) -> Exception | None:
    """Return what a synchronisation raises twice, or None."""
    for arguments in (), *_other_devices(backend):
        try:
            backend.synchronize(*arguments)
        except Exception:
            # An error that a kernel left behind is told once; one that stays, each time.
            try:
                backend.synchronize(*arguments)
            except Exception as again:
                return again
    return None


def _other_devices(backend: Any) -> list[tuple[int]]:
    """Return the devices that hold memory of this process, but the current one."""
    try:
        current = backend.current_device()
        return [
            (device,)
            for device in range(backend.device_count())
            if device != current and backend.memory_reserved(device) > 0
        ]
    except Exception:
        return []


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__

"""Errors after which a process can serve no more: it says so and ends; others change nothing."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from ts._worker import accelerator

TORCH = True

HANDLER = """
import torch

class Cuda:
    broken = False
    def is_initialized(self):
        return True
    def synchronize(self, device=None):
        if self.broken:
            raise RuntimeError("device-side assert triggered")
    def current_device(self):
        return 0
    def device_count(self):
        return 1

cuda = Cuda()

def handle(data, context):
    if data is None:
        if context.model_name == "m":
            torch.cuda = cuda
        return None
    word = data[0]["body"]
    if word == "stick":
        cuda.broken = True
        raise RuntimeError("device-side assert triggered")
    if word == "swallow":
        cuda.broken = True
        return [{1, 2}]
    if word == "plain":
        raise RuntimeError("CUDA error: this one passes")
    return [word]
"""
COROUTINE = HANDLER.replace("def handle", "async def handle")


def ask(worker: Any, request_of: Any, word: str) -> Any:
    return worker.ask(request_of(word.encode(), "text/plain"))[0]


@pytest.mark.parametrize("word", ["stick", "swallow"])
@pytest.mark.parametrize("code", [HANDLER, COROUTINE], ids=["plain", "coroutine"])
def test_worker_without_its_accelerator_answers_says_why_and_ends(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, code: str, word: str
) -> None:
    worker = shared_frontend.loaded("fork", model(code), **{"async": code is COROUTINE})
    spawn_id = worker.hello["launch"]
    assert ask(worker, request_of, "x").body == b"x"
    assert ask(worker, request_of, "plain").code == 503
    broken = worker.predict(request_of(word.encode(), "text/plain"))
    behind = worker.predict(request_of(b"behind", "text/plain"))
    assert worker.ends(broken)[0].code == 503
    assert shared_frontend.exit_of(spawn_id)["code"] == 5
    until(lambda: worker.closed, "the end of the connection")
    expected = "its accelerator fails every call: RuntimeError: device-side assert triggered"
    assert worker.unusable == {"reason": expected}
    assert expected in shared_frontend.text(spawn_id, stderr=True)
    if code is HANDLER:
        assert worker.of(behind) == [], "it began nothing more"


class Backend:
    """Stands for ``torch.cuda``."""

    def __init__(self, *faults: Exception | None, initialized: bool = True) -> None:
        self.faults = list(faults)
        self.initialized = initialized
        self.synchronized: list[tuple[int, ...]] = []

    def is_initialized(self) -> bool:
        return self.initialized

    def synchronize(self, *device: int) -> None:
        self.synchronized.append(device)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault

    def current_device(self) -> int:
        return 1

    def device_count(self) -> int:
        return 4

    def memory_reserved(self, device: int) -> int:
        return 1 << 20 if device in (1, 3) else 0


class AcceleratorError(RuntimeError):
    error_code: int | None = None


def coded(code: int | None) -> AcceleratorError:
    error = AcceleratorError(f"code {code}")
    error.error_code = code
    return error


def torch_of(monkeypatch: pytest.MonkeyPatch, **backends: Any) -> None:
    fake = SimpleNamespace(AcceleratorError=AcceleratorError, **backends)
    monkeypatch.setitem(sys.modules, "torch", fake)


def test_accelerator_that_works_is_believed_whatever_the_error_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = Backend()
    torch_of(monkeypatch, cuda=cuda)
    for error in (RuntimeError("CUDA error"), coded(710), MemoryError(), ValueError("x")):
        assert accelerator.why_unusable(error) is None
    assert set(cuda.synchronized) == {(), (3,)}, "no device that it does not use"


def test_error_that_a_kernel_left_behind_is_told_once_and_does_not_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch_of(monkeypatch, cuda=Backend(RuntimeError("late"), None))
    assert accelerator.why_unusable(ValueError("x")) is None


@pytest.mark.parametrize("name", ["cuda", "xpu"])
def test_synchronisation_that_fails_twice_is_the_end(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fault = RuntimeError("illegal memory access")
    torch_of(monkeypatch, **{name: Backend(fault, fault)})
    reason = accelerator.why_unusable(ValueError("x"))
    assert reason == "its accelerator fails every call: RuntimeError: illegal memory access"
    torch_of(monkeypatch, **{name: Backend(None, fault, fault)})
    assert accelerator.why_unusable(ValueError("of the other device")) is not None


def test_without_an_accelerator_to_ask_the_type_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_of(monkeypatch, cuda=Backend(initialized=False))
    assert (
        accelerator.why_unusable(coded(710)) == "its accelerator failed: AcceleratorError: code 710"
    )
    assert accelerator.why_unusable(coded(None)) is not None
    assert accelerator.why_unusable(coded(2)) is None, "out of memory passes"
    assert accelerator.why_unusable(RuntimeError("CUDA error: device-side assert")) is None
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = coded(700)
    assert accelerator.why_unusable(wrapped) is not None
    monkeypatch.delitem(sys.modules, "torch")
    assert accelerator.why_unusable(coded(710)) is None

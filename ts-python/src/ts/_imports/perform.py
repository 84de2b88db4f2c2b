"""Performs imports in a template process, and tells what of their effects a fork cannot share."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ts._zygote import linux
from ts._zygote.descriptors import open_descriptors

_THREADS_END_SEC = 0.5
_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")


class Disqualified(Exception):
    """The imports cannot be shared with forks of this process.

    Args:
        reason: What they do.
        always: Whether they would do it again at the next start: a failure may have passed then.
    """

    def __init__(self, reason: str, *, always: bool = True) -> None:
        super().__init__(reason)
        self.always = always


@dataclass(frozen=True, slots=True)
class EnvironmentChanges:
    """What imports have done to the variables of the environment."""

    set: Mapping[str, str]
    unset: tuple[str, ...]

    @classmethod
    def since(cls, before: Mapping[str, str]) -> EnvironmentChanges:
        """Return the changes since a copy was made."""
        now = dict(os.environ)
        changed = {name: value for name, value in now.items() if before.get(name) != value}
        return cls(changed, tuple(name for name in before if name not in now))

    def apply(self) -> None:
        """Make the same changes in this process."""
        os.environ.update(self.set)
        for name in self.unset:
            os.environ.pop(name, None)


def perform(imports: Sequence[str]) -> EnvironmentChanges:
    """Import everything, and check that forks of this process would work.

    Raises:
        Disqualified: An import fails, or has an effect that a fork cannot share; says which.
    """
    environment = dict(os.environ)
    handlers = _signal_handlers()
    folder = os.getcwd()
    temporary: list[str] = []
    importlib.invalidate_caches()
    with _noting_temporary_files(temporary):
        for text in imports:
            _import(text)
    named = _named(imports)
    if _signal_handlers() != handlers:
        raise Disqualified(f"importing {named} set a signal handler")
    if os.getcwd() != folder:
        raise Disqualified(f"importing {named} changed the working folder")
    if temporary:
        raise Disqualified(
            f"importing {named} made the temporary file {temporary[0]}, which workers would share"
        )
    if linux.children_of(os.getpid()):
        raise Disqualified(f"importing {named} started a process")
    reason = shared_resources()
    if reason is not None:
        raise Disqualified(f"importing {named} {reason}")
    return EnvironmentChanges.since(environment)


def _import(text: str) -> None:
    optional = text.startswith("?")
    module, _, name = text.lstrip("?").partition(":")
    try:
        imported = importlib.import_module(module)
        if name and not hasattr(imported, name):
            importlib.import_module(f"{module}.{name}")
    except BaseException as error:
        if optional and isinstance(error, Exception):
            return
        first_line = (str(error).splitlines() or [""])[0]
        kind = type(error).__name__
        reason = f"importing {module} failed: {kind}: {first_line}"
        raise Disqualified(reason, always=False) from error


def _named(imports: Sequence[str]) -> str:
    modules = list(dict.fromkeys(text.lstrip("?").partition(":")[0] for text in imports))
    rest = f" and {len(modules) - 5} more" if len(modules) > 5 else ""
    return ", ".join(modules[:5]) + rest


def _signal_handlers() -> dict[int, object]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


@contextlib.contextmanager
def _noting_temporary_files(names: list[str]) -> Iterator[None]:
    """Note the temporary files and folders that are made through `tempfile`."""

    def noting(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **keywords: Any) -> Any:
            result = make(*arguments, **keywords)
            names.append(str(result[1] if isinstance(result, tuple) else result))
            return result

        return made

    # All of the module's functions and classes make files by these two.
    module: Any = tempfile
    saved = {name: getattr(module, name) for name in ("mkdtemp", "_mkstemp_inner")}
    for name, make in saved.items():
        setattr(module, name, noting(make))
    try:
        yield
    finally:
        for name, make in saved.items():
            setattr(module, name, make)


def shared_resources() -> str | None:
    """Return what this process has started or opened that a fork would lack or must not share.

    The text completes a sentence such as "importing x ...".
    """
    end_progress_bars()
    others = running_threads()
    if others:
        return f"started threads that still run ({', '.join(others[:8])})"
    sockets = network_sockets(connected=False)
    if sockets:
        return f"opened network sockets ({', '.join(sockets[:8])})"
    torch: Any = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if (cuda is not None and cuda.is_initialized()) or _open_devices():
        return "initialised an accelerator"
    return None


def end_progress_bars() -> None:
    """End the thread that redraws tqdm's bars; it is started again where it is needed."""
    bars: Any = getattr(sys.modules.get("tqdm"), "tqdm", None)
    monitor = getattr(bars, "monitor", None)
    if monitor is not None:
        monitor.exit()
        bars.monitor = None


def running_threads() -> list[str]:
    """Return the names of the other threads, of those that do not come back after a fork.

    Some pools that Python does not know of, such as OpenBLAS's, end before each fork and start
    again when they are needed: so look after one.
    """
    others = [t.name for t in threading.enumerate() if t is not threading.current_thread()]
    if others:
        return others
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    deadline = time.monotonic() + _THREADS_END_SEC
    while True:
        names = []
        for task in Path("/proc/self/task").iterdir():
            if int(task.name) != threading.get_native_id():
                with contextlib.suppress(OSError):  # it has just ended
                    names.append((task / "comm").read_text(encoding="utf-8").strip())
        if not names or time.monotonic() > deadline:
            return names
        time.sleep(0.01)


def network_sockets(*, connected: bool) -> list[str]:
    """Return the addresses of internet sockets: of their other ends if `connected`, else of own."""
    found = []
    for number in open_descriptors():
        # Without another end there is no connection.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as sock:
                    if sock.family in (socket.AF_INET, socket.AF_INET6):
                        address = sock.getpeername() if connected else sock.getsockname()
                        found.append(f"{address[0]}:{address[1]}")
    return found


def _open_devices() -> bool:
    files = (os.readlink(f"/proc/self/fd/{number}") for number in open_descriptors())
    return any(file.startswith(_DEVICES) for file in files)

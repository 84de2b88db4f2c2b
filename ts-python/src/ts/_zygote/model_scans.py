"""Short-lived forks of ``init`` that read files, so that ``init`` itself never waits for a disk."""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from ts._imports.history import are_imports, keep, recall
from ts._imports.scan import scan_model
from ts._protocol.control import Spawn
from ts._zygote import children
from ts._zygote.descriptors import close_all_but

_LIMIT_SEC = 5.0
_MAX_RESULT_BYTES = 1 << 20
_READ_SIZE = 1 << 16


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a model imports.

    Attributes:
        imports: By its source.
        named: Further ones, of classes that its files name.
        kept: As an earlier start has found out.
        refused: Why an earlier start could not share them; empty if it could.
        digest: Stands for the code and the installed packages.
    """

    imports: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    refused: str = ""
    digest: str = ""


@dataclass(slots=True, eq=False)
class _Scan:
    version: int
    pid: int
    pipe: int
    deadline: float
    data: bytearray = field(default_factory=bytearray)


class ModelScans:
    """The scans that run.

    Args:
        selector: The loop's. The loop reaps children it does not know.
        on_result: Takes the number of a version and what was found, which is nothing if the scan
            fails or takes too long.
    """

    def __init__(
        self, selector: selectors.BaseSelector, on_result: Callable[[int, ScanResult], None]
    ) -> None:
        self._selector = selector
        self._on_result = on_result
        self._scans: list[_Scan] = []

    def start(self, version: int, spawn: Spawn) -> None:
        """Read the imports of a version; the result comes later."""
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        pid = _fork(lambda: _scan(spawn, write_end), write_end)
        os.close(write_end)
        scan = _Scan(version, pid, read_end, time.monotonic() + _LIMIT_SEC)
        self._scans.append(scan)
        self._selector.register(read_end, selectors.EVENT_READ, lambda: self._on_data(scan))

    def keep(self, folder: str, digest: str, imports: Sequence[str], refused: str) -> None:
        """Keep what was found out for the next start, if the folder can be written to."""
        _fork(lambda: keep(Path(folder), digest, imports, refused))

    def due_at(self) -> float:
        """Return when `kill_overdue` is to be called, in `time.monotonic` seconds."""
        return min((scan.deadline for scan in self._scans), default=math.inf)

    def kill_overdue(self) -> None:
        """Kill scans that take too long; they have no result."""
        now = time.monotonic()
        for scan in [scan for scan in self._scans if now >= scan.deadline]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(scan.pid, signal.SIGKILL)
            self._end(scan, ScanResult())

    def _on_data(self, scan: _Scan) -> None:
        try:
            data = os.read(scan.pipe, _READ_SIZE)
        except BlockingIOError:
            return
        scan.data += data
        if not data:
            self._end(scan, _result_of(scan.data))
        elif len(scan.data) > _MAX_RESULT_BYTES:
            scan.deadline = 0.0

    def _end(self, scan: _Scan, result: ScanResult) -> None:
        self._scans.remove(scan)
        self._selector.unregister(scan.pipe)
        os.close(scan.pipe)
        self._on_result(scan.version, result)


def _fork(action: Callable[[], None], *kept: int) -> int:
    """Run an action in a fork that keeps these descriptors of ``init``; return its pid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _run(action, kept)
    return pid


def _run(action: Callable[[], None], kept: Sequence[int]) -> NoReturn:
    try:
        children.forget_handlers_of_parent()
        # Above all the lifelines of workers: they must close with init.
        close_all_but(kept)
        action()
    except BaseException:
        # No result is one too: the worker imports for itself.
        os._exit(1)
    os._exit(0)


def _scan(spawn: Spawn, write_end: int) -> None:
    wanted = spawn.imports
    if wanted is None:
        return
    inherited = [p for p in spawn.env.get("PYTHONPATH", "").split(os.pathsep) if p]
    path = list(dict.fromkeys([*spawn.path, *inherited, *sys.path]))
    found = scan_model(Path(spawn.cwd), wanted.handler, wanted.envelope, path)
    kept, refused = recall(Path(wanted.history), found.digest) if wanted.history else ((), "")
    result = {
        "imports": found.imports,
        "named": found.named,
        "kept": kept,
        "refused": refused,
        "digest": found.digest,
    }
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(json.dumps(result).encode())


def _result_of(data: bytes | bytearray) -> ScanResult:
    try:
        fields = json.loads(data)
        imports, named, kept = fields["imports"], fields["named"], fields["kept"]
        refused, digest = str(fields["refused"]), str(fields["digest"])
    except (ValueError, KeyError, TypeError):
        return ScanResult()
    if not all(map(are_imports, (imports, named, kept))):
        return ScanResult()
    return ScanResult(tuple(imports), tuple(named), tuple(kept), refused, digest)

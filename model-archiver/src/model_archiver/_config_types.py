"""The types of the keys of model-config.yaml, as the server checks them when a model is registered.

What the server refuses is refused here, where it was written; what it corrects is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from model_archiver._config_values import WrongValue, shown
from model_archiver._config_warmup import check_warmup

_MAX_INT = 2**31 - 1
_MAX_CONCURRENCY = 1024
_MAX_NAMES = 64
_MAX_NAME = 256
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


Check = Callable[[Any], "str | None"]
"""Returns what the server does instead with a value that it corrects, or None; may raise."""


def problems_of(document: Mapping[Any, Any]) -> tuple[list[str], list[str]]:
    """Return what the server would refuse, and what it would correct, a sentence for each."""
    refused: list[str] = []
    corrected: list[str] = []
    for key, check in _CHECKS.items():
        value = document.get(key)
        if value is None:
            continue
        try:
            correction = check(value)
        except WrongValue as wrong:
            text = wrong.shown or shown(value)
            refused.append(f"{key} is {text}, expected {wrong}")
            continue
        if correction is not None:
            corrected.append(f"{key} is {shown(value)}, {correction}")
    if not refused:
        refused += _combinations(document)
    return refused, corrected


def _combinations(document: Mapping[Any, Any]) -> list[str]:
    """Return why the values do not go together."""
    least, most = document.get("minWorkers"), document.get("maxWorkers")
    found = []
    if least is not None and most is not None and 1 <= most < max(least, 1):
        found.append(f"maxWorkers is {most}, expected at least minWorkers, which is {least}")
    if document.get("sequenceBatching") and (document.get("sequenceMaxIdleMSec") or 0) < 1:
        found.append("sequenceBatching is true without sequenceMaxIdleMSec, expected 1 or more")
    if document.get("sequenceBatching") and isinstance(document.get("warmup"), list):
        found.append("warmup is set beside sequenceBatching, expected one of them")
    if document.get("preloadModel"):
        if document.get("asyncCommunication"):
            found.append("preloadModel is true beside asyncCommunication, expected one of them")
        if document.get("concurrency") is not None:
            found.append("preloadModel is true beside concurrency, expected one of them")
        if str(document.get("workerStart", "")).lower() == "spawn":
            found.append("preloadModel is true beside workerStart: spawn, expected fork")
    found += _of_ranks(document)
    return found


def _of_ranks(document: Mapping[Any, Any]) -> list[str]:
    """Return what does not go together with a worker of several processes."""
    kind = str(document.get("parallelType", "")).lower()
    torchrun = document.get("torchrun") or {}
    if kind not in ("pp", "tp", "pptp") or not (torchrun or document.get("parallelLevel")):
        return []
    found = []
    if (torchrun.get("nnodes") or 1) > 1:
        found.append(f"torchrun.nnodes is {torchrun['nnodes']}, expected 1")
    for key in ("asyncCommunication", "concurrency", "preloadModel"):
        if document.get(key):
            found.append(f"{key} is set beside parallelType: {kind}, expected one of them")
    return found


@dataclass(frozen=True)
class _Number:
    """A whole number; a smaller one than `least` is corrected, or refused."""

    least: int
    instead: str | None
    word: str | None = None
    most: int = _MAX_INT

    def __call__(self, value: Any) -> str | None:
        if self.word is not None and isinstance(value, str) and value.lower() == self.word:
            return None
        also = f", or {self.word}" if self.word else ""
        too_small = type(value) is int and value < self.least
        if too_small and self.instead is not None:
            return f"expected {self.least} or more; the server {self.instead}"
        if type(value) is not int or too_small or value > self.most:
            raise WrongValue(f"a whole number from {self.least} to {self.most}, not quoted{also}")
        return None


def _flag(value: Any) -> str | None:
    if not isinstance(value, bool):
        raise WrongValue("true or false, not quoted")
    return None


@dataclass(frozen=True)
class _Word:
    words: tuple[str, ...]
    instead: str | None = None

    def __call__(self, value: Any) -> str | None:
        if isinstance(value, str) and value.lower() in self.words:
            return None
        if isinstance(value, str) and self.instead is not None:
            return f"expected one of {', '.join(self.words)}; the server {self.instead}"
        raise WrongValue(f"one of {', '.join(self.words)}")


def _numbers(value: Any) -> str | None:
    if not isinstance(value, list):
        raise WrongValue("a list of whole numbers")
    number = _Number(0, "")
    too_small = False
    for each in value:
        try:
            too_small = number(each) is not None or too_small
        except WrongValue as wrong:
            raise WrongValue(f"in its list {wrong}", shown(each)) from None
    return "expected 0 or more; the server ignores the whole list" if too_small else None


def _modules(value: Any) -> str | None:
    if value is False or (isinstance(value, str) and value.lower() in ("auto", "off")):
        return None
    if not isinstance(value, list):
        raise WrongValue("auto, off or a list of names of Python modules")
    for each in value:
        if not isinstance(each, str) or not _MODULE.fullmatch(each):
            raise WrongValue("in its list names of Python modules", shown(each))
    return None


_MAX_RANKS = 256
_TORCHRUN = {
    "nproc-per-node": _Number(1, None, most=_MAX_RANKS),
    "nnodes": _Number(1, None),
    "OMP_NUMBER_THREADS": _Number(1, None, most=1024),
    "monitor-interval": _Number(1, None, most=3600),
}


def _names(value: Any) -> str | None:
    names = value if isinstance(value, list) else [value]
    expected = (
        f"a name or a list of at most {_MAX_NAMES}, each of 1 to {_MAX_NAME} printable characters"
        " without blanks"
    )
    if len(names) > _MAX_NAMES:
        raise WrongValue(expected)
    for name in names:
        plain = isinstance(name, str) and name.isprintable() and not re.search(r"\s", name)
        if not plain or not 1 <= len(name) <= _MAX_NAME:
            raise WrongValue(expected, shown(name))
    return None


def _torchrun(value: Any) -> str | None:
    if not isinstance(value, dict):
        raise WrongValue("a map")
    for key, check in _TORCHRUN.items():
        if value.get(key) is not None:
            try:
                check(value[key])
            except WrongValue as wrong:
                raise WrongValue(f"as {key} {wrong}", shown(value[key])) from None
    return None


def _raised(least: int = 1) -> _Number:
    return _Number(least, f"takes {least}")


def _ignored(least: int, word: str | None = None) -> _Number:
    return _Number(least, "ignores it", word)


_CHECKS: dict[str, Check] = {
    "minWorkers": _raised(),
    "maxWorkers": _ignored(1),
    "batchSize": _raised(),
    "maxBatchDelay": _ignored(0, "adaptive"),
    "responseTimeout": _ignored(1),
    "startupTimeout": _ignored(1),
    "maxRetryTimeoutInSec": _ignored(0),
    "clientTimeoutInMills": _ignored(0),
    "jobQueueSize": _ignored(0),
    "useJobTicket": _flag,
    "retryOnWorkerDeath": _flag,
    "maxFailuresInRow": _Number(0, None),
    "deviceType": _Word(("cpu", "gpu"), "ignores it"),
    "deviceIds": _numbers,
    "continuousBatching": _flag,
    "sequenceBatching": _flag,
    "sequenceMaxIdleMSec": _ignored(0),
    "sequenceTimeoutMSec": _ignored(0),
    "maxNumSequence": _raised(),
    "maxSequenceJobQueueSize": _raised(),
    "asyncCommunication": _flag,
    "concurrency": _Number(1, None, most=_MAX_CONCURRENCY),
    "useVenv": _flag,
    "workerStart": _Word(("fork", "spawn")),
    "preloadModel": _flag,
    "templateImports": _modules,
    "cpuLauncher": _flag,
    "parallelType": _Word(("pp", "tp", "pptp", "custom")),
    "parallelLevel": _Number(0, None, most=_MAX_RANKS),
    "torchrun": _torchrun,
    "servedModelName": _names,
    "warmup": check_warmup,
}
CHECKED_KEYS = frozenset(_CHECKS)

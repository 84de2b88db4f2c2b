"""The words of ``cpu_launcher_args``, which were those of ``torch.backends.xeon.run_cpu``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ts._zygote.cores import CoreOptions, parse_cpu_list

_MAX_CPU = 4096
_DIVIDED = "the server itself divides the cores"
_OWN_LIBRARY = "set LD_PRELOAD for the server instead"
_WITHOUT_EFFECT = {
    # The word, whether a value follows, and why it has no effect.
    "ninstances": (True, _DIVIDED),
    "rank": (True, _DIVIDED),
    "multi-instance": (False, _DIVIDED),
    "throughput-mode": (False, _DIVIDED),
    "latency-mode": (False, "set cores with --ncores-per-instance instead"),
    "disable-taskset": (False, ""),
    "enable-tcmalloc": (False, _OWN_LIBRARY),
    "enable-jemalloc": (False, _OWN_LIBRARY),
    "use-default-allocator": (False, ""),
    "disable-iomp": (False, ""),
    "log-path": (True, "the model log has the output"),
    "log-file-prefix": (True, "the model log has the output"),
    "m": (False, "the server starts its own program"),
    "module": (False, "the server starts its own program"),
    "no-python": (False, "the server starts its own program"),
}
_ALIASES = {
    "use-logical-core": "use-logical-cores",
    "core-list": "cores-list",
    "ncore-per-instance": "ncores-per-instance",
}


def parse_core_options(words: Sequence[str]) -> tuple[CoreOptions, list[str]]:
    """Return the options, and a sentence for each word that has no effect."""
    chosen: dict[str, Any] = {}
    remarks: list[str] = []
    left = [piece for word in words for piece in _split(word)]
    while left:
        word = left.pop(0)
        name = word.lstrip("-").replace("_", "-").lower()
        name = _ALIASES.get(name, name)
        if not word.startswith("-"):
            remarks.append(f"{word!r} has no effect, expected an option that begins with --")
        elif name == "use-logical-cores":
            chosen["use_hyper_threads"] = True
        elif name == "skip-cross-node-cores":
            chosen["one_node"] = True
        elif name == "disable-numactl":
            chosen["bind_memory"] = False
        elif name in _VALUES:
            try:
                field, parse = _VALUES[name]
                chosen[field] = parse(left.pop(0) if left else "")
            except ValueError as error:
                remarks.append(f"{word} has no effect: {error}")
        elif name in _WITHOUT_EFFECT:
            has_value, reason = _WITHOUT_EFFECT[name]
            if has_value and left:
                left.pop(0)
            if reason:
                remarks.append(f"{word} has no effect: {reason}")
        else:
            remarks.append(f"{word} is unknown and has no effect")
    return CoreOptions(**chosen), remarks


def _split(word: str) -> list[str]:
    name, sign, value = word.partition("=")
    return [name, value] if sign and name.startswith("-") else [word]


def _whole(least: int) -> Any:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= _MAX_CPU):
            raise ValueError(f"{text!r}, expected a whole number from {least} to {_MAX_CPU}")
        return int(text)

    return parse


def _list(text: str) -> frozenset[int]:
    try:
        numbers = parse_cpu_list(text) if len(text) < _MAX_CPU else []
    except (ValueError, MemoryError):
        numbers = []
    if not numbers or max(numbers) > _MAX_CPU:
        raise ValueError(f"{text[:80]!r}, expected numbers of CPUs such as 0-3,8")
    return frozenset(numbers)


_VALUES: dict[str, tuple[str, Any]] = {
    "ncores-per-instance": ("cores_each", _whole(1)),
    "node-id": ("node", _whole(0)),
    "cores-list": ("cpus", _list),
}

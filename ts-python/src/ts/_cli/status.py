"""What a server tells about its start, in a file that it replaces as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class State(Enum):
    """How far a start has come."""

    STARTING = "starting"
    STARTED = "started"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The content of a status file; what it does not say is empty."""

    state: State
    reason: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    key_file: str = ""
    stop_time_sec: float | None = None
    version: str = ""

    @property
    def loading(self) -> tuple[str, ...]:
        """The models of the start that could be registered, or still may."""
        return tuple(
            model
            for model in self.models
            if not any(line.startswith(f"{model}: ") for line in self.failed)
        )


def read_status(path: Path) -> Status | None:
    """Return what a status file says, or None while there is none that makes sense."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        state = State(said["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    addresses = said.get("addresses")
    return Status(
        state=state,
        reason=str(said.get("reason") or ""),
        addresses={str(role): str(address) for role, address in addresses.items() if address}
        if isinstance(addresses, dict)
        else {},
        models=_texts(said.get("models")),
        failed=_texts(said.get("failed")),
        warnings=_texts(said.get("warnings")),
        key_file=str(said.get("key_file") or ""),
        stop_time_sec=_seconds(said.get("stop_time_sec")),
        version=str(said.get("version") or ""),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return float(value)

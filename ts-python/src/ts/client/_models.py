"""What a server says about its models."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ts.client._messages import Response


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a server; None where it needs none. `api` only replaces the others."""

    inference: str | None = field(default=None, repr=False)
    management: str | None = field(default=None, repr=False)
    api: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, key_file: str | os.PathLike[str]) -> Tokens:
        """Read ``key_file.json``.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no such file.
        """
        try:
            said = json.loads(Path(key_file).read_text(encoding="utf-8"))
            found = {
                name: str(said[name]["key"])
                for name in ("inference", "management", "API")
                if name in said
            }
        except (ValueError, KeyError, TypeError) as problem:
            raise ValueError(f"{key_file} is no key file: {problem}") from problem
        return cls(found.get("inference"), found.get("management"), found.get("API"))

    def of(self, api: str) -> str | None:
        """Return the token for ``inference``, ``management``, ``metrics`` or ``api``."""
        if api == "metrics":
            return self.inference or self.management
        return {"management": self.management, "api": self.api}.get(api, self.inference)


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One model of the list: its name, and the archive it was registered from."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a model; what is not known is empty."""

    type: str = ""
    message: str = ""
    detail: str = ""
    traceback: str = ""
    time: str = ""

    @classmethod
    def of(cls, said: object) -> Failure | None:
        """Read a member such as ``lastLoadError``; None if there is none."""
        if not isinstance(said, dict):
            return None
        names = ("type", "message", "detail", "traceback", "time")
        return cls(**{name: str(said.get(name) or "") for name in names})

    @property
    def cause(self) -> str:
        """The cause in a line."""
        return self.detail or self.message


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker of a version; `pid` is 0 while it has no process, `memory` is in bytes."""

    id: str
    state: str
    pid: int
    memory: int
    restarts: int
    failures: int
    start_time: str
    state_since: str

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Worker:
        """Read one of the ``workers`` of a description."""
        recovery = said.get("recovery")
        return cls(
            id=str(said.get("id", "")),
            state=str(said.get("state", "")),
            pid=int(said.get("pid") or 0),
            memory=int(said.get("memoryUsage") or 0),
            restarts=int(said.get("restarts") or 0),
            failures=int(recovery.get("failures") or 0) if isinstance(recovery, dict) else 0,
            start_time=str(said.get("startTime", "")),
            state_since=str(said.get("stateSince", "")),
        )


@dataclass(frozen=True, slots=True)
class ModelState:
    """The description of one version of a model.

    Attributes:
        state: ``READY``, ``LOADING``, ``FAILED`` and so on, see docs/management.md.
        reason: Why it is not ready; "" if it is.
        last_load_error: Why a worker could not load it; None if none failed.
        description: All that the server says, by the names of docs/management.md.
    """

    name: str
    version: str
    url: str
    state: str
    reason: str
    ready_workers: int
    min_workers: int
    max_workers: int
    batch_size: int
    is_default: bool
    pending_requests: int
    workers: tuple[Worker, ...]
    last_load_error: Failure | None
    last_error: Failure | None
    description: Mapping[str, Any] = field(repr=False)

    @property
    def ready(self) -> bool:
        """Whether as many workers as there should be have the model loaded."""
        return self.state == "READY"

    @property
    def failed(self) -> bool:
        """Whether loading it has failed, for good or until a restart succeeds."""
        return self.state in ("FAILED", "RECOVERING") or (
            not self.ready and any(worker.failures for worker in self.workers)
        )

    @property
    def settled(self) -> bool:
        """Whether loading has come to an end: it is ready, has failed, or has no workers."""
        return self.ready or self.failed or self.state in ("NO_WORKERS", "UNLOADING")

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> ModelState:
        """Read one description."""
        queue = said.get("jobQueueStatus")
        return cls(
            name=str(said.get("modelName", "")),
            version=str(said.get("modelVersion", "")),
            url=str(said.get("modelUrl", "")),
            state=str(said.get("state", "")),
            reason=str(said.get("reason") or ""),
            ready_workers=int(said.get("readyWorkers") or 0),
            min_workers=int(said.get("minWorkers") or 0),
            max_workers=int(said.get("maxWorkers") or 0),
            batch_size=int(said.get("batchSize") or 1),
            is_default=bool(said.get("defaultVersion")),
            pending_requests=int(queue.get("pendingRequests") or 0)
            if isinstance(queue, dict)
            else 0,
            workers=tuple(Worker.of(worker) for worker in said.get("workers") or ()),
            last_load_error=Failure.of(said.get("lastLoadError")),
            last_error=Failure.of(said.get("lastError")),
            description=said,
        )


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests should be sent to a server, or to one of its models, now.

    Attributes:
        reason: Why not the server as a whole; "" if models are the cause.
        models: Why not its models, by name.
    """

    ready: bool
    reason: str = ""
    models: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.ready

    @classmethod
    def of(cls, response: Response) -> Readiness:
        """Read the answer of ``/ready``. Raises `ServerError` for any other one."""
        if response.status == 200:
            return cls(True)
        try:
            said = json.loads(response.content)
            if said["status"] != "NotReady":
                raise KeyError("status")
        except (ValueError, KeyError, TypeError):
            response.raise_for_status()
            raise
        models = {
            str(model.get("name")): str(model.get("reason") or "")
            for model in said.get("models") or ()
        }
        return cls(False, str(said.get("reason") or ""), models)

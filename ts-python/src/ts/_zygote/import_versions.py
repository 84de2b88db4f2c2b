"""What a template process with imports is known by, and the versions that use it."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ts._protocol.control import Spawn
from ts._zygote.frontend_channel import ZYGOTE_ID
from ts._zygote.managed_process import ManagedProcess
from ts._zygote.template_pool import TemplatePool, TemplateProcess

IMPORT_LIMIT_SEC = 60.0
_WAIT_LIMIT_SEC = 10.0
"""How long a worker waits for imports, which it could do for itself meanwhile."""
_FORK_LIMIT_SEC = 2.0
_PER_WORKER = ("CUDA_VISIBLE_DEVICES",)

Key = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]
"""Imports, folders in front of the module search path, environment."""


class ImportTemplate(TemplateProcess):
    """One process that has imported modules.

    Attributes:
        key: What makes it the right one.
        users: Numbers of the versions that are served, or will be served, by it.
        modules: What it has imported of installed packages, once it is ready.
        started_at: When it was forked, in `time.monotonic` seconds; infinite until then.
        wait_until: When workers stop waiting for the imports.
    """

    def __init__(self, pool: TemplatePool[Any], process_id: int, key: Key, spawn: Spawn) -> None:
        super().__init__(pool, process_id, spawn, ZYGOTE_ID)
        self.key = key
        self.users: set[int] = set()
        self.modules: frozenset[str] = frozenset()
        self.started_at = self.wait_until = math.inf
        self.fork_limit_sec = _FORK_LIMIT_SEC

    def begin(self) -> None:
        """Count the time from now: it runs."""
        self.started_at = time.monotonic()
        self.wait_until = self.started_at + _WAIT_LIMIT_SEC
        self.response_deadline = self.started_at + IMPORT_LIMIT_SEC

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports."""
        return self.key[0]


@dataclass(slots=True, eq=False)
class ImportVersion:
    """One model version whose workers are to be forks of a template process.

    Attributes:
        spawn: Of its first worker: handler, environment, path.
        candidates: Imports to be tried if those in use cannot be shared, best first.
        digest: Stands for its code; empty until it is known.
        scanning: Workers that wait until it is known what to import; None when it is.
        template: From which its workers are forked.
        next_template: Takes its place as soon as it is ready.
        reason: Why its workers are forked from the zygote, if they are.
        lessons: How often its workers had more to import.
        tried: Of the template processes that it could have, usable or not.
        lost: Of the template process that is to be started again.
    """

    number: int
    spawn: Spawn
    candidates: deque[tuple[str, ...]] = field(default_factory=deque)
    digest: str = ""
    scanning: list[ManagedProcess] | None = None
    template: ImportTemplate | None = None
    next_template: ImportTemplate | None = None
    reason: str | None = None
    lessons: int = 0
    tried: set[Key] = field(default_factory=set)
    lost: Key | None = None


def key_of(imports: tuple[str, ...], spawn: Spawn) -> Key:
    """Return what a process has to have in common with a worker to be forked for it."""
    own = Path(spawn.cwd)
    folders = tuple(folder for folder in spawn.path if not Path(folder).is_relative_to(own))
    environment = tuple(sorted((k, v) for k, v in spawn.env.items() if k not in _PER_WORKER))
    return imports, folders, environment


def template_spawn(key: Key, spawn: Spawn) -> Spawn:
    """Return the spawn request of a template process; none of a model's folders is in it."""
    imports, folders, environment = key
    return Spawn(
        worker="imports",
        start="fork",
        python=spawn.python,
        cwd=os.sep,
        address="",
        secret="",
        env=dict(environment),
        path=list(folders),
        template_imports=imports,
    )

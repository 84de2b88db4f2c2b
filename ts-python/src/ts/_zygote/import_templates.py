"""The template processes that have imported what handlers need, as ``init`` sees them.

A process is known by what it has imported, and by the environment. Versions that need the same
share it. It is forked from the zygote, serves until no version uses it, and is replaced in the
background when a worker has imported more than it has. It is never waited for longer than the
imports are worth: what cannot be forked from it is forked from the zygote.
"""

from __future__ import annotations

import math
import selectors
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ts._protocol.control import Spawn
from ts._zygote.frontend_channel import FrontendChannel
from ts._zygote.import_versions import (
    IMPORT_LIMIT_SEC,
    ImportTemplate,
    ImportVersion,
    Key,
    key_of,
    template_spawn,
)
from ts._zygote.managed_process import ManagedProcess, process_limit
from ts._zygote.model_scans import ModelScans, ScanResult
from ts._zygote.reapers import Reapers
from ts._zygote.template_pool import ProcessStarter, TemplatePool, how_it_ended
from ts._zygote.zygote_process import restart_delay

_MAX_TEMPLATES = 8
_WORKERS_PER_TEMPLATE = 4
_TOO_MANY = "as many template processes run as may be"
_MIN_MODULES = 25
"""Fewer that a worker has imported for itself are not worth another process."""
_MAX_LESSONS = 3
"""How often a version gets another template process because its workers import more."""
_STABLE_SEC = 30.0
_FIRST_ID = 0xFFFFFFFF
"""Spawn ids are given from 1 up, those of these processes from here down."""


class ImportTemplates(TemplatePool[ImportTemplate]):
    """All template processes with imports. See `TemplatePool`."""

    def __init__(
        self,
        starter: ProcessStarter,
        frontend: FrontendChannel,
        reapers: Reapers,
        selector: selectors.BaseSelector,
    ) -> None:
        super().__init__(starter, frontend, reapers, selector)
        self._versions: dict[int, ImportVersion] = {}
        self._disqualified: dict[Key, str] = {}
        self._failures: dict[Key, int] = {}
        self._restarts: dict[Key, float] = {}
        self._scans = ModelScans(selector, self._on_scanned)
        self._next_id = _FIRST_ID

    @property
    def count(self) -> int:
        """How many processes there are."""
        return len(self._all)

    def started(self, process: ManagedProcess) -> None:
        """A template process has a pid; see `ProcessOwner`."""
        self._of(process).begin()

    def submit(self, process: ManagedProcess) -> None:
        """Have a process forked from the right template process, or from the zygote."""
        wanted = process.spawn.imports
        if wanted is None:
            raise RuntimeError("the process is not to be forked from a template process")
        version = self._versions.get(wanted.version)
        if version is None:
            version = self._versions[wanted.version] = ImportVersion(wanted.version, process.spawn)
            if wanted.names is not None:
                version.candidates.append(wanted.names)
                self._choose(version)
            else:
                version.scanning = []
                self._scans.start(wanted.version, process.spawn)
        if version.scanning is not None:
            version.scanning.append(process)
        else:
            self._fork(version, process)

    def cancel(self, process: ManagedProcess) -> bool:
        """Remove a process that waits; return whether it did."""
        for version in self._versions.values():
            if version.scanning is not None and process in version.scanning:
                version.scanning.remove(process)
                return True
        for template in self._all:
            if process in template.waiting:
                template.waiting.remove(process)
                if template.draining:
                    self._end_if_idle(template)
                return True
        return False

    def release(self, number: int) -> None:
        """Forget a version; a template process that no other version uses ends."""
        version = self._versions.pop(number, None)
        if version is None:
            return
        for process in version.scanning or ():
            self._starter.fork_from_zygote(process)
        for template in (version.template, version.next_template):
            self._leave(version, template)
        # What is wrong with an import may be put right before the model is registered again.
        for key in version.tried.difference(*(other.tried for other in self._versions.values())):
            self._disqualified.pop(key, None)
            self._failures.pop(key, None)
            self._restarts.pop(key, None)

    def learned(self, number: int, imported: Sequence[str]) -> None:
        """A worker of a version has imported these for itself: have the next one find them."""
        version = self._versions.get(number)
        wanted = None if version is None else version.spawn.imports
        if version is None or wanted is None or wanted.names is not None:
            return
        template = version.template
        if template is not None and not template.ready:
            return  # its workers were forked from the zygote; the next ones tell more
        known = frozenset() if template is None else template.modules
        more = tuple(name for name in imported if name not in known)
        too_often = version.lessons >= _MAX_LESSONS or version.next_template is not None
        if len(more) < _MIN_MODULES or too_often:
            return
        version.lessons += 1
        known_imports = () if template is None else template.imports
        key = key_of(tuple(dict.fromkeys((*known_imports, *more))), version.spawn)
        version.tried.add(key)
        found = self._obtain(key, version.spawn)
        if found is not None:
            found.users.add(number)
            version.next_template = found
            if found.ready:
                self._switch(version)

    def due_at(self) -> float:
        """Return when `do_due` is to be called, in `time.monotonic` seconds."""
        waits = (t.wait_until for t in self._all if not t.ready and t.waiting)
        times = (super().due_at(), self._scans.due_at(), *waits, *self._restarts.values())
        return min(times, default=math.inf)

    def do_due(self) -> None:
        """Kill what has not responded in time, end waits, and start what has to be again."""
        now = time.monotonic()
        for template in list(self._all):
            if not template.ready and not template.draining and now >= template.response_deadline:
                limit = f"takes longer than {IMPORT_LIMIT_SEC:.0f} s"
                self._disqualify(template, f"importing {_modules_of(template)} {limit}")
        super().do_due()
        self._scans.kill_overdue()
        for template in list(self._all):
            if not template.ready and now >= template.wait_until:
                self._fork_waiting_from_zygote(template, "its imports take long")
        for key in [key for key, at in self._restarts.items() if now >= at]:
            del self._restarts[key]
            for version in self._versions.values():
                if version.lost == key:
                    version.lost = None
                    version.candidates.appendleft(key[0])
                    self._choose(version)

    # What to import

    def _on_scanned(self, number: int, result: ScanResult) -> None:
        version = self._versions.get(number)
        if version is None:
            return
        version.digest = result.digest
        if result.kept:
            version.candidates.append(result.kept)
        if result.refused:
            # Found out once is enough: no worker waits for it again.
            version.reason = result.refused
        elif result.imports:
            if result.named:
                version.candidates.append((*result.imports, *result.named))
            version.candidates.append(result.imports)
        self._choose(version)
        waiting, version.scanning = version.scanning or [], None
        for process in waiting:
            self._fork(version, process)

    def _choose(self, version: ImportVersion) -> None:
        """Give a version the template process of its first candidate that can be had."""
        while version.candidates and version.template is None:
            key = key_of(version.candidates.popleft(), version.spawn)
            if not key[0]:
                continue
            version.tried.add(key)
            template = self._obtain(key, version.spawn)
            if template is None:
                version.reason = self._disqualified.get(key, _TOO_MANY)
            else:
                version.template = template
                version.reason = None
                template.users.add(version.number)

    def _obtain(self, key: Key, spawn: Spawn) -> ImportTemplate | None:
        """Return the template process for a key, started if need be; None if there can be none."""
        if key in self._disqualified:
            return None
        for template in self._all:
            if template.key == key and not template.draining:
                return template
        if self._has_too_many():
            return self._similar(key)
        template = ImportTemplate(self, self._next_id, key, template_spawn(key, spawn))
        self._next_id -= 1
        self._add(template)
        self._starter.fork_from_zygote(template.process)
        return template

    def _has_too_many(self) -> bool:
        running = sum(not template.draining for template in self._all)
        # Where descriptors are few, they are for workers.
        return running >= min(_MAX_TEMPLATES, process_limit() // _WORKERS_PER_TEMPLATE)

    def _similar(self, key: Key) -> ImportTemplate | None:
        """Return the process that has most of these imports and no others."""
        imports = set(key[0])
        fitting = [
            template
            for template in self._all
            if not template.draining and template.key[1:] == key[1:]
            if imports.issuperset(template.imports)
        ]
        return max(fitting, key=lambda template: len(template.imports), default=None)

    def _switch(self, version: ImportVersion) -> None:
        """Use the next template process from now on, and keep what it imports."""
        previous, version.template = version.template, version.next_template
        version.next_template = None
        self._leave(version, previous)
        wanted, template = version.spawn.imports, version.template
        if template is not None and wanted is not None and wanted.history and version.digest:
            self._scans.keep(wanted.history, version.digest, template.imports, "")

    def _leave(self, version: ImportVersion, template: ImportTemplate | None) -> None:
        if template is not None:
            template.users.discard(version.number)
            if not template.users:
                if template.ready:
                    self._drain(template)
                else:
                    self._fork_waiting_from_zygote(template, "its model is no longer served")
                    self._kill(template)

    # Forks

    def _fork(self, version: ImportVersion, process: ManagedProcess) -> None:
        template = version.template
        late = template is not None and not template.ready
        if template is None or (late and time.monotonic() >= template.wait_until):
            process.plain_fork = version.reason
            self._starter.fork_from_zygote(process)
            return
        template.waiting.append(process)
        self._fork_next(template)

    def _fork_waiting_from_zygote(self, template: ImportTemplate, reason: str) -> None:
        while template.waiting:
            process = template.waiting.popleft()
            process.plain_fork = reason
            self._starter.fork_from_zygote(process)

    def _on_ready(self, template: ImportTemplate, fields: dict[str, Any]) -> None:
        failed = fields.get("failed")
        if failed is not False:
            if fields.get("always"):
                self._keep_refusal(template, str(failed))
            self._disqualify(template, str(failed))
            template.draining = True
            return
        template.modules = frozenset(map(str, fields.get("modules", ())))
        for version in self._versions.values():
            if version.next_template is template:
                self._switch(version)

    def _keep_refusal(self, template: ImportTemplate, reason: str) -> None:
        for version in self._users_of(template):
            wanted = version.spawn.imports
            if version.candidates:
                continue  # others are tried, and may do
            if wanted is not None and wanted.history and version.digest:
                self._scans.keep(wanted.history, version.digest, (), reason)

    def _users_of(self, template: ImportTemplate) -> list[ImportVersion]:
        return [version for number, version in self._versions.items() if number in template.users]

    def _disqualify(self, template: ImportTemplate, reason: str) -> None:
        """Have no template process for these imports; try others where there are some."""
        self._disqualified[template.key] = reason
        self._frontend.log(f"Imports are not shared between workers: {reason}")
        for version in self._users_of(template):
            if version.next_template is template:
                version.next_template = None
            elif version.template in (None, template):
                version.template = None
                version.reason = reason
                self._choose(version)
        template.users.clear()
        self._fork_waiting_from_zygote(template, reason)

    def _on_not_forked(
        self, template: ImportTemplate, process: ManagedProcess, reason: str
    ) -> None:
        self._starter.drop_attempt(process)
        process.plain_fork = reason
        self._starter.fork_from_zygote(process)

    def _on_lost(self, template: ImportTemplate, ending: Mapping[str, Any]) -> None:
        """Fork what waits for it from the zygote, and start another one later."""
        how = how_it_ended({k: v for k, v in ending.items() if k != "error"})
        how = str(ending.get("error", how))
        forking = [process for process in template.waiting if process.reaper is not None]
        for process in forking:
            self._starter.drop_attempt(process)
        if template.draining and not template.users:
            self._fork_waiting_from_zygote(template, "its template process is gone")
            return
        if not template.ready:
            self._disqualify(
                template,
                f"the process that imports ended with {how}: {', '.join(template.imports[:5])}",
            )
            return
        stable = time.monotonic() - template.started_at > _STABLE_SEC
        failures = 0 if stable else self._failures.get(template.key, 0)
        self._failures[template.key] = failures + 1
        self._restarts[template.key] = time.monotonic() + restart_delay(failures)
        self._frontend.log(f"{self._name(template)} ended ({how}) and is started again")
        for version in self._users_of(template):
            if version.template in (None, template):
                version.lost = template.key
        self._forget(template)
        self._fork_waiting_from_zygote(template, f"its template process ended with {how}")

    def _forget(self, template: ImportTemplate) -> None:
        for version in self._versions.values():
            if version.template is template:
                version.template = None
            if version.next_template is template:
                version.next_template = None

    def _name(self, template: ImportTemplate) -> str:
        return f"The template process that has imported {_modules_of(template)}"


def _modules_of(template: ImportTemplate) -> str:
    return ", ".join(name.lstrip("?").partition(":")[0] for name in template.imports[:3])

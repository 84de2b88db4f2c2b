"""The template processes that have a model loaded, as ``init`` sees them (`preloadModel`).

A template process is started for the first worker that needs it, as workers are: forked, or as a
program of its own. It runs until the frontend releases it. If its model cannot be loaded, it forks
workers that report this for those that wait, and ends; the next worker gets a new template
process.
"""

from __future__ import annotations

import selectors
from collections.abc import Mapping
from typing import Any

from ts._zygote.frontend_channel import ZYGOTE_ID, FrontendChannel
from ts._zygote.managed_process import ManagedProcess
from ts._zygote.reapers import Reapers
from ts._zygote.template_pool import ProcessStarter, TemplatePool, TemplateProcess, how_it_ended


class ModelTemplate(TemplateProcess):
    """One process that has a model loaded.

    Attributes:
        number: The frontend's number of it.
    """

    def __init__(self, pool: TemplateProcesses, number: int, first: ManagedProcess) -> None:
        super().__init__(pool, first.id, first.spawn, first.id)
        self.number = number
        self.waiting.append(first)


class TemplateProcesses(TemplatePool[ModelTemplate]):
    """All template processes with a model. See `TemplatePool`."""

    def __init__(
        self,
        starter: ProcessStarter,
        frontend: FrontendChannel,
        reapers: Reapers,
        selector: selectors.BaseSelector,
    ) -> None:
        super().__init__(starter, frontend, reapers, selector)
        self._current: dict[int, ModelTemplate] = {}

    def submit(self, process: ManagedProcess) -> None:
        """Have a worker forked by its template process, which is started if need be."""
        number = process.spawn.template
        if number is None:
            raise RuntimeError("the worker is not forked from a template process")
        template = self._current.get(number)
        if template is not None:
            template.waiting.append(process)
            self._fork_next(template)
            return
        template = self._current[number] = ModelTemplate(self, number, process)
        self._add(template)
        self._starter.start(template.process)

    def cancel(self, process: ManagedProcess) -> bool:
        """Remove a worker that waits; return whether it did. A load without waiting worker ends."""
        for template in list(self._all):
            if process in template.waiting:
                template.waiting.remove(process)
                if not template.ready and not template.is_wanted:
                    self._kill(template)
                elif template.draining:
                    self._end_if_idle(template)
                return True
        return False

    def release(self, number: int) -> None:
        """End a template process; one that is unknown has ended already."""
        template = self._current.get(number)
        if template is None:
            return
        while template.waiting:
            ending = {"code": 127, "error": "its model is no longer served"}
            self._starter.not_started(template.waiting.popleft(), ending)
        if template.ready:
            self._drain(template)
        else:
            self._kill(template)

    def _on_ready(self, template: ModelTemplate, fields: dict[str, Any]) -> None:
        # So far its lines were those of the worker for which it was started.
        self._frontend.relabel(template.process.pumps, ZYGOTE_ID)
        if fields.get("failed") is not False:
            self._drain(template)

    def _on_not_forked(self, template: ModelTemplate, process: ManagedProcess, reason: str) -> None:
        self._starter.not_started(process, {"code": 127, "error": reason})

    def _on_lost(self, template: ModelTemplate, ending: Mapping[str, Any]) -> None:
        """The workers that wait for it end in the same way."""
        if self._current.get(template.number) is template and template.ready:
            self._frontend.log(
                f"{self._name(template)} ended ({how_it_ended(ending)});"
                " the model is loaded again for the next worker"
            )
        self._forget(template)
        while template.waiting:
            self._starter.not_started(template.waiting.popleft(), dict(ending))

    def _forget(self, template: ModelTemplate) -> None:
        if self._current.get(template.number) is template:
            del self._current[template.number]

    def _name(self, template: ModelTemplate) -> str:
        return f"The template process of worker {template.process.spawn.worker}"

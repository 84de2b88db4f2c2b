"""Watches models load, and tells it: a line that is written over on terminals, else plain lines."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TextIO

from ts._cli.commands.causes import cause_of
from ts._cli.commands.terminal import Colour, is_terminal, of_state, paint, printable
from ts.client import Client, ModelState, ServerError, ServerUnreachable

_POLL_SEC = 0.1
_CLEAR_LINE = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class ModelLoad:
    """How far the loading of one model has come."""

    name: str
    stage: str
    ended: bool = False
    failed: bool = False
    cause: str = ""
    ready: int = 0
    wanted: int = 0
    seconds: float | None = None

    @property
    def line(self) -> str:
        """What a person reads."""
        if self.failed:
            return f"{self.name} FAILED: {self.cause}"
        took = f" in {self.seconds:.1f} s" if self.seconds is not None else ""
        return f"{self.name} {self.stage}{took}"

    def to_json(self) -> dict[str, Any]:
        """Return the members for programs."""
        return {
            "name": self.name,
            "state": "FAILED" if self.failed else self.stage.split()[0],
            "readyWorkers": self.ready,
            "minWorkers": self.wanted,
            "seconds": self.seconds,
            "cause": self.cause or None,
        }


@dataclass(frozen=True, slots=True)
class Loads:
    """What there is to say about all models at one moment.

    Attributes:
        pending: Why models may be missing from it: the server has not registered all.
    """

    models: tuple[ModelLoad, ...] = ()
    pending: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing is loading any more."""
        return not self.pending and all(model.ended for model in self.models)

    @property
    def failed(self) -> tuple[ModelLoad, ...]:
        """The models that cannot be loaded."""
        return tuple(model for model in self.models if model.failed)


class LoadReport:
    """Tells each stage of each model once."""

    def __init__(self, stream: TextIO, *, silent: bool = False, indent: str = "  ") -> None:
        self._stream = stream
        self._silent = silent
        self._indent = indent
        self._live = is_terminal(stream)
        self._told: dict[str, str] = {}
        self._started = time.monotonic()

    def tell(self, loads: Loads) -> None:
        """Write what is new."""
        if self._silent:
            return
        if self._live:
            self._stream.write(_CLEAR_LINE)
        for model in loads.models:
            if (model.ended or not self._live) and self._told.get(model.name) != model.stage:
                self._told[model.name] = model.stage
                self._write_line(model)
        if self._live and not loads.ended:
            self._write_live(loads)
        self._stream.flush()

    def _write_line(self, model: ModelLoad) -> None:
        text = printable(model.line)
        if model.ended:
            head, word, rest = text.partition("FAILED" if model.failed else model.stage.split()[0])
            colour = of_state("FAILED" if model.failed else word)
            text = head + paint(word, colour, self._stream) + rest
        print(f"{self._indent}{text}", file=self._stream)

    def _write_live(self, loads: Loads) -> None:
        waiting = [printable(model.line) for model in loads.models if not model.ended]
        text = " · ".join(waiting) or loads.pending or "loading"
        seconds = time.monotonic() - self._started
        took = f" ({seconds:.0f} s)"
        # A line that wraps could not be written over.
        room = shutil.get_terminal_size().columns - len(took) - 1
        line = f"{self._indent}{text}"[: max(room, 10)]
        self._stream.write(paint(f"{line}{took}", Colour.GREY, self._stream))


def watch(
    client: Client,
    report: LoadReport,
    *,
    names: Sequence[str] = (),
    limit_sec: float | None = None,
    alive: Callable[[], bool] = lambda: True,
) -> Loads:
    """Look at models until all have ended, or the limit, and return how they are then.

    Args:
        client: Of the server.
        report: Is told each stage.
        names: Which models; all of them if none is named.
        limit_sec: None for no limit.
        alive: Whether the server's process runs.

    Raises:
        ServerError: The server answers otherwise than expected, as without a token.
        ServerUnreachable: The server has gone.
    """
    end = None if limit_sec is None else time.monotonic() + limit_sec
    ended: dict[str, ModelLoad] = {}
    while True:
        try:
            loads = look(client, names, ended)
        except ServerUnreachable:
            if not alive() or (end is not None and time.monotonic() >= end):
                raise
            loads = Loads(pending="the server does not answer")
        ended |= {model.name: model for model in loads.models if model.ended}
        report.tell(loads)
        if loads.ended or (end is not None and time.monotonic() >= end):
            return loads
        time.sleep(_POLL_SEC)


def look(client: Client, names: Sequence[str], ended: Mapping[str, ModelLoad]) -> Loads:
    """Return how far the loading of models has come now; those that have ended are not asked."""
    readiness = client.ready()
    known = list(names) or sorted({model.name for model in client.models()} | set(readiness.models))
    models = []
    for name in known:
        if name in ended:
            models.append(ended[name])
            continue
        try:
            models.append(load_of(client.describe(name)[0]))
        except ServerError as error:
            if error.status != 404:
                raise
            # It is being registered, was unregistered, or there is none of this name.
            if not readiness.reason:
                models.append(
                    ModelLoad(name, "FAILED", ended=True, failed=True, cause=error.message)
                )
    stopping = "shutting down" in readiness.reason
    return Loads(tuple(models), "" if stopping else readiness.reason)


def load_of(state: ModelState) -> ModelLoad:
    """Return how far the loading of a version has come."""
    ready, wanted = state.ready_workers, state.min_workers
    load = ModelLoad(state.name, "starting", ready=ready, wanted=wanted)
    if state.failed:
        return replace(load, stage="FAILED", ended=True, failed=True, cause=cause_of(state))
    if state.ready:
        stage = f"READY {ready}/{wanted}"
        return replace(load, stage=stage, ended=True, seconds=load_seconds(state))
    if state.settled:
        return replace(load, stage=f"{state.state} {ready}/{wanted}", ended=True)
    if ready:
        return replace(load, stage=f"loaded {ready}/{wanted}")
    if state.state == "INSTALLING":
        return replace(load, stage="installing its packages")
    if any(worker.state == "LOADING" for worker in state.workers):
        return replace(load, stage="imported")
    return load


def load_seconds(state: ModelState) -> float | None:
    """Return how long it took from the first worker's start until the last one was ready."""
    try:
        first = min(_moment(worker.start_time) for worker in state.workers)
        last = max(_moment(worker.state_since) for worker in state.workers)
    except ValueError:
        return None
    return max(0.0, (last - first).total_seconds())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))

"""``torchserve status``: which servers run, and how they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ts._cli.commands import DONE, FAILED, NO_SERVER
from ts._cli.commands.causes import cause_of
from ts._cli.commands.running import RunningServer, find_server, servers_here
from ts._cli.commands.terminal import Colour, of_state, paint, printable
from ts._cli.commands.words import Commands, add_connection, add_server, print_json, say
from ts._cli.errors import Refusal
from ts._cli.status import State
from ts.client import Client, ClientError, ModelState, Readiness, ServerError


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "status",
        "say which servers run, where they listen, and whether their models are ready",
        run,
        [
            "torchserve status",
            "torchserve status --ts-config config.properties",
            "torchserve status --json | jq '.servers[0].addresses.inference'",
        ],
        description="Say which servers of this user run, where they listen, and whether their"
        " models are ready. Exit status: 0 if all are ready, 1 if one is not, 3 if no server runs.",
    )
    add_server(parser)
    add_connection(parser, 10.0)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    if arguments.ts_config is not None:
        servers = [find_server(arguments.ts_config, environ)]
    else:
        servers, others = servers_here(environ)
        for line in others:
            say(f"With another temporary folder runs {line}")
    looks = [_look(server, arguments, environ) for server in servers]
    if arguments.json:
        print_json({"running": bool(looks), "servers": [_json(look) for look in looks]})
    elif not looks:
        print("TorchServe is not currently running.")
    for number, look in enumerate(looks if not arguments.json else []):
        if number:
            print()
        _print(look)
    if not looks:
        return NO_SERVER
    return DONE if all(look.readiness for look in looks) else FAILED


class _Look:
    """What one server said when it was asked."""

    def __init__(self, running: RunningServer) -> None:
        self.running = running
        self.readiness = Readiness(False, "It is starting.")
        self.models: list[ModelState] = []
        self.problem = ""

    @property
    def word(self) -> str:
        if self.running.status.state is State.STARTING:
            return "starting"
        return "ready" if self.readiness else "not ready"


def _look(
    running: RunningServer, arguments: argparse.Namespace, environ: Mapping[str, str]
) -> _Look:
    look = _Look(running)
    if running.status.state is not State.STARTED:
        return look
    try:
        with running.client(arguments, environ) as client:
            look.readiness = client.ready()
            look.models = models_of(client, look.readiness)
    except (ClientError, Refusal, OSError) as problem:
        look.problem = str(problem)
        if look.readiness.reason == "It is starting.":
            look.readiness = Readiness(False, look.problem)
    return look


def models_of(client: Client, readiness: Readiness) -> list[ModelState]:
    """Return every version of every model, also of those that could not be registered."""
    found = []
    for name in sorted({model.name for model in client.models()} | set(readiness.models)):
        try:
            found += client.describe(name, "all")
        except ServerError as error:
            if error.status != 404:  # it was unregistered meanwhile
                raise
    return found


def _print(look: _Look) -> None:
    status, process = look.running.status, look.running.server.process
    colour = Colour.GREEN if look.readiness else Colour.YELLOW
    version = f", TorchServe Next {status.version}" if status.version else ""
    word = paint(look.word, colour, sys.stdout)
    print(f"TorchServe (pid {process.pid}{version}) is {word}")
    for role, address in status.addresses.items():
        print(f"  {role:<12}{address}")
    entry = look.running.server.entry
    rows = {
        "folder": entry.cwd,
        "config": entry.config,
        "keys": status.key_file,
        "logs": entry.logs,
    }
    for name, value in rows.items():
        if value:
            print(f"  {name:<12}{value}")
    for model in look.models:
        state = paint(model.state, of_state(model.state), sys.stdout)
        cause = "" if model.ready else f": {printable(cause_of(model))}"
        workers = f"{model.ready_workers}/{model.min_workers} workers"
        print(f"  {'model':<12}{model.name} {model.version} {state} {workers}{cause}")
    if look.problem:
        print(f"  {'problem':<12}{look.problem}")
    elif not look.readiness and look.readiness.reason:
        print(f"  {'reason':<12}{look.readiness.reason}")


def _json(look: _Look) -> dict[str, Any]:
    status, entry = look.running.status, look.running.server.entry
    return {
        "pid": look.running.server.process.pid,
        "version": status.version,
        "state": look.word,
        "ready": look.readiness.ready,
        "reason": look.readiness.reason or None,
        "addresses": dict(status.addresses),
        "folder": entry.cwd,
        "config": entry.config,
        "keyFile": status.key_file or None,
        "logs": entry.logs,
        "models": [
            {
                "name": model.name,
                "version": model.version,
                "state": model.state,
                "readyWorkers": model.ready_workers,
                "minWorkers": model.min_workers,
                "cause": None if model.ready else cause_of(model),
            }
            for model in look.models
        ],
        "problem": look.problem or None,
    }

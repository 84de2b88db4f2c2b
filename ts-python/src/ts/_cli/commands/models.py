"""``torchserve models``: the models of a server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from ts._cli.commands import DONE
from ts._cli.commands.causes import cause_of
from ts._cli.commands.running import find_server
from ts._cli.commands.status import models_of
from ts._cli.commands.terminal import of_state, paint, printable, table
from ts._cli.commands.words import Commands, add_connection, add_server, print_json
from ts._cli.errors import Refusal
from ts._cli.nearest import did_you_mean
from ts.client import Client, ModelState, ServerError


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "models",
        "list the models, or tell all of one",
        run,
        [
            "torchserve models",
            "torchserve models digits",
            "torchserve models --json | jq '.[] | select(.state != \"READY\") | .reason'",
        ],
        description="List the models with their versions, states and workers; of one model also"
        " the settings, each worker, and the traceback of its last error.",
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="the name of a model")
    add_server(parser)
    add_connection(parser, 10.0)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    with find_server(arguments.ts_config, environ).client(arguments, environ) as client:
        if arguments.model is None:
            models = models_of(client, client.ready())
        else:
            models = described(client, arguments.model)
    if arguments.json:
        print_json([model.description for model in models])
    elif arguments.model is not None:
        for model in models:
            _print_all_of(model)
    elif models:
        _print_table(models)
    else:
        print("No model is registered.")
    return DONE


def described(client: Client, name: str) -> list[ModelState]:
    """Return the versions of a model.

    Raises:
        Refusal: There is no such model; the message has the nearest name.
    """
    try:
        return client.describe(name, "all")
    except ServerError as error:
        if error.status != 404:
            raise
        raise unknown_model(client, name, error) from error


def unknown_model(client: Client, name: str, error: ServerError) -> Refusal:
    """Return the refusal of a name that the server does not know, with those that it knows."""
    try:
        names = [model.name for model in client.models()]
    except ServerError:  # without a token for the management API
        return Refusal(error.message)
    known = f"The server has {', '.join(names[:10])}" if names else "The server has no model"
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return Refusal(f"{error.message}. {known}{more}.{did_you_mean(name, names)}")


def _print_table(models: list[ModelState]) -> None:
    rows = [
        (
            model.name,
            model.version + (" (default)" if model.is_default and _has_more(model, models) else ""),
            model.state,
            f"{model.ready_workers}/{model.min_workers}",
            str(model.batch_size),
            str(model.pending_requests),
            model.url,
        )
        for model in models
    ]
    head, *lines = table(("MODEL", "VERSION", "STATE", "WORKERS", "BATCH", "WAITING", "FROM"), rows)
    print(head)
    for line, model in zip(lines, models):
        print(line.replace(model.state, paint(model.state, of_state(model.state), sys.stdout), 1))
        if not model.ready and cause_of(model):
            print(f"  {printable(cause_of(model))}")


def _has_more(model: ModelState, models: list[ModelState]) -> bool:
    return sum(other.name == model.name for other in models) > 1


def _print_all_of(model: ModelState) -> None:
    state = paint(model.state, of_state(model.state), sys.stdout)
    print(f"{model.name} {model.version} {state}{', default version' if model.is_default else ''}")
    if model.reason:
        print(f"  {'reason':<24}{printable(model.reason)}")
    said = model.description
    for name, value in said.items():
        if isinstance(value, (str, int, float)) and value != "" and name not in _SAID_ALREADY:
            source = said.get("settingSources", {}).get(name)
            print(f"  {name:<24}{value}{f'  ({source})' if source else ''}")
    for worker in model.workers:
        words = [worker.state, f"pid {worker.pid}" if worker.pid else "no process"]
        if worker.memory:
            words.append(f"{worker.memory / 2**20:.0f} MiB")
        if worker.restarts:
            words.append(f"{worker.restarts} restarts")
        print(f"  {f'worker {worker.id}':<24}{', '.join(words)}")
    for title, failure in (
        ("last load error", model.last_load_error),
        ("last error", model.last_error),
    ):
        if failure is None or (title == "last error" and failure == model.last_load_error):
            continue
        print(f"  {title:<24}{printable(failure.cause)} ({failure.time})")
        for line in failure.traceback.splitlines():
            print(f"    {printable(line)}")


_SAID_ALREADY = ("modelName", "modelVersion", "state", "reason", "defaultVersion")

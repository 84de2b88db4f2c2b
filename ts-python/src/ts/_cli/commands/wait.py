"""``torchserve wait``: until the models are ready."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

from ts._cli.commands import DONE, FAILED, TIME_LIMIT
from ts._cli.commands.loading import LoadReport, Loads, watch
from ts._cli.commands.running import RunningServer, find_server
from ts._cli.commands.words import Commands, add_connection, add_server, print_json, say, seconds
from ts._cli.errors import Refusal
from ts._cli.status import State
from ts.client import ServerUnreachable

_POLL_SEC = 0.05


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "wait",
        "wait until the models are ready, and say how each one ends",
        run,
        [
            "torchserve wait",
            "torchserve wait digits --limit 60",
            "torchserve --start --model-store store --models all && torchserve wait",
        ],
        description="Wait until each model, or each one that is named, is ready or has failed. Exit"
        " status: 0 if all are ready, 1 if one failed, 3 if no server runs, 4 at the limit.",
    )
    parser.add_argument("models", metavar="MODEL", nargs="*", help="wait for these alone")
    parser.add_argument(
        "--limit", metavar="SECONDS", type=seconds, help="how long to wait (default: no limit)"
    )
    add_server(parser)
    add_connection(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    end = None if arguments.limit is None else time.monotonic() + arguments.limit
    running = _started(arguments, environ, end)
    left = None if end is None else max(0.0, end - time.monotonic())
    report = LoadReport(sys.stdout, silent=arguments.json, indent="")
    with running.client(arguments, environ) as client:
        try:
            loads = watch(
                client,
                report,
                names=arguments.models,
                limit_sec=left,
                alive=running.server.process.runs,
            )
        except ServerUnreachable as problem:
            raise ended_meanwhile(running) from problem
    if arguments.json:
        print_json(
            {
                "ready": loads.ended and not loads.failed,
                "models": [model.to_json() for model in loads.models],
            }
        )
    elif loads.ended and not loads.models:
        print("No model is registered.")
    return outcome(loads, arguments.limit)


def outcome(loads: Loads, limit_sec: float | None) -> int:
    """Return the exit status for how models are, and say which of them are not ready in time."""
    if loads.failed:
        return FAILED
    if loads.ended:
        return DONE
    waiting = ", ".join(model.line for model in loads.models if not model.ended)
    say(f"Not ready within {limit_sec or 0:g} s: {waiting or loads.pending}")
    return TIME_LIMIT


def ended_meanwhile(running: RunningServer) -> Refusal:
    """Return the refusal for a server that has ended while its models were waited for."""
    logs = f" Logs: {running.logs}" if running.logs else ""
    return Refusal(f"The server (pid {running.server.process.pid}) has ended.{logs}")


def _started(
    arguments: argparse.Namespace, environ: Mapping[str, str], end: float | None
) -> RunningServer:
    """Return the server once it has its listeners."""
    while True:
        running = find_server(arguments.ts_config, environ)
        if running.status.state is not State.STARTING:
            return running
        if end is not None and time.monotonic() >= end:
            return running
        time.sleep(_POLL_SEC)

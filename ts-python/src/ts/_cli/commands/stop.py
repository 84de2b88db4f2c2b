"""``torchserve stop``: as ``torchserve --stop``."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Mapping

from ts._cli.commands import DONE
from ts._cli.commands.words import Commands, add_server, print_json
from ts._cli.stopping import stop_meant


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "stop",
        "stop the server; the same as torchserve --stop",
        run,
        ["torchserve stop", "torchserve stop --ts-config config.properties"],
        description="Stop the server once it has finished what is in flight. Exit status: 0 also"
        " if none runs.",
    )
    add_server(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    if not arguments.json:
        stop_meant(arguments.ts_config, environ, None)
        return DONE
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        stopped = stop_meant(arguments.ts_config, environ, None)
    print_json({"stopped": stopped, "message": said.getvalue().strip()})
    return DONE

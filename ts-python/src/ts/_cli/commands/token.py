"""``torchserve token``: the tokens of a server, for clients."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from ts._cli.commands import DONE
from ts._cli.commands.running import find_server
from ts._cli.commands.words import Commands, add_server, print_json
from ts._cli.errors import Refusal

_KINDS = {"inference": "inference", "management": "management", "api": "API"}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "token",
        "print a token of the server, for a client",
        run,
        [
            "torchserve token",
            'curl -H "Authorization: Bearer $(torchserve token)" -T seven.png '
            "http://127.0.0.1:8080/predictions/digits",
            "torchserve token management",
            "torchserve token --json",
        ],
        description="Print a token, and nothing else, on standard output. With --json all of them,"
        " and when they expire. They are those of the server's key file, which only you can read.",
    )
    parser.add_argument(
        "kind",
        metavar="KIND",
        nargs="?",
        choices=tuple(_KINDS),
        default="inference",
        help="inference (default), management, or api, which replaces the others",
    )
    add_server(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    running = find_server(arguments.ts_config, environ)
    file = running.status.key_file
    if not file:
        given = running.tokens(environ).of(arguments.kind)
        if given is None:
            raise Refusal(
                "The server has no key file: it needs no tokens (--disable-token-auth), or was"
                " given them by TS_INFERENCE_TOKEN and TS_MANAGEMENT_TOKEN, which are not set here."
            )
        print_json({arguments.kind: {"key": given}}) if arguments.json else print(given)
        return DONE
    try:
        kept = json.loads(Path(file).read_text(encoding="utf-8"))
        token = str(kept[_KINDS[arguments.kind]]["key"])
    except OSError as problem:
        raise Refusal(f"{file} cannot be read: {problem.strerror}.") from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise Refusal(f"{file} has no {arguments.kind} token.") from problem
    if arguments.json:
        print_json(kept)
    else:
        print(token)
    return DONE

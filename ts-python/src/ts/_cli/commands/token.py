"""``torchserve token``: the tokens of a server, for clients, and new ones."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ts._cli.commands import DONE, WRONG_USAGE
from ts._cli.commands.running import RunningServer, find_server
from ts._cli.commands.words import Commands, add_connection, add_server, print_json, say
from ts._cli.errors import Refusal

_KINDS = {"inference": "inference", "management": "management", "api": "API"}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "token",
        "print a token of the server, for a client, or replace it",
        run,
        [
            "torchserve token",
            'curl -H "Authorization: Bearer $(torchserve token)" -T seven.png '
            "http://127.0.0.1:8080/predictions/digits",
            "torchserve token management",
            "torchserve token --renew",
            "torchserve token --json",
        ],
        description="Print a token, and nothing else, on standard output. With --json all of them,"
        " and when they expire. They are those of the server's key file, which only you can read."
        " With --renew the server replaces the token first: the old one ends, at once or after"
        " token_overlap_sec.",
    )
    parser.add_argument(
        "kind",
        metavar="KIND",
        nargs="?",
        choices=tuple(_KINDS),
        default="inference",
        help="inference (default), management, or api, which replaces the others",
    )
    parser.add_argument(
        "--renew",
        action="store_true",
        help="have the server replace the inference or the management token, and print the new one",
    )
    add_server(parser)
    add_connection(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    if arguments.renew and arguments.kind == "api":
        say(
            "torchserve token: the api token cannot be renewed: it lasts as long as the server."
            " Expected inference or management."
        )
        return WRONG_USAGE
    running = find_server(arguments.ts_config, environ)
    file = running.status.key_file
    if not file:
        return _print_given(arguments, running, environ)
    if arguments.renew:
        _renew(arguments, running, file, environ)
    kept = _read(file)
    try:
        token = str(kept[_KINDS[arguments.kind]]["key"])
    except (KeyError, TypeError) as problem:
        raise Refusal(f"{file} has no {arguments.kind} token.{_GIVEN}") from problem
    if arguments.json:
        print_json(kept)
    else:
        print(token)
    return DONE


_GIVEN = " The server may have been given it (TS_INFERENCE_TOKEN, TS_MANAGEMENT_TOKEN)."


def _print_given(
    arguments: argparse.Namespace, running: RunningServer, environ: Mapping[str, str]
) -> int:
    """Print a token of a server that has no key file."""
    given = running.tokens(environ).of(arguments.kind)
    if given is None:
        raise Refusal(
            "The server has no key file: it needs no tokens (--disable-token-auth), or was"
            " given them by TS_INFERENCE_TOKEN and TS_MANAGEMENT_TOKEN, which are not set here."
        )
    if arguments.renew:
        raise Refusal(
            f"The server was given its {arguments.kind} token and cannot replace it:"
            " change it where it comes from, and start the server again."
        )
    print_json({arguments.kind: {"key": given}}) if arguments.json else print(given)
    return DONE


def _renew(
    arguments: argparse.Namespace, running: RunningServer, file: str, environ: Mapping[str, str]
) -> None:
    """Have the server replace a token; it is in the key file when the server has answered."""
    if running.tokens(environ).api is None:
        raise Refusal(f"{file} has no API token, which replaces the others.")
    with running.client(arguments, environ) as client:
        client.renew_token(arguments.kind)
    say(f"The {arguments.kind} token has been replaced.")


def _read(file: str) -> dict[str, Any]:
    try:
        kept = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as problem:
        raise Refusal(f"{file} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:
        raise Refusal(f"{file} is no key file: {problem}.") from problem
    if not isinstance(kept, dict):
        raise Refusal(f"{file} is no key file: expected an object with the tokens.")
    return kept

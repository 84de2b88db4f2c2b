"""The words of the command line that commands have in common."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Run = Callable[[argparse.Namespace, Mapping[str, str]], int]


class Commands:
    """The parsers of all commands."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(
        self, name: str, summary: str, run: Run, examples: Sequence[str], *, description: str = ""
    ) -> argparse.ArgumentParser:
        """Add the parser of one command; its help ends with examples."""
        listed = "\n".join(f"  {example}" for example in examples)
        parser = self._parsers.add_parser(
            name,
            help=summary,
            description=textwrap.fill(description or f"{summary[0].upper()}{summary[1:]}.", 80),
            epilog=f"examples:\n{listed}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(run=run)
        return parser


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the server."""
    parser.add_argument(
        "--ts-config",
        metavar="FILE",
        help="the server of this settings file; else the only one, or the one of this folder",
    )
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_connection(parser: argparse.ArgumentParser, timeout_sec: float = 120.0) -> None:
    """Add the options of what asks the server, with how long that may be silent by default."""
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=timeout_sec,
        help=f"how long the server may be silent (default: {timeout_sec:g})",
    )
    parser.add_argument(
        "--cacert",
        metavar="FILE",
        help="certificates to trust; default: the server's own, if known",
    )
    parser.add_argument("--insecure", action="store_true", help="trust any certificate")


def seconds(text: str) -> float:
    """Read a number of seconds that is not negative."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, expected 0 or more")
    return value


def positive(text: str) -> int:
    """Read a whole number from 1 up."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, expected 1 or more")
    return int(text)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    print(json.dumps(value, indent=2, default=str))


def say(text: str) -> None:
    """Tell a person something that is not the result."""
    print(text, file=sys.stderr)

"""``torchserve dev PATH``: serves a folder or a handler, and loads each change."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from ts._cli.commands import DONE
from ts._cli.commands.words import Commands
from ts._cli.errors import Refusal

_DEFAULT_PORT = 8080


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "dev",
        "serve a folder or a handler, and load each change",
        run,
        [
            "torchserve dev my_model/",
            "torchserve dev handler.py --port 9000",
            "torchserve dev my_model/ --port 0     # a free one",
        ],
        description="Serve a model's folder, or a handler's .py file and its folder, by the real"
        " server: on loopback, without tokens, with one worker and no archive. Each change is"
        " loaded beside what runs, and takes its place when it has been loaded; what cannot be"
        " loaded changes nothing. What the handler prints, and tracebacks, come to this terminal.",
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="a folder or a handler's .py file")
    parser.add_argument(
        "--port",
        type=_port,
        default=_DEFAULT_PORT,
        help="of the inference API; management is on the next (default: 8080; 0: free ones)",
    )
    parser.add_argument("--handler", metavar="HANDLER", help="in place of the manifest's")
    parser.add_argument("--model-name", metavar="NAME", help="default: the folder's or the file's")
    parser.add_argument(
        "--json", action="store_true", help="print an object for each event, for programs"
    )


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    from ts._cli.trying.dev_server import DevServer
    from ts._cli.trying.source import Choices

    path: Path = arguments.path
    if not path.is_dir() and not (path.is_file() and path.suffix == ".py"):
        raise Refusal(
            f"{path}: expected a folder or a handler's .py file, which exists. An archive is tried"
            " by torchserve try, and served by torchserve --start."
        )
    choices = Choices(arguments.model_name, arguments.handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    with DevServer(path.resolve(), choices, arguments.port, as_json=arguments.json) as server:
        server.serve()
    return DONE


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port, expected 0 to 65534")

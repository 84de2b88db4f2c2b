"""``torchserve logs [-f] [MODEL]``: the logs of a server, or of one model."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from ts._cli.commands import DONE
from ts._cli.commands.running import find_server
from ts._cli.commands.terminal import Colour, paint, printable
from ts._cli.commands.words import Commands, add_server, positive, say
from ts._cli.errors import Refusal
from ts._cli.streams import failure_of

_FILES = {
    "server": "ts_log.log",
    "model": "model_log.log",
    "access": "access_log.log",
    "metrics": "ts_metrics.log",
}
LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\S+) \[(?P<level>\w+) *\] "
    r"(?P<thread>\S+) (?P<logger>\S+) - (?P<message>.*)"
)
_POLL_SEC = 0.1
_BLOCK = 64 * 1024
_MAX_LINE = 1 << 20
_MAX_HEAD = 1000
_COLOURS = {"ERROR": Colour.RED, "FATAL": Colour.RED, "WARN": Colour.YELLOW, "DEBUG": Colour.GREY}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "logs",
        "print the log of the server, or of a model; -f follows it",
        run,
        [
            "torchserve logs",
            "torchserve logs -f digits",
            "torchserve logs --kind access -n 100",
            "torchserve logs --json | jq 'select(.level == \"ERROR\").message'",
        ],
        description="Print the last lines of the server's log; with the name of a model, of what"
        " its workers have printed. --json prints an object for each line.",
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="the name of a model")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is written")
    parser.add_argument(
        "-n", "--lines", metavar="N", type=positive, default=50, help="how many lines (default: 50)"
    )
    parser.add_argument(
        "--kind", choices=tuple(_FILES), help="which log (default: server, or model with a MODEL)"
    )
    add_server(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    running = find_server(arguments.ts_config, environ)
    kind = arguments.kind or ("model" if arguments.model else "server")
    if running.logs is None:
        raise Refusal(
            "It is not known where the server's logs are: it was started with --log-config, or by"
            " an older version."
        )
    path = running.logs / _FILES[kind]
    wanted = _of_model(arguments.model) if arguments.model else lambda _line: True
    try:
        file = path.open("rb")
    except OSError as problem:
        raise Refusal(f"{path} cannot be read: {problem.strerror}.") from problem
    with contextlib.closing(LogLines(file, path)) as lines:
        last = deque(filter(wanted, lines.until_now()), arguments.lines)
        for line in last:
            _print(line, arguments.json)
        if not arguments.follow:
            if not last and arguments.model:
                say(f"No line of {arguments.model} in {path}.")
            return DONE
        if failure_of(sys.stdout) is not None:
            return DONE
        for line in lines.from_now(running.server.process.runs):
            if wanted(line):
                _print(line, arguments.json)
                if failure_of(sys.stdout) is not None:  # nothing more can be written
                    return DONE
    return DONE


class LogLines:
    """The lines of a log file that grows, and may be replaced by a new one. Owns the file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._rest = b""

    def until_now(self) -> Iterator[str]:
        """Yield the whole lines that are there."""
        while block := self._file.read(_BLOCK):
            *lines, self._rest = (self._rest + block).split(b"\n")
            if len(self._rest) > _MAX_LINE:
                lines.append(self._rest)
                self._rest = b""
            yield from (line.decode("utf-8", "replace") for line in lines)

    def from_now(self, alive: Callable[[], bool]) -> Iterator[str]:
        """Yield lines as they are written, until the process that writes them has ended."""
        while True:
            writes = alive()
            yield from self.new_lines()
            if not writes:
                return
            time.sleep(_POLL_SEC)

    def new_lines(self) -> Iterator[str]:
        """Yield what has been written since the last look, also into a file that replaced it."""
        yield from self.until_now()
        while self._was_replaced():
            yield from self.until_now()  # what was written between the two looks
            new = self._path.open("rb")
            self._file.close()
            self._file, self._rest = new, b""
            yield from self.until_now()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _was_replaced(self) -> bool:
        try:
            there = os.stat(self._path)
        except OSError:  # between two files
            return False
        here = os.fstat(self._file.fileno())
        if os.path.samestat(here, there):
            if there.st_size < self._file.tell():  # it was emptied in place
                self._file.seek(0)
            return False
        return True


def _of_model(name: str) -> Callable[[str], bool]:
    """Return what tells lines of a model: its workers are threads named ``W-9000-name_version``."""
    # A version has no underscore, as far as can be told: names may begin alike.
    worker = re.compile(rf" W-\d+-{re.escape(name)}_[^_\s]*(?:\s|$)")
    wanted = False

    def is_wanted(line: str) -> bool:
        nonlocal wanted
        if LINE.match(line):  # the lines of a traceback follow the one they belong to
            wanted = worker.search(line[:_MAX_HEAD]) is not None
        return wanted

    return is_wanted


def _print(line: str, as_json: bool) -> None:
    match = LINE.match(line)
    if as_json:
        said = match.groupdict() if match else {"message": line}
        print(json.dumps(said, ensure_ascii=False))
        return
    text = printable(line.rstrip("\r")) if sys.stdout.isatty() else line
    colour = _COLOURS.get(match.group("level")) if match else None
    print(paint(text, colour, sys.stdout) if colour else text)

"""``torchserve top``: what the models of a server do now, in a terminal."""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import shutil
import sys
import time
from collections.abc import Iterator, Mapping

from ts._cli.commands import DONE
from ts._cli.commands.running import find_server
from ts._cli.commands.status import models_of
from ts._cli.commands.terminal import Colour, is_terminal, of_state, paint, printable
from ts._cli.commands.top_figures import Figures, Samples, figures, read_samples
from ts._cli.commands.words import Commands, add_connection, add_server, seconds
from ts._cli.errors import Refusal
from ts._cli.interrupts import interruptible
from ts._cli.streams import failure_of
from ts.client import Client, ClientError, ServerError

_HEAD = (
    "MODEL",
    "VERSION",
    "STATE",
    "WORKERS",
    "REQ/S",
    "P50",
    "P99",
    "ERR/S",
    "QUEUE",
    "RESTARTS",
)
_NUMBERS = 4
"""Columns from this one on stand at the right."""
_MIN_INTERVAL_SEC = 0.2
_MIN_NAME = 8
_FALLBACK_SIZE = (100, 30)

States = Mapping[tuple[str, str], str]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "top",
        "show rates, latencies, queues, workers and errors of each model, again and again",
        run,
        [
            "torchserve top",
            "torchserve top --interval 5",
            "torchserve top --once",
            "torchserve top --once --json | jq '.models[] | select(.errorsPerSecond > 0)'",
        ],
        description="Show what each model does now: requests per second, latency of half and of"
        " 99 of 100 requests, errors, queue and workers. q or Ctrl-C ends it. Where the output"
        " is no terminal, lines follow each other.",
    )
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=seconds,
        default=2.0,
        help="time between two looks (default: 2)",
    )
    parser.add_argument("--once", action="store_true", help="show one interval, and end")
    add_server(parser)
    add_connection(parser, 10.0)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    interval = max(_MIN_INTERVAL_SEC, arguments.interval)
    server = find_server(arguments.ts_config, environ)
    with server.client(arguments, environ) as client:
        before, since = _look(client), time.monotonic()
        full_screen = is_terminal(sys.stdout) and not arguments.json and not arguments.once
        with _screen() if full_screen else contextlib.nullcontext():
            while True:
                if _wait(interval, full_screen):
                    return DONE
                now, at = _look(client), time.monotonic()
                shown = figures(before, now, at - since)
                states = _states(client)
                if arguments.json:
                    models = [each.as_json(states.get(_key(each), "")) for each in shown]
                    print(json.dumps({"seconds": round(at - since, 3), "models": models}))
                elif full_screen:
                    _draw(shown, states, server.server.process.pid)
                else:
                    print("\n".join(_lines(shown, states, _width())))
                if failure_of(sys.stdout) is not None or arguments.once:
                    return DONE
                before, since = now, at


def _look(client: Client) -> Samples:
    try:
        return read_samples(client.metrics())
    except ServerError as error:
        if error.status == 404:
            raise Refusal(
                "The server has no metrics (enable_metrics_api=false); torchserve top needs them."
            ) from error
        raise


def _states(client: Client) -> States:
    """Return the states of all versions; none without a token for the management API."""
    try:
        models = models_of(client, client.ready())
    except ClientError:
        return {}
    return {(model.name, model.version): model.state for model in models}


def _key(each: Figures) -> tuple[str, str]:
    return each.model, each.version


def _wait(interval: float, reads_keys: bool) -> bool:
    """Wait for the next look; return whether the reader has had enough."""
    end = time.monotonic() + interval
    while (left := end - time.monotonic()) > 0:
        if not reads_keys or not sys.stdin.isatty():
            time.sleep(left)
        elif select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q", ""):
            return True
    return False


def _width() -> int:
    return shutil.get_terminal_size(_FALLBACK_SIZE).columns if is_terminal(sys.stdout) else 1000


@contextlib.contextmanager
def _screen() -> Iterator[None]:
    """Take the terminal over, without cursor and echo, and leave it as it was, also at SIGTERM."""
    import termios
    import tty

    kept = None
    if sys.stdin.isatty():
        kept = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin.fileno())
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        with interruptible():
            yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
        if kept is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, kept)


def _draw(shown: list[Figures], states: States, pid: int) -> None:
    columns, rows = shutil.get_terminal_size(_FALLBACK_SIZE)
    total = sum(each.rate for each in shown)
    title = f"TorchServe (pid {pid})  {total:.1f} req/s  {time.strftime('%H:%M:%S')}  q ends"
    lines = [title[:columns], *_lines(shown, states, columns)]
    if len(lines) > rows:
        lines = [*lines[: max(1, rows - 1)], f"... {len(lines) - rows + 1} more"[:columns]]
    sys.stdout.write("\x1b[H\x1b[J" + "\n".join(lines[:rows]))


def _lines(shown: list[Figures], states: States, columns: int) -> list[str]:
    """Return the table, with the columns that fit, and names cut where they must be."""
    if not shown:
        return ["No model is registered."[:columns]]
    rows = [_row(each, states.get(_key(each), "")) for each in shown]
    kept = _columns_that_fit([_HEAD, *rows], columns)
    widths = {column: max(len(row[column]) for row in (_HEAD, *rows)) for column in kept}
    spare = columns - sum(widths.values()) - 2 * (len(kept) - 1)
    widths[0] = max(1, widths[0] + min(0, spare))
    lines = []
    for number, row in enumerate((_HEAD, *rows)):
        cells = []
        for column in kept:
            text = row[column][: widths[column]]
            cell = text.rjust(widths[column]) if column >= _NUMBERS else text.ljust(widths[column])
            cells.append(_coloured(cell, column, row) if number else cell)
        lines.append("  ".join(cells).rstrip())
    return lines


def _columns_that_fit(rows: list[tuple[str, ...]], columns: int) -> list[int]:
    """Return the columns to show: in a narrow terminal the least telling are left out."""
    kept = list(range(len(_HEAD)))
    widths = [max(len(row[column]) for row in rows) for column in kept]
    widths[0] = min(widths[0], _MIN_NAME)
    for least in (9, 2, 5, 1, 3, 8, 7, 6):
        if sum(widths[column] for column in kept) + 2 * (len(kept) - 1) <= columns:
            break
        kept.remove(least)
    return kept


def _coloured(cell: str, column: int, row: tuple[str, ...]) -> str:
    if column == 2 and row[2]:
        return paint(cell, of_state(row[2]), sys.stdout)
    if column == 3 and row[3].split("/")[0] != row[3].split("/")[1]:
        return paint(cell, Colour.YELLOW, sys.stdout)
    if column == 7 and row[7] != "0.0":
        return paint(cell, Colour.RED, sys.stdout)
    return cell


def _row(each: Figures, state: str) -> tuple[str, ...]:
    return (
        printable(each.model),
        printable(each.version),
        state,
        f"{each.ready}/{each.wanted}",
        f"{each.rate:.1f}",
        _time(each.p50),
        _time(each.p99),
        f"{each.errors:.1f}",
        str(each.queue),
        str(each.restarts),
    )


def _time(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.1f} ms"

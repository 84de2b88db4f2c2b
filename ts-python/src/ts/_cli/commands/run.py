"""From the words of a command to its exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from ts._cli.commands import (
    FAILED,
    NO_SERVER,
    completion,
    dev,
    logs,
    models,
    predict,
    status,
    stop,
    token,
    top,
    trying,
    wait,
)
from ts._cli.commands.running import NoServer
from ts._cli.commands.words import Commands, say
from ts._cli.errors import Refusal
from ts._cli.nearest import did_you_mean
from ts._cli.streams import output_status
from ts.client import ClientError, ServerError

_PARTS = {
    "status": status,
    "models": models,
    "top": top,
    "logs": logs,
    "wait": wait,
    "token": token,
    "predict": predict,
    "stop": stop,
    "try": trying,
    "dev": dev,
    "completion": completion,
}
_REPORTING = ("stop", "wait")
"""What they print only reports what they did: where it is lost, that is done all the same."""
_OLD_WORDS = ("start", "version", "check", "print-config")
EXIT_STATUSES = (
    "exit status: 0 done, 1 it failed or the server said no, 2 wrong usage, 3 no server runs,\n"
    "  4 not within the time limit, 130 interrupted"
)


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="torchserve",
        description="What to do with a server. Without a command, torchserve starts one: see"
        " torchserve --help.",
        epilog=EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = Commands(parser)
    for part in _PARTS.values():
        part.add(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """Names the nearest command for one that there is not."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("argument COMMAND: invalid choice: "):
            word = message.removeprefix("argument COMMAND: invalid choice: ").split("'")[1]
            meant = did_you_mean(word, command_names())
            if word in _OLD_WORDS:
                meant = f" Did you mean torchserve --{word}?"
            message = f"there is no command {word!r}.{meant} Expected {', '.join(command_names())}"
        super().error(message)


def command_names() -> list[str]:
    """Return the words that are commands."""
    return list(_PARTS)


def run_command(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Carry out the command that begins with a word, and return its exit status."""
    arguments = command_parser().parse_args(words)
    try:
        result: int = arguments.run(arguments, environ)
        return result if arguments.command in _REPORTING else result or output_status()
    except NoServer as refusal:
        if not getattr(arguments, "json", False):
            say(str(refusal))
        else:
            print('{"running": false}')
        return NO_SERVER
    except Refusal as refusal:
        say(str(refusal))
    except ServerError as error:
        say(_told(error))
    except (ClientError, OSError) as problem:
        say(f"torchserve: {problem}")
    except KeyboardInterrupt:
        sys.stdout.flush()
        return 130
    return FAILED


def _told(error: ServerError) -> str:
    text = f"The server answered {error.status}: {error.message}"
    if error.status == 401:
        return (
            f"{text}\nIts tokens are not known here. Where they were given to the server by "
            "TS_INFERENCE_TOKEN, TS_MANAGEMENT_TOKEN or their _FILE, set them here, too."
        )
    return f"{text}\n{error.detail}" if error.detail else text

"""Entry point of the `torchserve` command."""

from __future__ import annotations

import os
from pathlib import Path

from ts._cli.last_line import LastLine
from ts._cli.main import main
from ts._cli.properties import read_properties
from ts._cli.streams import run_command
from ts.version import __version__

__all__ = ["TS_NAMESPACE", "__version__", "load_properties", "start"]

TS_NAMESPACE = "org.pytorch.serve.ModelServer"
"""The word by which programs find a server among all processes."""


def start() -> None:
    """Run the `torchserve` command with the words of this process, and exit with its status."""
    last_line = LastLine()
    run_command("torchserve", lambda: main(say_last=last_line.say), last_line)


def load_properties(file_path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the keys and values of a config.properties, read as the server reads it.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds a malformed escape.
    """
    return read_properties(Path(file_path))


if __name__ == "__main__":
    start()

"""Entry point of the `torchserve` command."""

from __future__ import annotations

from ts._cli.last_line import LastLine
from ts._cli.main import main
from ts._cli.streams import run_command


def start() -> None:
    """Run the `torchserve` command with the words of this process, and exit with its status."""
    last_line = LastLine()
    run_command("torchserve", lambda: main(say_last=last_line.say), last_line)


if __name__ == "__main__":
    start()

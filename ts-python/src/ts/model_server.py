"""Entry point of the `torchserve` command."""

from __future__ import annotations

from ts._cli.main import main
from ts._cli.streams import run_command


def start() -> None:
    """Run the `torchserve` command with the words of this process, and exit with its status."""
    run_command("torchserve", main)


if __name__ == "__main__":
    start()

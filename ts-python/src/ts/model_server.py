"""Entry point of the `torchserve` command."""

from __future__ import annotations

import sys

from ts._cli.main import main


def start() -> None:
    """Run the `torchserve` command with the words of this process, and exit with its status."""
    sys.exit(main())


if __name__ == "__main__":
    start()

"""A private folder whose path is short enough for a Unix-domain socket."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ts._cli.errors import Refusal

NAME = "s"
"""The socket's file in the folder."""
_MAX_PATH = 103
"""macOS allows 104 bytes with the final zero, Linux 108."""
_SHORT = ("/tmp", "/var/tmp")  # noqa: S108 - only a folder of mode 0700 is made there


def socket_folder(others: Sequence[str] = _SHORT) -> tempfile.TemporaryDirectory[str]:
    """Make it in the folder for temporary files, or in another where that one's path is too long.

    Args:
        others: Where else it may be.

    Raises:
        Refusal: It can be made nowhere; the message says how long the path may be.
    """
    usual = tempfile.gettempdir()
    reasons = []
    for parent in dict.fromkeys((usual, *others)):
        try:
            made = tempfile.TemporaryDirectory(prefix="ts-try-", dir=parent)
        except OSError as error:
            reasons.append(f"{parent}: {error.strerror or error}")
            continue
        size = len(os.fsencode(Path(made.name, NAME)))
        if size <= _MAX_PATH:
            return made
        made.cleanup()
        reasons.append(f"{parent}: its path would have {size} bytes")
    raise Refusal(
        f"There is no folder for the worker's socket, whose path may have {_MAX_PATH} bytes at most"
        f" ({'; '.join(reasons)}). Set TMPDIR to a folder with a shorter path."
    )

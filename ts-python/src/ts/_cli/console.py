"""Whether a server in the background writes its logs to the standard output of its start."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ts._cli.configuration import Configuration

_STDOUT = 1
_STDOUT_OF_CONTAINER = "/proc/1/fd/1"


def logs_to_console(configuration: Configuration, environ: Mapping[str, str]) -> bool:
    """Return what `console` says; without it, whether standard output is the container's.

    That is the one of process 1. Everything else may be a pipe to a program that waits for its end.

    Raises:
        Refusal: The setting refers to an environment variable that does not exist.
    """
    chosen = configuration.value("console", environ).lower()
    if chosen:
        return chosen == "true"  # the frontend refuses what is neither true nor false
    return _is_output_of_container()


def _is_output_of_container() -> bool:
    try:
        ours = os.fstat(_STDOUT)
        return os.path.samestat(ours, os.stat(_STDOUT_OF_CONTAINER)) and not os.path.samestat(
            ours, os.stat(os.devnull)
        )
    except OSError:  # no /proc, or process 1 is not this user's
        return False

"""The place of a process in its group, as torchrun tells it in the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ts._protocol.errors import ProtocolError

MAX_RANKS = 256
"""As many processes as one worker may have; the frontend refuses more."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Which process of how many this one is.

    Attributes:
        rank: From 0 up; all of a worker's processes run on one machine.
        size: Number of processes.
    """

    rank: int
    size: int

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] = os.environ) -> Membership | None:
        """Return the membership; None where no launcher of a group has started this process.

        Raises `ProtocolError` if the variables are there and make no sense.
        """
        if "RANK" not in environ and "WORLD_SIZE" not in environ:
            return None
        texts = environ.get("RANK", ""), environ.get("WORLD_SIZE", "")
        if not all(text.isascii() and text.isdigit() for text in texts):
            raise ProtocolError(f"RANK and WORLD_SIZE are {texts}, expected whole numbers")
        rank, size = map(int, texts)
        if not 0 <= rank < size <= MAX_RANKS:
            raise ProtocolError(
                f"RANK is {rank} and WORLD_SIZE {size}, expected a rank below a size of at most"
                f" {MAX_RANKS}"
            )
        return cls(rank, size)

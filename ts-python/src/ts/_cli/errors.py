"""The one way in which the command refuses: a message and exit status 1."""

from __future__ import annotations


class Refusal(Exception):
    """The command cannot be carried out; `str()` is what the user reads.

    Args:
        message: What was wrong, the value, and what was expected.
        familiar: True for texts of TorchServe 0.12, which scripts look for on standard output;
            every other one goes to standard error.
    """

    def __init__(self, message: str, *, familiar: bool = False) -> None:
        super().__init__(message)
        self.familiar = familiar

"""The error of this package."""

from __future__ import annotations


class ModelArchiverError(Exception):
    """A model that cannot be packed; the message says what was wrong and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

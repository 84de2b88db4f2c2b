"""Rows of a batch that the handler cannot take, while it can take the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ts.utils.util import PredictionException

T = TypeVar("T")


class RowErrors(PredictionException):
    """Some requests of a batch are not what the handler takes; nothing was computed yet.

    The worker fails these requests, and calls the handler again with the others. Elsewhere it is
    the first of its errors.

    Attributes:
        errors: What is wrong, by index in the batch.
    """

    def __init__(self, errors: Mapping[int, PredictionException]) -> None:
        first = errors[min(errors)]
        super().__init__(first.message, first.error_code)
        self.errors = dict(errors)

    def moved_by(self, offset: int) -> RowErrors:
        """Return the errors of a slice as errors of the batch in which it begins at `offset`."""
        return RowErrors({offset + index: error for index, error in self.errors.items()})

    def of_requests(self, lengths: Sequence[int]) -> RowErrors:
        """Return the errors by request, of requests with several rows each.

        Args:
            lengths: How many rows each request has.
        """
        errors: dict[int, PredictionException] = {}
        start = 0
        for request, length in enumerate(lengths):
            wrong = [index for index in self.errors if start <= index < start + length]
            if wrong:
                errors[request] = self.errors[min(wrong)]
            start += length
        return RowErrors(errors) if errors else self


def read_rows(rows: Sequence[Any], read: Callable[[Any, int], T]) -> list[T]:
    """Return what `read` makes of each row, given the row and its index.

    Raises:
        RowErrors: For some rows it raised `PredictionException`.
    """
    values: list[T] = []
    errors: dict[int, PredictionException] = {}
    for index, row in enumerate(rows):
        try:
            values.append(read(row, index))
        except PredictionException as error:
            errors[index] = error
    if errors:
        raise RowErrors(errors)
    return values

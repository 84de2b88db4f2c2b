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
        errors: What is wrong, by index in `rows`, or in the batch where there are none.
        rows: The list that was read, in which a handler may have put what it likes.
    """

    def __init__(
        self, errors: Mapping[int, PredictionException], rows: Sequence[Any] | None = None
    ) -> None:
        first = errors[min(errors)]
        super().__init__(first.message, first.error_code)
        self.errors = dict(errors)
        self.rows = rows

    def located_in(self, batch: Sequence[Any]) -> dict[int, PredictionException] | None:
        """Return the errors by index in a batch; None if it is not known whose rows they are.

        A list as long as the batch has something of each request, in order. Of another list, such
        as that of all images of all requests, rows are found that are rows of the batch.
        """
        if self.rows is None or len(self.rows) == len(batch):
            return self.errors if all(0 <= index < len(batch) for index in self.errors) else None
        located: dict[int, PredictionException] = {}
        for index, error in self.errors.items():
            places = [
                place
                for place, row in enumerate(batch)
                if index < len(self.rows) and row is self.rows[index]
            ]
            if len(places) != 1:
                return None
            located.setdefault(places[0], error)
        return located

    def moved_by(self, offset: int, rows: Sequence[Any]) -> RowErrors:
        """Return the errors of a slice as errors of the batch in which it begins at `offset`."""
        located = self.located_in(rows)
        if located is None:
            return self._of_nobody()
        return RowErrors({offset + index: error for index, error in located.items()})

    def of_requests(self, rows: Sequence[Any], lengths: Sequence[int] | None) -> RowErrors:
        """Return the errors by request, of requests with several rows each.

        Args:
            rows: Those of all requests.
            lengths: How many rows each request has; None for one each.
        """
        located = self.located_in(rows)
        if located is None:
            return self._of_nobody()
        if lengths is None:
            return RowErrors(located)
        errors: dict[int, PredictionException] = {}
        start = 0
        for request, length in enumerate(lengths):
            wrong = [index for index in located if start <= index < start + length]
            if wrong:
                errors[request] = located[min(wrong)]
            start += length
        return RowErrors(errors) if errors else self._of_nobody()

    def _of_nobody(self) -> RowErrors:
        return RowErrors(self.errors, ())


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
        raise RowErrors(errors, rows)
    return values

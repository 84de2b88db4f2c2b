"""``--strict``: what is a warning else fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from model_archiver.model_archiver_error import ModelArchiverError

_LOGGER = logging.getLogger("model_archiver")


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def warnings_as_errors(strict: bool) -> Iterator[None]:
    """Fail at the end of the block if there was a warning in it, where that is asked for.

    Raises:
        ModelArchiverError: There was one; the text has all of them.
    """
    if not strict:
        yield
        return
    collector = _Collector()
    propagates = _LOGGER.propagate
    _LOGGER.addHandler(collector)
    _LOGGER.propagate = False  # they are told once, as errors
    try:
        yield
    finally:
        _LOGGER.removeHandler(collector)
        _LOGGER.propagate = propagates
    if collector.texts:
        raise ModelArchiverError("\n".join([*collector.texts, "Not packed (--strict)."]))

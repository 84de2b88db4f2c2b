"""The handler for texts: as ordinary archives do, it imports transformers at its top."""

from __future__ import annotations

from bench_work import WorkHandler  # type: ignore[import-not-found,unused-ignore]
from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: F401


class TextsHandler(WorkHandler):  # type: ignore[misc,unused-ignore]
    """Serves the work called ``texts``."""

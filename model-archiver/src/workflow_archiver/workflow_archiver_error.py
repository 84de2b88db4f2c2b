"""The error of this package."""

from __future__ import annotations


class WorkflowArchiverError(Exception):
    """A workflow that cannot be packed; the message says what was wrong and what was expected."""

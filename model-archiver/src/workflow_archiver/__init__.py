"""Packs workflows, graphs of models and functions, into archives.

`torch-workflow-archiver` is the same thing as a command.
"""

from __future__ import annotations

from model_archiver.version import __version__

__all__ = ["__version__"]

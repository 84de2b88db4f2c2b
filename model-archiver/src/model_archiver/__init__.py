"""Packs models into archives.

The public names are `ModelArchiver` and `ModelArchiverConfig`; `torch-model-archiver` is the same
thing as a command.
"""

from __future__ import annotations

from model_archiver.model_archiver import ModelArchiver
from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.version import __version__

__all__ = ["ModelArchiver", "ModelArchiverConfig", "__version__"]

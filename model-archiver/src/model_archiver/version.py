"""The version of this package, which archives carry as `archiverVersion`."""

from __future__ import annotations

__version__ = "1.0.0"

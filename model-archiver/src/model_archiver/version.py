"""The version of this package, which archives carry as `archiverVersion`."""

from __future__ import annotations

from pathlib import Path

__version__ = (Path(__file__).parent / "version.txt").read_text(encoding="ascii").strip()

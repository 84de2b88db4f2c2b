"""The version of this package, which archives carry as `archiverVersion`."""

from __future__ import annotations

from pathlib import Path

version_path = Path(__file__).parent / "version.txt"
"""The file that holds it."""

__version__ = version_path.read_text(encoding="ascii").strip()

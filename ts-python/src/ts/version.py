"""The version of this package: the text of ``version.txt``, which the frontend reads too."""

from __future__ import annotations

from pathlib import Path

version_path = Path(__file__).parent / "version.txt"
"""The file that holds it."""

__version__ = version_path.read_text(encoding="utf-8").strip()

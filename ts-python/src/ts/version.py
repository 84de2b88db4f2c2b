"""The version of this package: the text of ``version.txt``, which the frontend reads too."""

from __future__ import annotations

from pathlib import Path

__version__ = (Path(__file__).parent / "version.txt").read_text(encoding="utf-8").strip()

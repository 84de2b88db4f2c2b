"""Why a model cannot be loaded, in one line, with the place in the user's code."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import ts
from ts.client import Failure, ModelState

_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+), in (.+)$', re.MULTILINE)
_HAS_PLACE = re.compile(r"\.py:\d+")


def cause_of(state: ModelState) -> str:
    """Return the cause of a failed load: where, which error, which text."""
    failure = state.last_load_error
    if failure is None:
        return state.reason
    place = place_in(failure)
    return f"{place} {failure.cause}" if place else failure.cause


def place_in(failure: Failure) -> str:
    """Return ``handler.py:3``, the last frame that is the user's; "" if there is none to add."""
    if _HAS_PLACE.search(failure.cause):
        return ""
    frames = [match for match in _FRAME.findall(failure.traceback) if not _is_library(match[0])]
    return f"{Path(frames[-1][0]).name}:{frames[-1][1]}" if frames else ""


def _is_library(path: str) -> bool:
    if path.startswith("<") or "/site-packages/" in path or "/dist-packages/" in path:
        return True
    folders = [*ts.__path__, sysconfig.get_path("stdlib")]
    return any(path.startswith(f"{folder}/") for folder in folders)

"""Where in the user's code an error happened: ``handler.py:12, in preprocess``."""

from __future__ import annotations

import functools
import os
import sysconfig
import traceback
from pathlib import Path

_PACKAGES = frozenset(("site-packages", "dist-packages"))
_OWN_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_STANDARD_LIBRARY = tuple(
    os.path.realpath(path) + os.sep
    for path in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    if path
)


def place_of(error: BaseException, model_dir: str | None) -> str | None:
    """Return the last place of an error's traceback that is in the user's code, if there is one.

    Files of the model are named as they are in its folder. Other code of the user, such as a
    handler on the Python path, is named by its file alone: clients may read this.

    Args:
        error: What was raised.
        model_dir: The folder of the model, or None.
    """
    if isinstance(error, SyntaxError) and error.filename:
        file = _shown(error.filename, model_dir)
        if file is not None:
            return f"{file}:{error.lineno}"
    file, line, function = None, 0, ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        shown = _shown(frame.f_code.co_filename, model_dir)
        if shown is None:
            continue
        name = frame.f_code.co_name
        # A comprehension or a lambda is in the function around it.
        if name == "<module>" or (name.startswith("<") and shown != file):
            name = ""
        elif name.startswith("<"):
            name = function
        file, line, function = shown, number, name
    if file is None:
        return None
    return f"{file}:{line}, in {function}" if function else f"{file}:{line}"


def relative_to_model(text: str, model_dir: str | None) -> str:
    """Return a text in which files of the model are named as they are in its folder."""
    if not model_dir or len(model_dir) < 2:
        return text
    for folder in {model_dir.rstrip("/"), os.path.realpath(model_dir)}:
        text = text.replace(folder + "/", "")
    return text


@functools.lru_cache(maxsize=512)
def _shown(filename: str, model_dir: str | None) -> str | None:
    """Return the name of a file of the user's code, or None if it is not the user's."""
    if not os.path.isabs(filename):
        return None
    path = os.path.realpath(filename)
    if model_dir:
        inside = os.path.relpath(path, os.path.realpath(model_dir))
        parts = Path(inside).parts
        if parts and parts[0] != "..":
            # What pip has installed for one model lies in its folder as well.
            return None if _PACKAGES.intersection(parts) else inside
    parts = Path(path).parts
    if _PACKAGES.intersection(parts) or path.startswith(
        (_OWN_PACKAGE + os.sep, *_STANDARD_LIBRARY)
    ):
        return None
    return os.path.basename(path)

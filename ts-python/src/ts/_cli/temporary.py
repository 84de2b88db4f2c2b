"""The one folder for temporary files: of this command, of the JVM, and of the workers' Python."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ts._cli.errors import Refusal

# TEMP is what TorchServe 0.12 has for the JVM; the others are what Python looks at.
_VARIABLES = ("TEMP", "TMPDIR", "TMP")
_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - Python's own list; nothing fixed is made there
_PROPERTY = "-Djava.io.tmpdir="


def named_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that the environment names, or the usual one, whether or not it exists."""
    setting = _setting(environ)
    if setting is not None:
        return Path(environ[setting]).absolute()
    return _usual_folder() or Path(_USUAL[0])


def usable_folder(environ: Mapping[str, str], vm_arguments: Sequence[str] = ()) -> Path:
    """Return the folder in which a server keeps its temporary files.

    Args:
        environ: The environment.
        vm_arguments: The user's words for the JVM; one of them may name another folder.

    Raises:
        Refusal: It is no folder, or no files can be made in it; the message names the setting.
    """
    chosen = [word for word in vm_arguments if word.startswith(_PROPERTY)]
    if chosen:
        return _required(chosen[-1].removeprefix(_PROPERTY), f"{_PROPERTY[:-1]} in vmargs")
    setting = _setting(environ)
    if setting is not None:
        return _required(environ[setting], f"{setting} environment variable")
    folder = _usual_folder()
    if folder is None:
        raise Refusal(
            f"There is no folder for temporary files: none of {', '.join(_USUAL)} and {Path.cwd()} "
            "is writable. Set TEMP to a folder in which this user can write."
        )
    return folder


def with_folder(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return an environment in which every program finds that folder."""
    return {**environ, "TEMP": str(folder), "TMPDIR": str(folder)}


def reason_against(folder: Path) -> str | None:
    """Return why no files can be made in a folder, or None if they can.

    It is tried: what the modes of a file system such as /proc say is not true, not even to root.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as problem:
        return problem.strerror or str(problem)


def _setting(environ: Mapping[str, str]) -> str | None:
    return next((name for name in _VARIABLES if environ.get(name)), None)


def _usual_folder() -> Path | None:
    places = [Path(name) for name in _USUAL] + [Path.cwd()]
    return next((place for place in places if os.access(place, os.W_OK | os.X_OK)), None)


def _required(text: str, setting: str) -> Path:
    said = f"Invalid temp directory: {text}, please check {setting}."
    folder = Path(text).absolute()
    if not folder.is_dir():
        raise Refusal(said, familiar=True)
    reason = reason_against(folder)
    if reason is not None:
        raise Refusal(f"{said} No files can be made in it: {reason}.", familiar=True)
    return folder

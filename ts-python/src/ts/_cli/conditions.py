"""What a start requires before a JVM runs."""

from __future__ import annotations

import os
import resource
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ts._cli.configuration import Configuration
from ts._cli.errors import Refusal
from ts._cli.options import Options
from ts._cli.temporary import reason_against

LOG_FILES = {
    "LOG_LOCATION": ("ts_log.log", "model_log.log", "access_log.log"),
    "METRICS_LOCATION": ("ts_metrics.log", "model_metrics.log"),
}
"""What the default logging writes, by the variable that names its folder."""
LOGGING_PROPERTIES = ("-Dlog4j.configurationFile=", "-Dlog4j2.configurationFile=")
_LEAST_DESCRIPTORS = 266

NamedFile = tuple[str | None, str, Callable[[Path], bool]]


def named_files(options: Options) -> tuple[NamedFile, NamedFile, NamedFile, NamedFile]:
    """Return what the command line names, how it is called, and whether it is there."""
    return (
        (options.log_config, "--log-config file", Path.is_file),
        (options.model_store, "--model-store directory", Path.is_dir),
        (options.workflow_store, "--workflow-store directory", Path.is_dir),
        (options.cpp_log_config, "--cpp-log-config file", Path.is_file),
    )


def require(given: str | None, what: str, exists: Callable[[Path], bool]) -> None:
    """Refuse what is named and not there, with the texts of TorchServe 0.12."""
    if given is not None and not exists(Path(given)):
        raise Refusal(f"{what} not found: {given}", familiar=True)


def require_descriptors() -> None:
    """Refuse a limit with which the JVM itself could not open its files."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # up to which the JVM raises its own
    if resource.RLIM_INFINITY != limit < _LEAST_DESCRIPTORS:
        raise Refusal(
            f"Too few file descriptors: ulimit -n is {limit}, "
            f"expected {_LEAST_DESCRIPTORS} or more."
        )


def log_folder(
    named: str | None,
    temporary: Path,
    files: Sequence[str],
    against: Callable[[Path], str | None] = reason_against,
) -> Path:
    """Return the folder for logs: the one that is named, else `logs` in the working folder.

    Where that is read-only, as the file system of a container can be, it is `logs` in the
    temporary folder.
    """
    usual = Path(named or "logs").absolute()
    unfit = not named and _unfit_for_logs(usual, files, against)
    return temporary / "logs" if unfit else usual


def require_writable_logs(
    folder: Path,
    variable: str,
    files: Sequence[str],
    against: Callable[[Path], str | None] = reason_against,
) -> None:
    """Refuse a folder in which log4j could not write: it would go on without logs."""
    unfit = _unfit_for_logs(folder, files, against)
    if unfit is not None:
        raise Refusal(
            f"Logs cannot be written to {folder}: {unfit} is not writable. "
            f"Set {variable} to a folder in which this user can write."
        )


def _unfit_for_logs(
    folder: Path, files: Sequence[str], against: Callable[[Path], str | None]
) -> Path | None:
    """Return the file or folder that cannot be written, if there is one."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    unfit = None if against(place) is None else place
    for name in files:
        if (folder / name).exists() and not os.access(folder / name, os.W_OK):
            unfit = folder / name
    return unfit


def vm_arguments(
    configuration: Configuration, has_log_config: bool, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Split `vmargs` at blanks; quotes keep one with a blank in it together."""
    text = configuration.value("vmargs", environ)
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        words = list(lexer)
    except ValueError as problem:
        raise Refusal(
            f"Invalid configuration: vmargs={text}: {problem}", familiar=True
        ) from problem
    if has_log_config:
        words = [word for word in words if not word.startswith(LOGGING_PROPERTIES)]
    return tuple(words)

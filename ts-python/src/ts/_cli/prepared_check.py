"""From a command line to that of a check, whether or not the start could be made."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from ts._cli.conditions import (
    LOG_FILES,
    LOGGING_PROPERTIES,
    log_folder,
    named_files,
    require,
    require_descriptors,
    require_writable_logs,
    vm_arguments,
)
from ts._cli.configuration import Configuration, find_configuration
from ts._cli.errors import Refusal
from ts._cli.java import Java
from ts._cli.options import Options
from ts._cli.prepared_start import PreparedStart
from ts._cli.temporary import usable_folder

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PreparedCheck:
    """A look at a start, whether or not the start could be made.

    Args:
        start: As far as it is known.
        problems: Why such a start would be refused before a JVM runs, in words.
        log_config: The log4j2 files that it would use; None for the default.
    """

    start: PreparedStart
    problems: tuple[str, ...]
    log_config: str | None

    def command(self, java: Java, home: Path) -> list[str]:
        """Return the command that checks, and starts nothing."""
        words = self.start.check_command(java, home)
        if self.start.options.json:
            words.append("--json")
        if self.log_config is not None:
            words += ["--check-log-config", self.log_config]
        for problem in self.problems:
            words += ["--check-problem", problem]
        return words


def prepare_check(options: Options, environ: Mapping[str, str]) -> PreparedCheck:
    """Collect all that would refuse a start, rather than the first; the frontend tells it."""
    problems: list[str] = []

    def tried(step: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return step()
        except Refusal as refusal:
            problems.append(str(refusal))
            return otherwise

    missing = options.ts_config or environ.get("TS_CONFIG_FILE", "").strip()
    nothing = Configuration(Path(missing).absolute() if missing else None, bool(missing))
    try:  # what is wrong with the file itself the frontend finds as well
        configuration = find_configuration(options.ts_config, environ)
    except Refusal:
        configuration = nothing
    _, _, workflow_store, cpp_log_config = named_files(options)  # it looks at the others itself
    for named in (workflow_store, cpp_log_config):
        tried(partial(require, *named), None)
    tried(require_descriptors, None)
    if not (options.model_store or _value(configuration, "model_store", environ)):
        problems.append("Missing mandatory parameter --model-store")
    words: tuple[str, ...] = ()
    if _value(configuration, "vmargs", environ):
        has_log_config = options.log_config is not None
        words = tried(partial(vm_arguments, configuration, has_log_config, environ), ())
    temporary = tried(lambda: usable_folder(environ, words), Path(tempfile.gettempdir()))
    log_config = _log_config_of(words)
    if options.log_config is not None:
        log_config = Path(options.log_config).resolve().as_uri()
    if log_config is None:
        for variable, files in LOG_FILES.items():
            folder = log_folder(environ.get(variable), temporary, files, _mode_against)
            tried(partial(require_writable_logs, folder, variable, files, _mode_against), None)
    start = PreparedStart(options, configuration, words, temporary, Path())
    return PreparedCheck(start, tuple(problems), log_config)


def _value(configuration: Configuration, key: str, environ: Mapping[str, str]) -> str:
    """Return a setting, or "" if it refers to a variable that does not exist."""
    try:
        return configuration.value(key, environ)
    except Refusal:
        return ""


def _log_config_of(words: Sequence[str]) -> str | None:
    """Return the log4j2 files that words for the JVM name; of several the last counts."""
    named = [word for word in words if word.startswith(LOGGING_PROPERTIES)]
    return named[-1].partition("=")[2] if named else None


def _mode_against(folder: Path) -> str | None:
    """Return why no files can be made in a folder, as its mode says; nothing is tried."""
    return None if folder.is_dir() and os.access(folder, os.W_OK) else "not writable"

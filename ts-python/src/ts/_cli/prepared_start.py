"""From a command line to the command line of the Java frontend."""

from __future__ import annotations

import os
import resource
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ts._cli.class_archive import class_archive_words
from ts._cli.configuration import Configuration, find_configuration
from ts._cli.errors import Refusal
from ts._cli.java import Java, flags_for
from ts._cli.options import Options
from ts._cli.registry import MAIN_CLASS, MAIN_CLASS_OF_012
from ts._cli.temporary import reason_against, usable_folder
from ts._cli.utf8 import ENCODING_WORDS, USERS_LOCALE, is_utf8, locale_for_java

# Before the user's own, so that those win. No collector is chosen here: a second choice in
# `vmargs` would be an error rather than win.
_DEFAULT_VM_ARGUMENTS = (
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # else a file in the temporary folder outlives a killed server
    "-Xms64m",
    *ENCODING_WORDS,
    # Netty samples where buffers were taken, to name who loses one; the tests have it look at all.
    "-Dio.netty.leakDetection.level=disabled",
)
LOG_FILES = {
    "LOG_LOCATION": ("ts_log.log", "model_log.log", "access_log.log"),
    "METRICS_LOCATION": ("ts_metrics.log", "model_metrics.log"),
}
"""What the default logging writes, by the variable that names its folder."""
_LEAST_DESCRIPTORS = 250
_LOGGING_PROPERTIES = ("-Dlog4j.configurationFile=", "-Dlog4j2.configurationFile=")


@dataclass(frozen=True, slots=True)
class PreparedStart:
    """A start whose options are sound, as far as can be told without the frontend.

    Args:
        options: The command line; its files and folders exist.
        configuration: The settings file it names or finds.
        vm_arguments: The user's words for the JVM, from `vmargs`.
        temporary: The folder for temporary files, of the JVM and of the workers.
        logs: Where the server writes its logs.
    """

    options: Options
    configuration: Configuration
    vm_arguments: tuple[str, ...]
    temporary: Path
    logs: Path

    def command(
        self,
        java: Java,
        home: Path,
        environ: Mapping[str, str],
        status: Path,
        pid_file: Path,
        *,
        console: bool,
        announces: bool,
    ) -> list[str]:
        """Return the command that runs the frontend.

        Args:
            java: The runtime.
            home: The folder of the package `ts`, which holds the jars.
            environ: The environment.
            status: The file into which the frontend writes how its start goes.
            pid_file: The file that the frontend removes at its end, if it names the frontend.
            console: Whether it logs to its standard output as well.
            announces: Whether it says there that it has started.
        """
        words = [*self._java_words(java, home), *self._logging_words()]
        if locale_for_java(environ) is not None:
            words.append(f"{USERS_LOCALE}{environ.get('LC_ALL', '')}")
        words.append(f"-Djava.io.tmpdir={self.temporary}")
        if not console:
            words.append("-Dtsnext.console=off")
        if not announces:
            words.append("-Dtsnext.announce=off")
        words += class_archive_words(java, home, environ, self.vm_arguments)
        words += self.vm_arguments
        words += [*self._main_words(home), *self._server_words()]
        words += ["--status-file", str(status), "--pid-file", str(pid_file)]
        # SageMaker's toolkit, for one, looks through all processes for this word.
        words += ["--known-as", MAIN_CLASS_OF_012]
        _require_utf8(words)
        return words

    def print_command(self, java: Java, home: Path) -> list[str]:
        """Return the command that prints the settings of such a start, and starts nothing."""
        words = [*self._java_words(java, home), *self._main_words(home), *self._server_words()]
        return [*words, "--print-config"]

    @staticmethod
    def _java_words(java: Java, home: Path) -> list[str]:
        words = [str(java.executable), *_DEFAULT_VM_ARGUMENTS, *flags_for(java.version)]
        return [*words, f"-Dmodel_server_home={home.parent}"]

    @staticmethod
    def _main_words(home: Path) -> list[str]:
        # The working folder is never on the class path: what lies there is not ours to run.
        words = ["-cp", str(home / "frontend" / "*"), MAIN_CLASS]
        return [*words, "--python", sys.executable, "--ts-home", str(home)]

    def _logging_words(self) -> list[str]:
        if self.options.log_config is None:
            return []
        uri = Path(self.options.log_config).resolve().as_uri()
        return [f"{name}{uri}" for name in _LOGGING_PROPERTIES]

    def _server_words(self) -> list[str]:
        options = self.options
        words = []
        if self.configuration.explicit:
            words += ["-f", str(self.configuration.path)]
        if options.model_store is not None:
            words += ["-s", str(Path(options.model_store).absolute())]
        if options.workflow_store is not None:
            words += ["-w", str(Path(options.workflow_store).absolute())]
        if options.no_config_snapshots:
            words.append("-ncs")
        if options.disable_token_auth:
            words.append("-dt")
        if options.enable_model_api:
            words.append("-mapi")
        if options.cpp_log_config is not None:
            words += ["-clog", str(Path(options.cpp_log_config).absolute())]
        if options.models:
            words += ["-m", *options.models]
        return words


def prepare_print(options: Options, environ: Mapping[str, str]) -> PreparedStart:
    """Check only what the frontend needs to look at the settings: it says what is wrong with them.

    Raises:
        Refusal: The settings file is missing or cannot be read.
    """
    configuration = find_configuration(options.ts_config, environ)
    return PreparedStart(options, configuration, (), Path(), Path())


def prepare_start(options: Options, environ: Mapping[str, str]) -> PreparedStart:
    """Check what can be checked before a JVM runs.

    Raises:
        Refusal: A file or folder is missing, with the texts of TorchServe 0.12.
    """
    _require(options.log_config, "--log-config file", Path.is_file)
    usable_folder(environ)  # before the settings are read, as in TorchServe 0.12
    _require_descriptors()
    configuration = find_configuration(options.ts_config, environ)
    store = options.model_store or configuration.value("model_store", environ)
    if not store:
        raise Refusal("Missing mandatory parameter --model-store", familiar=True)
    _require(store, "--model-store directory", Path.is_dir)
    _require(options.workflow_store, "--workflow-store directory", Path.is_dir)
    _require(options.cpp_log_config, "--cpp-log-config file", Path.is_file)
    vm_arguments = _vm_arguments(configuration, options.log_config is not None, environ)
    if options.log_config is None and not any(
        word.startswith(_LOGGING_PROPERTIES) for word in vm_arguments
    ):
        for variable, files in LOG_FILES.items():
            _require_writable_logs(environ.get(variable) or "logs", variable, files)
    return PreparedStart(
        options=options,
        configuration=configuration,
        vm_arguments=vm_arguments,
        temporary=usable_folder(environ, vm_arguments),
        logs=Path(environ.get("LOG_LOCATION") or "logs").absolute(),
    )


def _require(given: str | None, what: str, exists: Callable[[Path], bool]) -> None:
    if given is not None and not exists(Path(given)):
        raise Refusal(f"{what} not found: {given}", familiar=True)


def _require_descriptors() -> None:
    """Refuse a limit with which the JVM itself could not open its files."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # up to which the JVM raises its own
    if resource.RLIM_INFINITY != limit < _LEAST_DESCRIPTORS:
        raise Refusal(
            f"Too few file descriptors: ulimit -n is {limit}, "
            f"expected {_LEAST_DESCRIPTORS} or more."
        )


def _require_utf8(words: Sequence[str]) -> None:
    """Refuse names that the JVM could not find again."""
    for name in (*words, os.getcwd()):
        if not is_utf8(name):
            shown = name.encode("utf-8", "backslashreplace").decode()
            raise Refusal(f"The name {shown} is not UTF-8; rename the file or folder.")


def _require_writable_logs(location: str, variable: str, files: Sequence[str]) -> None:
    """Refuse a folder in which log4j could not write: it would go on without logs."""
    folder = Path(location).absolute()
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    unfit = None if reason_against(place) is None else place
    for name in files:
        if (folder / name).exists() and not os.access(folder / name, os.W_OK):
            unfit = folder / name
    if unfit is not None:
        raise Refusal(
            f"Logs cannot be written to {folder}: {unfit} is not writable. "
            f"Set {variable} to a folder in which this user can write."
        )


def _vm_arguments(
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
        words = [word for word in words if not word.startswith(_LOGGING_PROPERTIES)]
    return tuple(words)

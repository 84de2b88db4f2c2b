"""From a command line to the command line of the Java frontend."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ts._cli.class_archive import class_archive_words
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
from ts._cli.java import Java, flags_for
from ts._cli.options import Options
from ts._cli.registry import MAIN_CLASS, MAIN_CLASS_OF_012
from ts._cli.temporary import usable_folder
from ts._cli.utf8 import ENCODING_WORDS, USERS_LOCALE, is_utf8, locale_for_java

# Four times the JVM's own: the optimizing compiler begins later and compiles less. For a model with
# a few hundred requests a second it takes more CPU time than the rest of the JVM, for a minute; a
# busier server reaches these numbers within seconds.
_COMPILER_WORDS = (
    "-XX:Tier4InvocationThreshold=20000",
    "-XX:Tier4MinInvocationThreshold=2400",
    "-XX:Tier4CompileThreshold=60000",
    "-XX:Tier4BackEdgeThreshold=160000",
)

# Before the user's own, so that those win.
_DEFAULT_VM_ARGUMENTS = (
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # else a file in the temporary folder outlives a killed server
    "-Xms40m",
    *_COMPILER_WORDS,
    *ENCODING_WORDS,
    # Netty samples where buffers were taken, to name who loses one; the tests have it look at all.
    "-Dio.netty.leakDetection.level=disabled",
)


# The heap holds little: bodies lie outside of it. So the simplest collector pauses as briefly as
# any, and does without the threads, tables and barriers of the others: about 100 MB less, and a
# quarter less CPU time for a request that does nothing.
_COLLECTOR = "-XX:+UseSerialGC"
_CHOICE_OF_COLLECTOR = re.compile(r"-XX:\+Use\w+GC")
_VARIABLES_OF_JAVA = ("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")


def _collector_words(vm_arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return the choice of a collector, unless the user has made one: two are an error."""
    said = [*vm_arguments]
    for name in _VARIABLES_OF_JAVA:
        said += environ.get(name, "").split()
    return [] if any(map(_CHOICE_OF_COLLECTOR.match, said)) else [_COLLECTOR]


@dataclass(frozen=True, slots=True)
class PreparedStart:
    """A start whose options are sound, as far as can be told without the frontend.

    Args:
        options: The command line; its files and folders exist.
        configuration: The settings file it names or finds.
        vm_arguments: The user's words for the JVM, from `vmargs`.
        temporary: The folder for temporary files, of the JVM and of the workers.
        logs: Where the server writes its logs.
        log_variables: Variables of the environment that say so, where the user's do not.
    """

    options: Options
    configuration: Configuration
    vm_arguments: tuple[str, ...]
    temporary: Path
    logs: Path
    log_variables: Mapping[str, str] = field(default_factory=dict)

    def model_store(self, environ: Mapping[str, str]) -> Path:
        """Return the folder of the models."""
        named = self.options.model_store or self.configuration.value("model_store", environ)
        return Path(named).absolute()

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
        words += _collector_words(self.vm_arguments, environ)
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

    def check_command(self, java: Java, home: Path) -> list[str]:
        """Return the command that looks at such a start; files are unpacked where it would be."""
        words = [*self._java_words(java, home), f"-Djava.io.tmpdir={self.temporary}"]
        return [*words, *self._main_words(home), *self._server_words(), "--check"]

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
        return [f"{name}{uri}" for name in LOGGING_PROPERTIES]

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
        if options.compatibility is not None:
            words += ["--compatibility", options.compatibility]
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
    log_config, model_store, workflow_store, cpp_log_config = named_files(options)
    require(*log_config)
    usable_folder(environ)  # before the settings are read, as in TorchServe 0.12
    require_descriptors()
    configuration = find_configuration(options.ts_config, environ)
    store = options.model_store or configuration.value("model_store", environ)
    if not store:
        raise Refusal("Missing mandatory parameter --model-store", familiar=True)
    named = (
        model_store[1] if options.model_store else f"model_store ({configuration.path}) directory"
    )
    require(store, named, model_store[2])
    require(*workflow_store)
    require(*cpp_log_config)
    words = vm_arguments(configuration, options.log_config is not None, environ)
    temporary = usable_folder(environ, words)
    log_variables = {}
    if options.log_config is None and not any(
        word.startswith(LOGGING_PROPERTIES) for word in words
    ):
        for variable, files in LOG_FILES.items():
            folder = log_folder(environ.get(variable), temporary, files)
            if folder != Path(environ.get(variable) or "logs").absolute():
                log_variables[variable] = str(folder)
            require_writable_logs(folder, variable, files)
    return PreparedStart(
        options=options,
        configuration=configuration,
        vm_arguments=words,
        temporary=temporary,
        logs=Path(
            log_variables.get("LOG_LOCATION") or environ.get("LOG_LOCATION") or "logs"
        ).absolute(),
        log_variables=log_variables,
    )


def _require_utf8(words: Sequence[str]) -> None:
    """Refuse names that the JVM could not find again."""
    for name in (*words, os.getcwd()):
        if not is_utf8(name):
            shown = name.encode("utf-8", "backslashreplace").decode()
            raise Refusal(f"The name {shown} is not UTF-8; rename the file or folder.")

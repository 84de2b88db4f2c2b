"""What `torchserve` does, from the command line to the exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ts._cli.errors import Refusal
from ts._cli.nearest import content_of_store
from ts._cli.options import Action, Options, parse_options
from ts._cli.prepared_check import prepare_check
from ts._cli.prepared_start import PreparedStart, prepare_print, prepare_start
from ts._cli.registry import Registry
from ts._cli.starting import become_server, check, print_configuration, start_server
from ts._cli.status import Status
from ts._cli.stopping import stop_meant
from ts._cli.streams import output_status
from ts._cli.temporary import named_folder

PACKAGE = Path(__file__).resolve().parents[1]
START_LIMIT_SEC = 120.0
_STARTED = "Model server started."
_NOT_FOUND = ": Model not found at: "


def main(
    arguments: Sequence[str] | None = None,
    *,
    home: Path = PACKAGE,
    start_limit_sec: float = START_LIMIT_SEC,
    stop_limit_sec: float | None = None,
    say_last: Callable[[str], None] = print,
) -> int:
    """Carry out one command and return its exit status.

    Args:
        arguments: The words after `torchserve`; None for those of this process.
        home: The folder of the package `ts`, which holds the frontend's jars.
        start_limit_sec: How long a server may take to open its listeners.
        stop_limit_sec: How long a server may take to stop; None for what its settings say.
        say_last: Takes the last line of a start that succeeded.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words and not words[0].startswith("-"):
        from ts._cli.commands.run import run_command

        return run_command(words, os.environ)
    options = parse_options(words)
    try:
        if options.action is Action.VERSION:
            _print_version(home)
            return output_status()
        elif options.action is Action.PRINT_CONFIG:
            status = print_configuration(prepare_print(options, os.environ), os.environ, home)
            return status or output_status()
        elif options.action is Action.CHECK:
            status = check(prepare_check(options, os.environ), os.environ, home)
            return status or output_status()
        elif options.action is Action.STOP:
            stop_meant(options.ts_config, os.environ, stop_limit_sec)
        else:
            return _start(options, os.environ, home, start_limit_sec, say_last)
    except Refusal as refusal:
        print(refusal, file=sys.stdout if refusal.familiar else sys.stderr, flush=True)
        return 1
    except OSError as problem:  # such as a full disk under the folder for temporary files
        print(f"torchserve: {problem}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _print_version(home: Path) -> None:
    version = (home / "version.txt").read_text(encoding="ascii").strip()
    print(f"TorchServe Version is {version}")  # this line alone: scripts cut the number out of it


def _start(
    options: Options,
    environ: Mapping[str, str],
    home: Path,
    limit_sec: float,
    say_last: Callable[[str], None],
) -> int:
    prepared = prepare_start(options, environ)
    registry = Registry(named_folder(environ).resolve())
    if prepared.vm_arguments:
        words = " ".join(prepared.vm_arguments)
        print(f"Warning: TorchServe is using non-default JVM parameters: {words}")
    _say_what_is_missing(options)
    if options.foreground:
        become_server(prepared, registry, environ, home)
    server, status = start_server(prepared, registry, environ, home, limit_sec)
    if options.wait:
        _print_started(prepared, status, environ)
        from ts._cli.commands.started import wait_for_models

        result = wait_for_models(server, status, environ, options.wait_limit_sec)
        if result == 0:
            say_last(_STARTED)
        return result
    # From here on the server runs, and the exit status says so.
    with contextlib.suppress(KeyboardInterrupt):
        _print_started(prepared, status, environ)
        say_last(_STARTED)
    return 0


def _say_what_is_missing(options: Options) -> None:
    for option, given, what in (
        ("--plugins-path", options.plugins_path, "there are no plug-ins"),
        ("--cpp-log-config", options.cpp_log_config, "there is no C++ backend"),
    ):
        if given is not None:
            print(
                f"Warning: {option} has no effect: {what}; docs/plug-ins.md has the replacement.",
                file=sys.stderr,
            )


def _print_started(prepared: PreparedStart, status: Status, environ: Mapping[str, str]) -> None:
    for role, address in status.addresses.items():
        print(f"  {role:<12}{address}")
    if status.loading:
        print(f"  {'loading':<12}{', '.join(status.loading)}")
    for line in status.failed:
        print(f"  {'failed':<12}{line}")
        model, not_found, _ = line.partition(_NOT_FOUND)
        if not_found:
            store = prepared.model_store(environ)
            print(f"  {'':<12}{content_of_store(store, model.rpartition('=')[2])}")
    if status.key_file:
        print(f"  {'keys':<12}{status.key_file}")
    print(f"  {'logs':<12}{prepared.logs}")
    print(f"  {'stop':<12}torchserve --stop")
    for warning in status.warnings:
        print(f"Warning: {warning}")

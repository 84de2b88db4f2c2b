"""The options of `torchserve`, those of TorchServe 0.12."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_EPILOG = """\
commands, each with a --help of its own:
  torchserve status                  which servers run, and how they are
  torchserve models [MODEL]          the models, or all of one
  torchserve logs [-f] [MODEL]       the log of the server, or of a model
  torchserve wait [MODEL ...]        wait until the models are ready
  torchserve token [KIND]            print a token for a client
  torchserve predict MODEL FILE      ask a model
  torchserve stop                    as --stop
  torchserve try PATH --input FILE   load a model here, without a server, and ask it
  torchserve dev PATH                serve a folder or a handler, and load each change
  torchserve completion SHELL        completion for bash, zsh or fish

examples:
  torchserve --start --model-store model_store --models digits.mar --wait
  torchserve --start --ts-config config.properties
  torchserve --check --ts-config config.properties
  torchserve --stop

exit status: 0 done, 1 it failed, 2 wrong usage, 4 not within the time limit, 130 interrupted

This is TorchServe Next; it is not affiliated with the PyTorch Foundation."""


class Action(Enum):
    """What one call does."""

    START = "start"
    STOP = "stop"
    VERSION = "version"
    PRINT_CONFIG = "print-config"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Options:
    """One parsed command line; files and folders as given, not yet looked at."""

    action: Action = Action.START
    ts_config: str | None = None
    model_store: str | None = None
    workflow_store: str | None = None
    models: tuple[str, ...] = ()
    log_config: str | None = None
    cpp_log_config: str | None = None
    plugins_path: str | None = None
    foreground: bool = False
    no_config_snapshots: bool = False
    disable_token_auth: bool = False
    enable_model_api: bool = False
    compatibility: str | None = None
    json: bool = False
    wait: bool = False
    wait_limit_sec: float | None = None


def parse_options(arguments: Sequence[str]) -> Options:
    """Parse a command line; like argparse, ends the process for `--help` and wrong usage."""
    parser = option_parser()
    given = parser.parse_args([_unabbreviated(word) for word in arguments])
    if given.print_config and (given.stop or given.version):
        parser.error("argument --print-config: not allowed with argument --stop or --version")
    if given.check and (given.stop or given.version or given.print_config):
        parser.error(
            "argument --check: not allowed with argument --stop, --version or --print-config"
        )
    if given.json and not given.check:
        parser.error("argument --json: expected --check beside it")
    if given.wait is not None and (_action(given) is not Action.START or given.foreground):
        parser.error("argument --wait: expected --start beside it, and no --foreground")
    return Options(
        action=_action(given),
        ts_config=given.ts_config,
        model_store=given.model_store,
        workflow_store=given.workflow_store,
        models=tuple(given.models or ()),
        log_config=given.log_config,
        cpp_log_config=given.cpp_log_config,
        plugins_path=given.plugins_path,
        foreground=given.foreground,
        no_config_snapshots=given.no_config_snapshots,
        disable_token_auth=given.disable_token_auth,
        enable_model_api=given.enable_model_api,
        compatibility=given.compatibility,
        json=given.json,
        wait=given.wait is not None,
        wait_limit_sec=given.wait if given.wait != math.inf else None,
    )


def _unabbreviated(word: str) -> str:
    """Return what an abbreviation meant before there was an option that begins in the same way."""
    name, equals, value = word.partition("=")
    return f"--workflow-store{equals}{value}" if name == "--w" else word


def _wait_limit(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, expected 0 or more")
    return seconds


def _action(given: argparse.Namespace) -> Action:
    if given.version:
        return Action.VERSION
    if given.stop:
        return Action.STOP
    if given.check:
        return Action.CHECK
    return Action.PRINT_CONFIG if given.print_config else Action.START


def option_parser() -> argparse.ArgumentParser:
    """Return the parser of the options; the commands have their own."""
    parser = argparse.ArgumentParser(
        prog="torchserve",
        description="Serve PyTorch models. Starts a server unless told otherwise.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument("-v", "--version", action="store_true", help="print the version")
    actions.add_argument(
        "--start", action="store_true", help="start a server in the background, once it is ready"
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        nargs="?",
        type=_wait_limit,
        const=math.inf,
        help="with --start: wait until each model is ready or has failed, and say which; "
        "the exit status is 1 if one failed, and 4 after so many seconds; the server runs on",
    )
    actions.add_argument(
        "--stop",
        action="store_true",
        help="stop the running server; of several the one of --ts-config or of this folder",
    )
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="print every setting with its value and where it comes from; start nothing",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="say what works, what differs from TorchServe 0.12 and what fails; start nothing",
    )
    parser.add_argument("--json", action="store_true", help="with --check: the same as JSON")
    parser.add_argument("--ts-config", metavar="FILE", help="config.properties to use")
    parser.add_argument("--model-store", metavar="DIR", help="folder of the model archives")
    parser.add_argument("--workflow-store", metavar="DIR", help="folder of workflow archives")
    parser.add_argument(
        "--models",
        metavar="MODEL",
        nargs="+",
        help="models to load: 'all', or file or name=file, in the model store",
    )
    parser.add_argument("--log-config", metavar="FILE", help="log4j2 configuration")
    parser.add_argument(
        "--cpp-log-config", metavar="FILE", help="accepted; there is no C++ backend"
    )
    parser.add_argument(
        "--foreground", action="store_true", help="run the server in place of this command"
    )
    parser.add_argument(
        "--no-config-snapshots",
        "--ncs",
        action="store_true",
        help="neither write nor read snapshots of the state",
    )
    parser.add_argument(
        "--plugins-path", "--ppath", metavar="DIR", help="accepted; there are no plug-ins"
    )
    parser.add_argument(
        "--disable-token-auth", "--dt", action="store_true", help="serve without tokens"
    )
    parser.add_argument(
        "--enable-model-api",
        action="store_true",
        help="let the management API register and unregister models",
    )
    parser.add_argument(
        "--compatibility",
        metavar="0.12",
        help="answer as TorchServe 0.12 does where that is no less safe; docs/compatibility.md",
    )
    return parser

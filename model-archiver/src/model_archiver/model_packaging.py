"""The command `torch-model-archiver`."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

from model_archiver._streams import run_command
from model_archiver.arg_parser import ArgParser, argument_parser
from model_archiver.model_archiver import ModelArchiver, package_model
from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_archiver_error import ModelArchiverError
from model_archiver.model_packaging_utils import ModelExportUtils

__all__ = [
    "ArgParser",
    "ModelExportUtils",
    "argument_parser",
    "generate_model_archive",
    "main",
    "package_model",
]


def generate_model_archive(config: ModelArchiverConfig | None = None) -> None:
    """Packs what `config` asks for; without one, what the command line asks for.

    As a command it ends the process: status 1 with one line `ERROR - <reason>` on standard error
    if the model cannot be packed, status 2 if the command line is wrong.
    """
    if config is not None:
        ModelArchiver.generate_model_archive(config)
        return
    logging.basicConfig(format="%(levelname)s - %(message)s")
    given = argument_parser().parse_args()
    wanted = ModelArchiverConfig.from_args(given)
    try:
        packed = ModelArchiver.generate_model_archive(wanted)
    except (ModelArchiverError, OSError, ValueError) as e:
        logging.error("%s", e)
        sys.exit(1)
    # In a script success prints nothing, as ever.
    if given.list or sys.stdout.isatty():
        print("\n".join(packed))


def main() -> NoReturn:
    """Runs the command with the words of this process, and exits with its status."""
    run_command("torch-model-archiver", _command)


def _command() -> int:
    generate_model_archive()
    return 0


if __name__ == "__main__":
    main()

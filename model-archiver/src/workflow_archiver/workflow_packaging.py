"""The command `torch-workflow-archiver`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn

from model_archiver._checks import check_model_name, source_date_epoch, warn_about_syntax
from model_archiver._contents import Contents
from model_archiver._packing import pack_zip
from model_archiver._streams import run_command
from model_archiver.model_archiver_error import ModelArchiverError
from model_archiver.version import __version__

from workflow_archiver._spec import check_spec
from workflow_archiver.arg_parser import ArgParser
from workflow_archiver.workflow_archiver_error import WorkflowArchiverError

__all__ = ["generate_workflow_archive", "main", "package_workflow"]

_RESERVED = "WAR-INF"
_MANIFEST = f"{_RESERVED}/MANIFEST.json"


def package_workflow(args: argparse.Namespace) -> Path:
    """Packs what `args` names, as the command line does.

    The result appears complete or not at all.

    Args:
        args: with `workflow_name`, `spec_file`, `handler`, `extra_files`, `export_path`, `force`.

    Returns:
        The archive.

    Raises:
        WorkflowArchiverError: if it cannot be packed or written.
        FileNotFoundError: if a file is missing.
    """
    name: str = args.workflow_name
    try:
        check_model_name(name, "workflow")
    except ModelArchiverError as e:
        raise WorkflowArchiverError(str(e)) from e
    export_path = Path(args.export_path)
    if not export_path.is_dir():
        raise WorkflowArchiverError(
            f"Given export-path {args.export_path} is not a directory. "
            "Point to a valid export-path directory."
        )
    target = export_path.absolute() / f"{name}.war"
    if target.exists() and not args.force:
        raise WorkflowArchiverError(
            f"{target} already exists.\nPlease specify --force/-f option to overwrite the workflow "
            "archive output file.\nSee -h/--help for more details."
        )
    contents = Contents(_RESERVED)
    workflow = {"workflowName": name, "specFile": contents.add_artifact(args.spec_file)}
    check_spec(Path(args.spec_file), name, has_handler=bool(args.handler))
    if args.handler:
        workflow["handler"] = contents.add_artifact(args.handler)
        warn_about_syntax(Path(args.handler))
    for extra in (args.extra_files or "").split(","):
        if extra.strip():
            contents.add_artifact(extra.strip())
    epoch = source_date_epoch()
    now = datetime.now() if epoch is None else datetime.fromtimestamp(epoch, timezone.utc)
    manifest = {
        "createdOn": now.strftime("%d/%m/%Y %H:%M:%S"),
        "workflow": workflow,
        "archiverVersion": __version__,
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    pack_zip(target, contents, _MANIFEST, text, epoch)
    return target


def generate_workflow_archive() -> None:
    """Packs what the command line asks for.

    Ends the process with status 1 and one line `ERROR - <reason>` on standard error if the
    workflow cannot be packed, with status 2 if the command line is wrong.
    """
    logging.basicConfig(format="%(levelname)s - %(message)s")
    args = ArgParser.export_workflow_args_parser().parse_args()
    try:
        package_workflow(args)
    except (WorkflowArchiverError, ModelArchiverError, OSError, ValueError) as e:
        logging.error("%s", e)
        sys.exit(1)


def main() -> NoReturn:
    """Runs the command with the words of this process, and exits with its status."""
    run_command("torch-workflow-archiver", _command)


def _command() -> int:
    generate_workflow_archive()
    return 0


if __name__ == "__main__":
    main()

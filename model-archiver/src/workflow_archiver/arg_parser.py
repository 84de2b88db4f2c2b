"""The command line of `torch-workflow-archiver`."""

from __future__ import annotations

import argparse
import os


class ArgParser:
    """Makes the reader of the command line."""

    @staticmethod
    def export_workflow_args_parser() -> argparse.ArgumentParser:
        """The command line."""
        parser = argparse.ArgumentParser(
            prog="torch-workflow-archiver",
            description="Packs a workflow, a graph of models and functions, for TorchServe Next.",
            epilog="example: torch-workflow-archiver --workflow-name pipe --spec-file pipe.yaml"
            " --handler functions.py --export-path workflow_store",
        )
        required = parser.add_argument_group("required arguments")
        required.add_argument(
            "--workflow-name",
            required=True,
            help="name of the workflow and of the result: <workflow-name>.war",
        )
        required.add_argument(
            "--spec-file", required=True, help="YAML file with the models and the graph"
        )
        parser.add_argument(
            "--handler",
            help="Python file with the functions of the graph; needed if a node is no model",
        )
        parser.add_argument(
            "--extra-files", help="comma-separated files that the functions need beside them"
        )
        parser.add_argument(
            "--export-path",
            default=os.getcwd(),
            help="directory for the result (default: the current directory)",
        )
        parser.add_argument(
            "-f", "--force", action="store_true", help="overwrite a result that is there already"
        )
        return parser

"""The command line of `torch-model-archiver`."""

from __future__ import annotations

import argparse
import os
from typing import get_args

from model_archiver._handlers import BUILT_IN
from model_archiver._packing import ArchiveFormat
from model_archiver.manifest_components.manifest import RuntimeType
from model_archiver.model_archiver_config import ModelArchiverConfig

_EPILOG = """\
examples:
  torch-model-archiver --model-name digits --version 1.0 --handler image_classifier \\
      --model-file model.py --serialized-file digits.pt --export-path model_store
  torch-model-archiver --model-name mine --version 1.0 --handler handler.py --check --strict

exit status: 0 packed, 1 it cannot be packed or loaded, 2 wrong usage"""


class ArgParser:
    """Reads the command line."""

    @staticmethod
    def export_model_args_parser() -> ModelArchiverConfig:
        """What the words of this process ask for.

        Ends the process like argparse: status 0 after `--help`, 2 if the words are wrong.
        """
        return ModelArchiverConfig.from_args(argument_parser().parse_args())


def argument_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="torch-model-archiver",
        description="Packs a model, its handler and what they need for TorchServe Next.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    required = parser.add_argument_group("required arguments")
    required.add_argument(
        "--model-name",
        required=True,
        help="name of the model and of the result: <model-name>.mar",
    )
    required.add_argument("-v", "--version", required=True, help="version of the model, any text")
    required.add_argument(
        "--handler",
        required=True,
        help="path of a Python file, optionally path:function, or a built-in handler: "
        + ", ".join(sorted(BUILT_IN)),
    )
    parser.add_argument(
        "--serialized-file", help="weights: .pt, .pth, .safetensors, .pt2, .onnx, .so"
    )
    parser.add_argument(
        "--model-file", help="Python file with the one class of the model, for eager mode"
    )
    parser.add_argument(
        "--extra-files",
        help="comma-separated files, directories (their contents are taken) and glob patterns",
    )
    parser.add_argument(
        "-r", "--requirements-file", help="pip requirements that the server may install"
    )
    parser.add_argument("-c", "--config-file", help="model configuration, YAML")
    parser.add_argument(
        "--runtime",
        default=RuntimeType.PYTHON.value,
        choices=[runtime.value for runtime in RuntimeType],
        help="what runs the handler (default: %(default)s)",
    )
    parser.add_argument(
        "--archive-format",
        default="default",
        choices=get_args(ArchiveFormat),
        help="default: zip with compression, <model-name>.mar; zip-store: the same without "
        "compression; tgz: <model-name>.tar.gz; no-archive: a directory <model-name>",
    )
    parser.add_argument(
        "--export-path",
        default=os.getcwd(),
        help="directory for the result (default: the current directory)",
    )
    parser.add_argument(
        "-f", "--force", action="store_true", help="overwrite a result that is there already"
    )
    parser.add_argument(
        "--strict", action="store_true", help="let a warning about the model be an error"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="load the model first, as a server would, in a process of its own; if that fails, "
        "nothing is packed. Needs torchserve-next in this Python",
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="print what was packed, with sizes; on a terminal that is done in any case",
    )
    return parser

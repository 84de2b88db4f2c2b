"""What is to be packed."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field, fields
from typing import get_args

from model_archiver._packing import ArchiveFormat
from model_archiver.manifest_components.manifest import RuntimeType
from model_archiver.model_archiver_error import ModelArchiverError


@dataclass
class ModelArchiverConfig:
    """One order to pack a model; the fields are the options of `torch-model-archiver`.

    Attributes:
        model_name: name of the archive's file and of the model.
        handler: a built-in handler's name, or the path of a Python file, optionally
            `path:function`.
        version: any text; empty leaves it out.
        serialized_file: path of the weights.
        model_file: path of the Python file with the model's one class, for eager mode.
        extra_files: comma-separated files, directories and glob patterns.
        runtime: `python`, `python3` or `LSP`.
        export_path: directory for the result; made if it is missing.
        archive_format: `default`, `zip-store`, `tgz` or `no-archive`.
        force: whether a result that is there already is replaced.
        requirements_file: path of a pip requirements file.
        config_file: path of a model-config.yaml.
        strict: whether what is a warning else fails.
        check: whether the model is loaded first, in a process of its own.

    Raises:
        ModelArchiverError: if `runtime` or `archive_format` is not one of those named.
    """

    model_name: str
    handler: str
    version: str
    serialized_file: str | None = None
    model_file: str | None = None
    extra_files: str | None = None
    runtime: str = RuntimeType.PYTHON.value
    export_path: str = field(default_factory=os.getcwd)
    archive_format: ArchiveFormat = "default"
    force: bool = False
    requirements_file: str | None = None
    config_file: str | None = None
    strict: bool = False
    check: bool = False

    def __post_init__(self) -> None:
        _require_one_of("runtime", self.runtime, [runtime.value for runtime in RuntimeType])
        _require_one_of("archive_format", self.archive_format, list(get_args(ArchiveFormat)))

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> ModelArchiverConfig:
        """The order that a parsed command line gives."""
        given = vars(args)
        return cls(**{f.name: given[f.name] for f in fields(cls) if f.name in given})


def _require_one_of(name: str, value: str, allowed: list[str]) -> None:
    if value not in allowed:
        raise ModelArchiverError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")

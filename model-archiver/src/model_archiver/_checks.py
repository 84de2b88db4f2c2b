"""Checks of what is given, before anything is written."""

from __future__ import annotations

import logging
import os
import re
import zipfile
from collections.abc import Collection
from pathlib import Path

import yaml

from model_archiver._config_keys import meant_by
from model_archiver._config_types import problems_of
from model_archiver._config_warmup import files_of_warmup
from model_archiver._nearest import did_you_mean
from model_archiver._yaml import MAX_BYTES, load_yaml
from model_archiver.model_archiver_error import ModelArchiverError

logger = logging.getLogger(__name__)

MODEL_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_\-.]*$"
_MAX_NAME = 128
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~:-]{0,254}")
_EVERY_VERSION = "all"

WEIGHTS_ALONE = (".safetensors",)
WEIGHT_KINDS = (".pt", ".pth", ".ts", ".jit", *WEIGHTS_ALONE, ".pt2", ".onnx", ".so")
"""The kinds of weights, as `ts._loader.weights` has them; a test compares both."""


def check_model_name(name: str, what: str = "model") -> None:
    """Refuses names that do not make a file name everywhere.

    Args:
        name: the name.
        what: what it is the name of: model or workflow.
    """
    if not re.fullmatch(MODEL_NAME_PATTERN, name) or name.endswith("\n"):
        raise ModelArchiverError(
            f"{what.capitalize()} name contains special characters.\n"
            f"The allowed regular expression filter for {what} name is: {MODEL_NAME_PATTERN}"
        )
    if len(name) > _MAX_NAME:
        raise ModelArchiverError(
            f"{what.capitalize()} name has {len(name)} characters, expected at most {_MAX_NAME}: a"
            " server would refuse it"
        )


def check_version(version: str | None) -> None:
    """Refuses a version that a server would refuse; an empty one is left out."""
    if version and (version == _EVERY_VERSION or not _VERSION.fullmatch(version)):
        shown = version if len(version) <= _MAX_NAME else version[:_MAX_NAME] + "..."
        raise ModelArchiverError(
            f"Version {shown!r} is not allowed, expected 1 to 255 of A-Z a-z 0-9 _ . - + ~ :, the"
            " first one a letter, a digit or _, and not the word all"
        )


def prepare_export_path(path: str) -> Path:
    """The directory for the result, made if it is missing."""
    if os.path.exists(path) and not os.path.isdir(path):
        raise ModelArchiverError(
            f"Given export-path {path} is not a directory. Point to a valid export-path directory."
        )
    if not os.path.exists(path):
        logger.warning("Given export-path %s does not exist, it is created", path)
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as e:
            raise ModelArchiverError(f"Given export-path {path} cannot be created: {e}") from e
    return Path(path).absolute()


def check_config_file(path: str, packed: Collection[str]) -> None:
    """Refuses a model configuration that a server would refuse, and warns about misspelt keys.

    Args:
        path: of the configuration.
        packed: names of the files of the archive, which the configuration may name.
    """
    try:
        with open(path, "rb") as file:
            document = load_yaml(file.read(MAX_BYTES + 1))
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark
        place = f"line {mark.line + 1} column {mark.column + 1}: " if mark else ""
        raise ModelArchiverError(f"Config file {path} is not valid YAML: {place}{e.problem}") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ModelArchiverError(f"Config file {path} is not valid YAML: {e}") from e
    if document is not None and not isinstance(document, dict):
        raise ModelArchiverError(
            f"Config file {path} is a {type(document).__name__} at its top level, expected a map "
            "of keys to values"
        )
    refused, corrected = problems_of(document or {})
    if refused:
        raise ModelArchiverError(f"Config file {path}: {'; '.join(refused)}")
    for name in files_of_warmup(document or {}):
        if name not in packed:
            raise ModelArchiverError(
                f"Config file {path}: warmup names the file {name!r}, which is not packed: add it"
                f" by --extra-files{did_you_mean(name, packed)}"
            )
    for sentence in corrected:
        logger.warning("Config file %s: %s", path, sentence)
    for key in document or ():
        meant = meant_by(str(key))
        if meant is not None:
            logger.warning(
                "Config file %s has the key '%s', which only the handler may know; "
                "did you mean '%s'?",
                path,
                key,
                meant,
            )


def warn_about_syntax(path: Path) -> None:
    """Warns about a Python file that does not compile here; the server may run another Python."""
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as e:
        logger.warning("%s is not valid Python for this interpreter: %s", path, e)


def warn_about_weights(path: Path, model_file: str | None, built_in: bool) -> None:
    """Warns about weights that a built-in handler cannot load, or not without their code."""
    if not built_in or model_file:
        return
    if path.suffix not in WEIGHT_KINDS:
        logger.warning(
            "%s is of a kind that no built-in handler loads, expected one of %s, or --model-file",
            path,
            ", ".join(WEIGHT_KINDS),
        )
    elif path.suffix in WEIGHTS_ALONE or _is_state_dict(path):
        what = "holds tensors alone"
        if path.suffix not in WEIGHTS_ALONE:
            what = "is no TorchScript, but a state dict or a pickled module"
        logger.warning(
            "%s %s: a built-in handler loads it with the Python file of its class only,"
            " --model-file",
            path,
            what,
        )


def _is_state_dict(path: Path) -> bool:
    """Whether it is what `torch.save` writes, of a state dict or a module."""
    if path.suffix not in (".pt", ".pth"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
    return any(name.endswith("/data.pkl") for name in names) and not any(
        name.endswith("/constants.pkl") for name in names
    )


def source_date_epoch() -> int | None:
    """The time stamp that `SOURCE_DATE_EPOCH` asks for, if it is set."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise ModelArchiverError(
            f"SOURCE_DATE_EPOCH is {text!r}, expected whole seconds since 1970"
        )
    return int(text)

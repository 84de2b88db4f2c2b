"""From what a user names, an archive, a folder or a handler.py, to a model's folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ts._cli.errors import Refusal
from ts._cli.nearest import did_you_mean
from ts._loader import weights
from ts._loader.manifest import read_manifest, read_model_config

_ZIPS = (".mar", ".war", ".zip")
_TARS = (".tar.gz", ".tgz")
_MANIFEST = Path("MAR-INF", "MANIFEST.json")
_CONFIG = "model-config.yaml"
_LARGE_BYTES = 1 << 20
_LEFT_OUT = re.compile(r"\..*|__pycache__|MAR-INF|.*\.mar|venv|node_modules")
BUILT_IN = Path(__file__).resolve().parents[2] / "torch_handler"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line says instead of the manifest."""

    name: str | None = None
    handler: str | None = None
    version: str = "1.0"
    force_version: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model's folder, with a manifest.

    Attributes:
        folder: Where the worker finds it.
        origin: What the user named, or the folder it is in; `folder` may be a copy of it.
        config: The content of the model's configuration file.
    """

    folder: Path
    origin: Path
    name: str
    version: str
    handler: str
    envelope: str | None
    config: dict[str, Any]

    @property
    def batch_size(self) -> int:
        """The size of a batch by its configuration."""
        size = self.config.get("batchSize", 1)
        return size if isinstance(size, int) and size > 0 else 1

    @property
    def is_async(self) -> bool:
        """Whether its handler serves several requests at once."""
        return (
            self.config.get("asyncCommunication") is True
            or self.config.get("concurrency") is not None
        )

    def in_users_words(self, text: str) -> str:
        """Return a text in which the copy's files are called by their own names."""
        return (
            text if self.folder == self.origin else text.replace(str(self.folder), str(self.origin))
        )


def open_source(path: Path, choices: Choices, scratch: Path) -> ModelSource:
    """Return the model that a path names; copies go below `scratch`.

    Raises:
        Refusal: There is none, or it cannot be read; the message says what was expected.
    """
    if path.is_dir():
        if (path / _MANIFEST).is_file():
            return _read(path.resolve(), path.resolve(), choices)
        return stage(path, choices, scratch / "model", link)
    if path.suffix == ".py" and path.is_file():
        return stage(path, choices, scratch / "model", link)
    if path.name.endswith(_ZIPS + _TARS) and path.is_file():
        return _read(_unpack(path, scratch / "archive"), path.resolve(), choices)
    if not path.exists():
        folder = path.absolute().parent
        names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        raise Refusal(f"There is no {path}.{did_you_mean(path.name, names)}")
    raise Refusal(
        f"{path} is no model: expected a folder, a handler's .py file, or an archive "
        f"({', '.join(_ZIPS + _TARS)})."
    )


def link(source: Path, target: Path) -> None:
    """Put a link to a file or folder of the user's into the copy: nothing is copied."""
    target.symlink_to(source)


def copy(source: Path, target: Path) -> None:
    """Put a copy of a file or folder of the user's into the copy; a link of large files."""
    if source.is_dir():
        shutil.copytree(
            source,
            target,
            ignore=_not_copied,
            copy_function=_copy_file,
            ignore_dangling_symlinks=True,
        )
    else:
        _copy_file(str(source), str(target))


def stage(
    path: Path, choices: Choices, folder: Path, put: Callable[[Path, Path], None]
) -> ModelSource:
    """Lay out a model from a folder or a handler, with a manifest.

    Args:
        path: The folder, which may have a manifest, or the handler's file in it.
        choices: What the command line says.
        folder: Where the model is laid out; it must not exist.
        put: Puts one file or folder there.

    Raises:
        Refusal: There is no handler.
    """
    origin = (path if path.is_dir() else path.parent).resolve()
    folder.mkdir(parents=True)
    for entry in sorted(origin.iterdir()):
        if not _LEFT_OUT.fullmatch(entry.name):
            put(entry, folder / entry.name)
    (folder / "MAR-INF").mkdir()
    manifest = _manifest_of(path, origin, choices)
    (folder / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return _read(folder, origin, choices)


def watched_files(path: Path) -> dict[str, tuple[int, int]]:
    """Return each file of a folder that belongs to a model, with its time of change and size."""
    origin = path if path.is_dir() else path.parent
    found = {}
    for folder, folders, files in os.walk(origin):
        folders[:] = [
            name for name in folders if name == "MAR-INF" or not _LEFT_OUT.fullmatch(name)
        ]
        for name in files:
            if _LEFT_OUT.fullmatch(name):
                continue
            file = os.path.join(folder, name)
            try:
                status = os.stat(file)
            except OSError:  # it is being replaced
                continue
            found[file] = (status.st_mtime_ns, status.st_size)
    return found


def _not_copied(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if _LEFT_OUT.fullmatch(name)]


def _copy_file(source: str, target: str) -> str:
    # An editor may write into a small file in place; large ones are most often weights.
    if os.stat(source).st_size > _LARGE_BYTES:
        try:
            os.link(source, target)
            return target
        except OSError:
            pass
    return str(shutil.copyfile(source, target))


def _manifest_of(path: Path, origin: Path, choices: Choices) -> dict[str, Any]:
    try:
        manifest = read_manifest(str(origin)) or {}
    except ValueError as problem:
        raise Refusal(f"{origin}: {problem}") from problem
    model = dict(manifest.get("model") or {})
    model["modelName"] = choices.name or model.get("modelName") or _name_of(path, origin)
    version = choices.force_version or model.get("modelVersion") or choices.version
    model["modelVersion"] = str(version)
    if path.is_file():
        model["handler"] = path.name
    model["handler"] = choices.handler or model.get("handler") or _handler_in(origin)
    if (origin / _CONFIG).is_file():
        model.setdefault("configFile", _CONFIG)
    files = [each for each in sorted(origin.iterdir()) if weights.is_found(each)]
    if len(files) == 1:
        model.setdefault("serializedFile", files[0].name)
        if (origin / "model.py").is_file() and not weights.is_program(files[0]):
            model.setdefault("modelFile", "model.py")
    return {**manifest, "createdOn": "", "archiverVersion": "", "model": model}


def _handler_in(origin: Path) -> str:
    if (origin / "handler.py").is_file():
        return "handler.py"
    found = sorted(each.name for each in origin.glob("*.py"))
    raise Refusal(
        f"{origin} has no MAR-INF/MANIFEST.json and no handler.py. Name the handler: --handler FILE"
        f" ({', '.join(found) or 'no .py file is there'}), or --handler image_classifier or another"
        " one that comes with TorchServe."
    )


def _name_of(path: Path, origin: Path) -> str:
    stem = path.stem if path.is_file() and path.stem != "handler" else origin.name
    return re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip("_.-") or "model"


def _read(folder: Path, origin: Path, choices: Choices) -> ModelSource:
    try:
        manifest = read_manifest(str(folder)) or {}
        config = read_model_config(str(folder), manifest)
    except (ValueError, OSError) as problem:
        raise Refusal(f"{origin}: {problem}") from problem
    model = manifest.get("model")
    if not isinstance(model, dict):
        raise Refusal(f"{origin}: {_MANIFEST} has no object 'model'.")
    handler = choices.handler or model.get("handler")
    if not handler:
        raise Refusal(f"{origin}: {_MANIFEST} names no handler; --handler FILE does.")
    return ModelSource(
        folder=folder,
        origin=origin,
        name=str(choices.name or model.get("modelName") or folder.name),
        version=str(model.get("modelVersion") or choices.version),
        handler=str(handler),
        envelope=str(model["envelope"]) if model.get("envelope") else None,
        config=config,
    )


def _unpack(path: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    try:
        if path.name.endswith(_TARS):
            if not hasattr(tarfile, "data_filter"):
                raise Refusal(f"{path} cannot be unpacked by this Python; Python 3.10.12 can.")
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        else:
            with zipfile.ZipFile(path) as packed:
                packed.extractall(folder)  # noqa: S202 - it keeps names within the folder
    except Refusal:
        raise
    except Exception as problem:  # of which kind depends on what is damaged, and how it is packed
        cause = str(problem).partition("\n")[0].rstrip(":") or "it ends too early"
        raise Refusal(f"{path} cannot be unpacked: {cause}") from problem
    inner = list(folder.iterdir())
    if not (folder / _MANIFEST).is_file() and len(inner) == 1 and inner[0].is_dir():
        folder = inner[0]
    if not (folder / _MANIFEST).is_file():
        raise Refusal(f"{path} is no model archive: it has no {_MANIFEST}.")
    return folder

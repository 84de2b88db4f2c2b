"""The steps of packing, one by one, for callers that need them on their own."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable
from datetime import datetime, timezone
from pathlib import Path

from model_archiver import _checks, _handlers, _packing
from model_archiver._contents import RESERVED_DIRECTORY, Contents, is_packed_directory
from model_archiver._packing import ArchiveFormat
from model_archiver.manifest_components.manifest import Manifest
from model_archiver.manifest_components.model import Model
from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_archiver_error import ModelArchiverError

logger = logging.getLogger(__name__)

MAR_INF = RESERVED_DIRECTORY
"""The folder of the manifest in an archive."""
MANIFEST_FILE_NAME = os.path.basename(_packing.MANIFEST)
"""The file of the manifest in that folder."""
MODEL_SERVER_VERSION = "1.0"
"""The version of the form of manifests that servers read."""
MODEL_ARCHIVE_VERSION = "1.0"
"""The version of the form of archives."""
archiving_options: dict[ArchiveFormat, str] = dict(_packing.SUFFIXES)
"""What the name of a result ends in, by format."""
model_handlers: dict[str, str] = dict(_handlers.KINDS)
"""The built-in handlers, with the kind of what each reads."""

_JUNK = (".pyc", ".DS_Store", ".mar")


class ModelExportUtils:
    """Checks, collects and writes what a `ModelArchiverConfig` asks for."""

    @staticmethod
    def validate_inputs(model_name: str, export_path: str) -> None:
        """Checks the model's name and the directory for the result, which is made if missing."""
        _checks.check_model_name(model_name)
        _checks.prepare_export_path(export_path)

    @staticmethod
    def check_model_name_regex_or_exit(model_name: str) -> None:
        """Raises `ModelArchiverError` unless `model_name` is one an archive may have."""
        _checks.check_model_name(model_name)

    @staticmethod
    def get_archive_export_path(
        export_file_path: str, model_name: str, archive_format: ArchiveFormat
    ) -> str:
        """Path of the result."""
        return str(_packing.target_path(Path(export_file_path), model_name, archive_format))

    @staticmethod
    def check_mar_already_exists(
        model_name: str,
        export_file_path: str,
        overwrite: bool,
        archive_format: ArchiveFormat = "default",
    ) -> str:
        """Path of the result, which must not be there unless it may be overwritten."""
        target = ModelExportUtils.get_archive_export_path(
            export_file_path, model_name, archive_format
        )
        if os.path.lexists(target):
            if not overwrite:
                raise ModelArchiverError(
                    f"{target} already exists.\n"
                    "Please specify --force/-f option to overwrite the model archive output "
                    "file.\nSee -h/--help for more details."
                )
            logger.warning("Overwriting %s ...", target)
        return target

    @staticmethod
    def generate_manifest(config: ModelArchiverConfig) -> Manifest:
        """The manifest of the archive that `config` asks for."""
        epoch = _checks.source_date_epoch()
        created_on = (
            datetime.now()
            if epoch is None
            else datetime.fromtimestamp(epoch, timezone.utc).replace(tzinfo=None)
        )
        return Manifest(config.runtime, ModelExportUtils.generate_model(config), created_on)

    @staticmethod
    def generate_model(modelcfg: ModelArchiverConfig) -> Model:
        """The manifest's entry of the model that `modelcfg` asks for."""
        return Model(
            model_name=modelcfg.model_name,
            serialized_file=_base_name(modelcfg.serialized_file),
            handler=_handlers.manifest_handler(modelcfg.handler),
            model_file=_base_name(modelcfg.model_file),
            model_version=modelcfg.version,
            requirements_file=_base_name(modelcfg.requirements_file),
            config_file=_base_name(modelcfg.config_file),
        )

    @staticmethod
    def generate_manifest_json(config: ModelArchiverConfig) -> str:
        """The text of `MAR-INF/MANIFEST.json`."""
        return ModelExportUtils.generate_manifest(config).to_json()

    @staticmethod
    def collect(config: ModelArchiverConfig) -> Contents:
        """The files of the archive, checked.

        Raises:
            FileNotFoundError: for a file that is not there.
            ValueError: for an extra file that is neither a file nor a directory.
            ModelArchiverError: for files that cannot be packed together, and broken ones.
        """
        contents = Contents()
        if config.model_file:
            contents.add_artifact(config.model_file)
            _checks.warn_about_syntax(Path(config.model_file))
        handler = _handlers.handler_file(config.handler, config.runtime)
        if config.serialized_file:
            contents.add_artifact(config.serialized_file)
            weights = Path(config.serialized_file)
            _checks.warn_about_weights(weights, config.model_file, built_in=handler is None)
        if handler:
            contents.add_artifact(handler, _handlers.BUILT_IN)
            if handler.suffix == ".py":
                _checks.warn_about_syntax(handler)
        if config.extra_files:
            contents.add_extra_files(config.extra_files)
        if config.requirements_file:
            contents.add_artifact(config.requirements_file)
        if config.config_file:
            contents.add_artifact(config.config_file)
            packed = {name for name, _ in contents.files()}
            _checks.check_config_file(config.config_file, packed)
        return contents

    @staticmethod
    def copy_artifacts(model_name: str, runtime: str, **kwargs: str | None) -> str:
        """Copies the files of a model into a new temporary directory, and returns its path.

        Args:
            model_name: name of the model.
            runtime: `python`, `python3` or `LSP`.
            kwargs: the files, named as the fields of `ModelArchiverConfig`; others are left alone.

        Raises:
            As `collect`; also `ModelArchiverError` if there is no `handler` among them.
        """
        handler = kwargs.get("handler")
        if not handler:
            raise ModelArchiverError(f"handler is {handler!r}, expected a file or a built-in name")
        config = ModelArchiverConfig(
            model_name,
            handler,
            version="",
            serialized_file=kwargs.get("serialized_file"),
            model_file=kwargs.get("model_file"),
            extra_files=kwargs.get("extra_files"),
            runtime=runtime,
            requirements_file=kwargs.get("requirements_file"),
            config_file=kwargs.get("config_file"),
        )
        directory = tempfile.mkdtemp(prefix="model-archiver-")
        try:
            for name, source in ModelExportUtils.collect(config).files():
                copy = Path(directory, name)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy)
        except BaseException:
            ModelExportUtils.clean_temp_files([directory])
            raise
        return directory

    @staticmethod
    def clean_temp_files(temp_files: Iterable[str]) -> None:
        """Removes files and directories; those that are not there are left out."""
        for path in temp_files:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.remove(path)

    @staticmethod
    def make_dir(d: str | os.PathLike[str]) -> None:
        """Makes a directory, and those above it, unless it is there."""
        os.makedirs(d, exist_ok=True)

    @staticmethod
    def directory_filter(directory: str, unwanted_dirs: Collection[str]) -> bool:
        """Returns whether a directory of that last name is packed: not if hidden or unwanted."""
        return is_packed_directory(directory, unwanted_dirs)

    @staticmethod
    def file_filter(current_file: str, files_to_exclude: Collection[str]) -> bool:
        """Returns whether a file of that last name belongs into an archive; for callers alone.

        Packing itself leaves out no file that it was asked to pack.
        """
        return current_file not in files_to_exclude and not current_file.endswith(_JUNK)

    @staticmethod
    def find_unique(files: Iterable[str], suffix: str) -> str | None:
        """Returns the one file that ends in `suffix`, or None.

        Raises:
            ModelArchiverError: if there are several.
        """
        found = [file for file in files if file.endswith(suffix)]
        if len(found) > 1:
            raise ModelArchiverError(
                f"{len(found)} files end in {suffix}, expected one: {', '.join(found)}"
            )
        return found[0] if found else None

    @staticmethod
    def archive_dir(path: str, dst: str, archive_format: ArchiveFormat, model_name: str) -> None:
        """Packs a directory that has its manifest in it; a failure leaves what was there.

        Args:
            path: the directory.
            dst: path of the result.
            archive_format: how to write it.
            model_name: name of the model, for messages.

        Raises:
            ModelArchiverError: if it has no manifest, or cannot be packed or written.
        """
        manifest = Path(path, _packing.MANIFEST)
        try:
            text = manifest.read_text(encoding="utf-8")
        except (OSError, ValueError) as e:
            raise ModelArchiverError(
                f"Failed to convert {model_name} to the model-archive: {manifest} cannot be "
                f"read ({e})"
            ) from e
        contents = Contents()
        contents.add_directory(Path(path), with_manifest=True)
        ModelExportUtils.write(dst, contents, text, archive_format)

    @staticmethod
    def archive(
        export_file: str,
        model_name: str,
        model_path: str,
        manifest: str,
        archive_format: ArchiveFormat = "default",
    ) -> None:
        """Packs a directory, such as one of `copy_artifacts`; a failure leaves what was there.

        Args:
            export_file: path of the result, as `get_archive_export_path` gives it.
            model_name: name of the model, for messages.
            model_path: the directory.
            manifest: text of `MAR-INF/MANIFEST.json`.
            archive_format: how to write it.

        Raises:
            ModelArchiverError: if it cannot be packed or written.
        """
        if not os.path.isdir(model_path):
            raise ModelArchiverError(
                f"Failed to convert {model_name} to the model-archive: {model_path} is no directory"
            )
        contents = Contents()
        contents.add_directory(Path(model_path))
        ModelExportUtils.write(export_file, contents, manifest, archive_format)

    @staticmethod
    def write(
        target: str, contents: Contents, manifest: str, archive_format: ArchiveFormat
    ) -> None:
        """Writes the archive; a failure leaves what was there before."""
        try:
            _packing.pack(
                Path(target), contents, manifest, archive_format, _checks.source_date_epoch()
            )
        except OSError as e:
            directory = os.path.dirname(target) or os.curdir
            raise ModelArchiverError(
                f'Failed to save the model-archive to model-path "{directory}". '
                f"Check the file permissions and retry. ({e})"
            ) from e


def _base_name(path: str | None) -> str | None:
    return os.path.basename(path) if path else None

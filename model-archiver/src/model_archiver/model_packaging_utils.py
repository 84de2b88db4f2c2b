"""The steps of packing, one by one, for callers that need them on their own."""

from __future__ import annotations

import logging
import os
from datetime import datetime, timezone
from pathlib import Path

from model_archiver import _checks, _handlers, _packing
from model_archiver._contents import Contents
from model_archiver._packing import ArchiveFormat
from model_archiver.manifest_components.manifest import Manifest
from model_archiver.manifest_components.model import Model
from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_archiver_error import ModelArchiverError

logger = logging.getLogger(__name__)


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
        export_path: str, model_name: str, archive_format: ArchiveFormat
    ) -> str:
        """Path of the result."""
        return str(_packing.target_path(Path(export_path), model_name, archive_format))

    @staticmethod
    def check_mar_already_exists(
        model_name: str,
        export_path: str,
        overwrite: bool,
        archive_format: ArchiveFormat = "default",
    ) -> str:
        """Path of the result, which must not be there unless it may be overwritten."""
        target = ModelExportUtils.get_archive_export_path(export_path, model_name, archive_format)
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
        model = Model(
            model_name=config.model_name,
            serialized_file=_base_name(config.serialized_file),
            handler=_handlers.manifest_handler(config.handler),
            model_file=_base_name(config.model_file),
            model_version=config.version,
            requirements_file=_base_name(config.requirements_file),
            config_file=_base_name(config.config_file),
        )
        return Manifest(config.runtime, model, created_on)

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
        if config.serialized_file:
            contents.add_artifact(config.serialized_file)
        handler = _handlers.handler_file(config.handler, config.runtime)
        if handler:
            contents.add_artifact(handler)
            if handler.suffix == ".py":
                _checks.warn_about_syntax(handler)
        if config.extra_files:
            contents.add_extra_files(config.extra_files)
        if config.requirements_file:
            contents.add_artifact(config.requirements_file)
        if config.config_file:
            contents.add_artifact(config.config_file)
            _checks.check_config_file(config.config_file)
        return contents

    @staticmethod
    def archive(
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

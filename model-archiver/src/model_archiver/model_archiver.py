"""Packing as one call."""

from __future__ import annotations

import logging

from model_archiver._checks import check_version
from model_archiver._listing import listing
from model_archiver._model_check import check_loads
from model_archiver._strict import warnings_as_errors
from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_packaging_utils import ModelExportUtils

logger = logging.getLogger(__name__)


class ModelArchiver:
    """Packs models."""

    @staticmethod
    def generate_model_archive(config: ModelArchiverConfig) -> list[str]:
        """Packs what `config` names into an archive or a directory in its export path.

        Returns lines that tell what was packed, with sizes. The result appears complete or not at
        all.

        Raises:
            ModelArchiverError: if it cannot be packed or written.
            FileNotFoundError: if a file is missing.
            ValueError: if an extra file is of a kind that cannot be packed.
        """
        return package_model(config, ModelExportUtils.generate_manifest_json(config))


def package_model(config: ModelArchiverConfig, manifest: str) -> list[str]:
    """Packs what `config` names, with the text of a manifest as its `MAR-INF/MANIFEST.json`.

    Returns lines that tell what was packed, with sizes. The result appears complete or not at all.

    Raises:
        As `ModelArchiver.generate_model_archive`.
    """
    ModelExportUtils.validate_inputs(config.model_name, config.export_path)
    check_version(config.version)
    target = ModelExportUtils.check_mar_already_exists(
        config.model_name, config.export_path, config.force, config.archive_format
    )
    with warnings_as_errors(config.strict):
        contents = ModelExportUtils.collect(config)
    if config.check:
        logger.info("%s", check_loads(contents, manifest))
    ModelExportUtils.write(target, contents, manifest, config.archive_format)
    logger.info("Packed model %s into %s", config.model_name, target)
    return listing(contents, target)

"""Packs the digits model: ``python build.py FOLDER`` writes FOLDER/digits.mar."""

from __future__ import annotations

import argparse
from pathlib import Path

from model_archiver import ModelArchiver, ModelArchiverConfig

HERE = Path(__file__).parent


def build(folder: Path, version: str = "1.0") -> Path:
    """Write the archive into `folder` and return its path."""
    config = ModelArchiverConfig(
        model_name="digits",
        version=version,
        model_file=str(HERE / "model.py"),
        serialized_file=str(HERE / "digits.pt"),
        handler=str(HERE / "handler.py"),
        extra_files=str(HERE / "index_to_name.json"),
        config_file=str(HERE / "model-config.yaml"),
        export_path=str(folder),
        force=True,
    )
    ModelArchiver.generate_model_archive(config)
    return folder / "digits.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the digits model.")
    parser.add_argument("folder", type=Path, help="where digits.mar is written, a model store")
    parser.add_argument("--version", default="1.0", help="of the model; default 1.0")
    arguments = parser.parse_args()
    print(build(arguments.folder, arguments.version))

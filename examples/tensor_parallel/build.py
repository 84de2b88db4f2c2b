"""Packs the model: ``python build.py FOLDER`` writes FOLDER/tensor_parallel.mar."""

from __future__ import annotations

import argparse
from pathlib import Path

from model_archiver import ModelArchiver, ModelArchiverConfig

HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    config = ModelArchiverConfig(
        model_name="tensor_parallel",
        version="1.0",
        handler=str(HERE / "handler.py"),
        extra_files=f"{HERE / 'model.py'},{HERE / 'weights.pt'}",
        config_file=str(HERE / "model-config.yaml"),
        export_path=str(folder),
        force=True,
    )
    ModelArchiver.generate_model_archive(config)
    return folder / "tensor_parallel.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the tensor_parallel model.")
    parser.add_argument("folder", type=Path, help="where the archive is written, a model store")
    print(build(parser.parse_args().folder))

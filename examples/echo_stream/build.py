"""Packs the handler: ``python build.py FOLDER`` writes FOLDER/echo_stream.mar."""

from __future__ import annotations

import argparse
from pathlib import Path

from model_archiver import ModelArchiver, ModelArchiverConfig

HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    config = ModelArchiverConfig(
        model_name="echo_stream",
        version="1.0",
        handler=str(HERE / "handler.py"),
        config_file=str(HERE / "model-config.yaml"),
        export_path=str(folder),
        force=True,
    )
    ModelArchiver.generate_model_archive(config)
    return folder / "echo_stream.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the echo handler.")
    parser.add_argument("folder", type=Path, help="where the archive is written, a model store")
    print(build(parser.parse_args().folder))

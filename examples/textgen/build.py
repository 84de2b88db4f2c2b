"""Packs the text generator: ``python build.py FOLDER`` writes FOLDER/textgen.mar."""

from __future__ import annotations

import argparse
from pathlib import Path

from model_archiver import ModelArchiver, ModelArchiverConfig

HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    config = ModelArchiverConfig(
        model_name="textgen",
        version="1.0",
        model_file=str(HERE / "model.py"),
        serialized_file=str(HERE / "textgen.pt"),
        handler=str(HERE / "handler.py"),
        extra_files=str(HERE / "tokenizer.json"),
        config_file=str(HERE / "model-config.yaml"),
        export_path=str(folder),
        force=True,
    )
    ModelArchiver.generate_model_archive(config)
    return folder / "textgen.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the text generator.")
    parser.add_argument("folder", type=Path, help="where textgen.mar is written, a model store")
    print(build(parser.parse_args().folder))

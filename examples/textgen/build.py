"""Packs the text generator: ``python build.py FOLDER`` writes FOLDER/textgen.mar."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "--model-name": "textgen",
        "--version": "1.0",
        "--model-file": HERE / "model.py",
        "--serialized-file": HERE / "textgen.pt",
        "--handler": HERE / "handler.py",
        "--extra-files": HERE / "tokenizer.json",
        "--config-file": HERE / "model-config.yaml",
        "--export-path": folder,
    }
    # The same as the command torch-model-archiver, of the Python that runs this.
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--force"]
    for name, value in options.items():
        command += [name, str(value)]
    subprocess.run(command, check=True)
    return folder / "textgen.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the text generator.")
    parser.add_argument("folder", type=Path, help="where textgen.mar is written, a model store")
    print(build(parser.parse_args().folder))

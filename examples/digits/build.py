"""Packs the digits model: ``python build.py FOLDER`` writes FOLDER/digits.mar."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def build(folder: Path, version: str = "1.0") -> Path:
    """Write the archive into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "--model-name": "digits",
        "--version": version,
        "--model-file": HERE / "model.py",
        "--serialized-file": HERE / "digits.pt",
        "--handler": HERE / "handler.py",
        "--extra-files": HERE / "index_to_name.json",
        "--config-file": HERE / "model-config.yaml",
        "--export-path": folder,
    }
    # The same as the command torch-model-archiver, of the Python that runs this.
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--force"]
    for name, value in options.items():
        command += [name, str(value)]
    subprocess.run(command, check=True)
    return folder / "digits.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the digits model.")
    parser.add_argument("folder", type=Path, help="where digits.mar is written, a model store")
    parser.add_argument("--version", default="1.0", help="of the model; default 1.0")
    arguments = parser.parse_args()
    print(build(arguments.folder, arguments.version))

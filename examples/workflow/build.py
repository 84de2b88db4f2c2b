"""Packs the workflows: ``python build.py FOLDER`` writes sentence.war, vote.war and digits.mar."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DIGITS = HERE.parent / "digits" / "build.py"


def build(folder: Path) -> list[Path]:
    """Write the archives into `folder` and return the paths of the workflows."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, str(DIGITS), str(folder)], check=True)
    for name in ("sentence", "vote"):
        # The same as the command torch-workflow-archiver, of the Python that runs this.
        command = [sys.executable, "-m", "workflow_archiver.workflow_packaging", "--force"]
        command += ["--workflow-name", name, "--spec-file", str(HERE / f"{name}.yaml")]
        command += ["--handler", str(HERE / "functions.py"), "--export-path", str(folder)]
        subprocess.run(command, check=True)
    return [folder / "sentence.war", folder / "vote.war"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the two workflows and their model.")
    parser.add_argument("folder", type=Path, help="where they are written, a model store")
    for archive in build(parser.parse_args().folder):
        print(archive)

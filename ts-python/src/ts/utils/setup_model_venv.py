"""Create the virtual environment of a model: ``python setup_model_venv.py <folder>``.

The packages of the interpreter that runs this stay visible in the new environment, after its own.
"""

from __future__ import annotations

import argparse
import site
import subprocess
import venv
from pathlib import Path

PTH_NAME = "inherited-site-packages.pth"


def inherited_folders() -> list[str]:
    """Return the site-packages folders of this interpreter, the user's first."""
    folders = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return folders + site.getsitepackages()


def create_venv(venv_path: Path) -> Path:
    """Create a fresh environment in `venv_path`, with pip, and return its site-packages folder.

    What the folder held before is removed.
    """
    venv.EnvBuilder(clear=True, with_pip=True, symlinks=True).create(venv_path)
    return inherit_site_packages(venv_path)


def inherit_site_packages(venv_path: str | Path) -> Path:
    """Make the packages of this interpreter visible in an environment, after its own.

    Args:
        venv_path: Folder of the environment.

    Returns:
        Its site-packages folder.

    Raises:
        FileNotFoundError: There is no environment.
    """
    python = Path(venv_path) / "bin" / "python"
    question = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run(
        [str(python), "-c", question], check=True, capture_output=True, text=True
    )
    site_packages = Path(answer.stdout.strip())
    lines = "".join(f"{line}\n" for line in inherited_folders())
    (site_packages / PTH_NAME).write_text(lines, encoding="utf-8")
    return site_packages


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Create the virtual environment of a model.")
    parser.add_argument("venv_path", type=Path, help="folder of the environment, is cleared")
    create_venv(parser.parse_args(arguments).venv_path)


if __name__ == "__main__":
    main()

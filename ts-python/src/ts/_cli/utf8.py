"""File names and texts are UTF-8, whatever locale a command runs in.

Python does so by its UTF-8 mode. The JVM takes the encoding of file names from the locale alone, so
that it gets one whose encoding is UTF-8; the server gives the user's own back to its workers.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping

_CANDIDATES = ("C.UTF-8", "C.utf8", "en_US.UTF-8", "en_US.utf8")
USERS_LOCALE = "-Dtsnext.lc_all="
"""Tells the server what `LC_ALL` was before it was set for the JVM; empty if it was not set."""

ENCODING_WORDS = (
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    # What JDK 17 has instead of the two before.
    "-Dsun.stdout.encoding=UTF-8",
    "-Dsun.stderr.encoding=UTF-8",
)


def use_utf8() -> None:
    """Run this program again in Python's UTF-8 mode, if file names are not UTF-8 for it.

    Python itself chooses that mode in the locale C, and in a locale that is not installed.
    """
    if sys.flags.utf8_mode or _is_utf8(sys.getfilesystemencoding()) or not sys.executable:
        return
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def locale_for_java(environ: Mapping[str, str]) -> str | None:
    """Return the value of `LC_ALL` with which the JVM uses UTF-8; None if it does so already.

    None, too, where this system has no such locale. On macOS the JVM needs none.

    Args:
        environ: The environment of this process.
    """
    if sys.platform == "darwin" or _is_utf8(_codeset(locale.LC_ALL, "") or ""):
        return None
    for name in _CANDIDATES:
        if name != environ.get("LC_ALL") and _is_utf8(_codeset(locale.LC_CTYPE, name) or ""):
            return name
    return None


def is_utf8(text: str) -> bool:
    """Return whether an argument or file name was UTF-8 as this process got it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _codeset(category: int, name: str) -> str | None:
    """Return the encoding of a locale; None if it, or one of its categories, is not installed.

    As the JVM: one category that is not installed makes it take the locale C for all of them.
    """
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(category, name)
        return locale.nl_langinfo(locale.CODESET)
    except locale.Error:
        return None
    finally:
        locale.setlocale(locale.LC_ALL, before)


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "").replace("_", "") == "utf8"

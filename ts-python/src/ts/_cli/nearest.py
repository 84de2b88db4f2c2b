"""Names that are like a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

_SHOWN = 10


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that was probably meant, or None."""
    by_key = {_key(each): each for each in names}
    found = difflib.get_close_matches(_key(name), by_key, 1, 0.6)
    return by_key[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return `` Did you mean digits?``, or nothing."""
    meant = nearest(name, names)
    return f" Did you mean {meant}?" if meant is not None else ""


def content_of_store(store: Path, name: str) -> str:
    """Return in a line what a model store has, and the name in it that is most like `name`."""
    try:
        names = sorted(path.name for path in store.iterdir() if not path.name.startswith("."))
    except OSError as problem:
        return f"The model store {store} cannot be read: {problem.strerror}."
    if not names:
        return f"The model store {store} is empty."
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"The model store {store} has {shown}{more}.{did_you_mean(name, names)}"


def _key(name: str) -> str:
    for suffix in (".mar", ".tar.gz", ".tgz", ".zip", ".war"):
        name = name.removesuffix(suffix)
    return name.lower()

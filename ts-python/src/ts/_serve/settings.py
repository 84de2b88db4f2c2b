"""The settings of a server for one program: free ports on loopback, everything in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ts._cli.nearest import content_of_store

_SUFFIXES = ("", ".mar", ".war", ".tar.gz", ".tgz", ".zip")
_DEFAULTS = {
    "inference_address": "http://127.0.0.1:0",
    "management_address": "http://127.0.0.1:0",
    "metrics_address": "http://127.0.0.1:0",
    "grpc_inference_port": "0",
    "grpc_management_port": "0",
    "default_workers_per_model": "1",
}


def properties(given: Mapping[str, object], folder: Path) -> str:
    """Return the text of config.properties: the settings that are given, and ours."""
    settings = {**_DEFAULTS, "key_file": str(folder / "key_file.json")}
    for key, value in given.items():
        settings[key] = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(f"{key}={_escaped(value)}\n" for key, value in settings.items())


def temporary_of(folder: Path) -> Path:
    """Return the folder for temporary files, in which the server is registered, too."""
    return (folder / "tmp").resolve()


def environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment: what would bring in another server's settings is left out."""
    kept = {name: value for name, value in given.items() if not name.startswith("TS_")}
    temporary, logs = str(temporary_of(folder)), str(folder / "logs")
    ours = {"TEMP": temporary, "TMPDIR": temporary}
    return {**kept, **ours, "LOG_LOCATION": logs, "METRICS_LOCATION": logs}


def words_of(models: str | Iterable[str] | Mapping[str, str], store: Path) -> tuple[str, ...]:
    """Return the words after ``--models``.

    Raises:
        FileNotFoundError: A model is not in the store; the message says what is.
    """
    if models == "all":
        return ("all",)
    if isinstance(models, Mapping):
        return tuple(f"{name}={_file_in(store, file)}" for name, file in models.items())
    names = [models] if isinstance(models, str) else list(models)
    found = []
    for word in names:
        name, equals, file = word.partition("=")
        found.append(f"{name}={_file_in(store, file)}" if equals else _file_in(store, word))
    return tuple(found)


def _file_in(store: Path, name: str) -> str:
    if "://" in name or os.path.isabs(name):
        return name
    for suffix in _SUFFIXES:
        if (store / (name + suffix)).exists():
            return name + suffix
    raise FileNotFoundError(f"There is no model {name!r}. {content_of_store(store, name)}")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")

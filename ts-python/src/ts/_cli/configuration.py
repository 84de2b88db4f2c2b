"""The part of config.properties that must be known before the frontend runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ts._cli.errors import Refusal
from ts._cli.properties import read_properties

_ALLOWED_FROM_ENVIRONMENT = {"inference_address", "management_address", "model_store", "console"}
_LOOKED_AT = "console|inference_address|management_address|model_store|vmargs|enable_envvars_config"
_DEFAULT_ADDRESSES = {
    "inference_address": "http://127.0.0.1:8080",
    "management_address": "http://127.0.0.1:8081",
}
_DEFAULT_PORTS = {
    ("inference_address", "http"): 80,
    ("inference_address", "https"): 443,
    ("management_address", "http"): 8081,
    ("management_address", "https"): 8444,
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """A config.properties that was found, or none.

    Args:
        path: The absolute path of the file; None if there is none.
        explicit: Whether the user named it, rather than that it lay in the working folder.
        values: Its keys and trimmed values.
    """

    path: Path | None = None
    explicit: bool = False
    values: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str, environ: Mapping[str, str]) -> str:
        """Return a setting with the environment's share in it, or "" if it is not set.

        Raises:
            Refusal: It refers to an environment variable that does not exist.
        """
        value = self.values.get(key, "")
        by_environment = self.values.get("enable_envvars_config", "").lower() == "true"
        if by_environment and key in _ALLOWED_FROM_ENVIRONMENT:
            value = environ.get(f"TS_{key.upper()}", value).strip()

        def expand(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in environ:
                raise Refusal(
                    f"Invalid configuration: Invalid Environment Variable {name}", familiar=True
                )
            return environ[name]

        return re.sub(r"\$\$(\w+)\$\$", expand, value)

    def listeners(self, environ: Mapping[str, str]) -> set[str]:
        """Return the `host:port` or socket of the listeners that any server opens."""
        return {
            normal_address(self.value(key, environ) or default, key)
            for key, default in _DEFAULT_ADDRESSES.items()
        }


def find_configuration(option: str | None, environ: Mapping[str, str]) -> Configuration:
    """Read the file of `TS_CONFIG_FILE`, else of `--ts-config`, else one in the working folder.

    Raises:
        Refusal: A named file does not exist, or a file cannot be read.
    """
    named = environ.get("TS_CONFIG_FILE", "").strip() or option
    path = Path(named or "config.properties").absolute()
    if not path.is_file():
        if named is None:
            return Configuration()
        raise Refusal(f"--ts-config file not found: {named}", familiar=True)
    try:
        values = _part_joined_lines(read_properties(path))
        return Configuration(path, named is not None, values)
    except OSError as problem:
        raise Refusal(f"{path} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:
        raise Refusal(f"Invalid configuration: {path}: {problem}", familiar=True) from problem


def _part_joined_lines(values: Mapping[str, str]) -> dict[str, str]:
    """Part two settings between which a line break is missing, as the frontend does and tells.

    Only settings that are looked at here matter, after one that is true, false or a number.
    """
    parted = dict(values)
    for key, value in values.items():
        match = re.fullmatch(rf"((?i:true|false)|\d+)({_LOOKED_AT})=(.*)", value)
        if match is not None:
            parted[key] = match.group(1)
            parted.setdefault(match.group(2), match.group(3).strip())
    return parted


def normal_address(address: str, key: str = "") -> str:
    """Return an address such that two that meet on one port are equal: without its scheme.

    Addresses of gRPC listeners have none.
    """
    text = address.strip().lower()
    parts = urlsplit(text if ":/" in text else f"//{text}")
    if parts.scheme == "unix":
        return address.strip()
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return address.strip()  # the frontend will say what is wrong with it
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port or _DEFAULT_PORTS.get((key, parts.scheme), '')}"

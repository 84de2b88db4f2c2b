"""What a model's folder says about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_MANIFEST = "MAR-INF/MANIFEST.json"


def read_manifest(model_dir: str) -> dict[str, Any] | None:
    """Return ``MAR-INF/MANIFEST.json`` of a model, or None if it has none.

    Raises `ValueError` if it is not a JSON object. Errors reach clients, so that they name the file
    as it is in the model.
    """
    try:
        text = (Path(model_dir) / _MANIFEST).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{_MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise ValueError(f"{_MANIFEST} holds {type(manifest).__name__}, expected an object")
    return manifest


def read_model_config(model_dir: str, manifest: dict[str, Any] | None) -> dict[str, Any]:
    """Return the model's configuration file, ``{}`` if the manifest names none.

    Raises `ValueError` if it is not YAML, or not a mapping; `OSError` if it cannot be read.
    """
    model = (manifest or {}).get("model")
    name = model.get("configFile") if isinstance(model, dict) else None
    if not name:
        return {}
    data = (Path(model_dir) / name).read_bytes()
    from ts._yaml import YamlError, load_yaml

    try:
        config = load_yaml(data)
    except YamlError as error:
        raise ValueError(f"{name} is not valid YAML: {error}") from error
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise ValueError(f"{name} holds {type(config).__name__}, expected a mapping")
    return config

"""The `model` entry of a manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Model:
    """A model as a manifest describes it. File names are those inside the archive."""

    model_name: str
    serialized_file: str | None
    handler: str
    model_file: str | None = None
    model_version: str | None = None
    extensions: Any = None
    requirements_file: str | None = None
    config_file: str | None = None

    @property
    def model_dict(self) -> dict[str, Any]:
        """The entry's JSON object."""
        return self.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """The entry's JSON object, without what is empty."""
        fields = {
            "modelName": self.model_name,
            "serializedFile": self.serialized_file,
            "handler": self.handler,
            "modelFile": self.model_file,
            "modelVersion": self.model_version,
            "extensions": self.extensions,
            "requirementsFile": self.requirements_file,
            "configFile": self.config_file,
        }
        return {name: value for name, value in fields.items() if value}

    def __str__(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False)

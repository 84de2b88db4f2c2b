"""The manifest of an archive."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from model_archiver.manifest_components.model import Model
from model_archiver.version import __version__


class RuntimeType(Enum):
    """What runs a model's handler."""

    PYTHON = "python"
    PYTHON3 = "python3"
    LSP = "LSP"


@dataclass
class Manifest:
    """What `MAR-INF/MANIFEST.json` says.

    Attributes:
        runtime: a value of `RuntimeType`.
        model: the model's own entry.
        created_on: moment of packing, without a zone: local time unless it is to be reproducible.
    """

    runtime: str
    model: Model
    created_on: datetime = field(default_factory=datetime.now)

    @property
    def creation_time(self) -> str:
        """The moment of packing, as it stands in the manifest."""
        return self.created_on.strftime("%d/%m/%Y %H:%M:%S")

    @property
    def archiver_version(self) -> str:
        """The version of this package."""
        return __version__

    @property
    def manifest_dict(self) -> dict[str, Any]:
        """The manifest's JSON object."""
        return self.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """The manifest's JSON object."""
        return {
            "createdOn": self.creation_time,
            "runtime": self.runtime,
            "model": self.model.to_dict(),
            "archiverVersion": self.archiver_version,
        }

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def __str__(self) -> str:
        return self.to_json()

"""The handler of TorchServe and TorchServe Next: work from the archive it came in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from work import load_work  # type: ignore[import-not-found,unused-ignore]


class WorkHandler:
    """Loads the work that the section ``work`` of model-config.yaml names."""

    def initialize(self, context: Any) -> None:
        """Load the model."""
        name = context.model_yaml_config["work"]["name"]
        self._work = load_work(name, Path(context.system_properties["model_dir"]))

    def handle(self, data: Any, context: Any) -> list[Any]:
        """Answer a batch."""
        answers: list[Any] = self._work.answer([row["body"] for row in data])
        return answers

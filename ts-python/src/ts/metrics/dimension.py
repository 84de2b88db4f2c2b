"""A label of a metric."""

from __future__ import annotations


class Dimension:
    """Name and value of one dimension, for example ``ModelName`` and ``digits``."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.value = value

    def __str__(self) -> str:
        return f"{self.name}:{self.value}"

    def __repr__(self) -> str:
        return f"Dimension({self.name!r}, {self.value!r})"

    def to_dict(self) -> dict[str, str]:
        """Return ``{"Name": ..., "Value": ...}``."""
        return {"Name": self.name, "Value": self.value}

"""Short words for units and the long forms under which they are reported."""

from __future__ import annotations

from typing import ClassVar


class Units:
    """The table of units; words that are not in it are reported as they are."""

    units: ClassVar[dict[str, str]] = {
        "ms": "Milliseconds",
        "s": "Seconds",
        "percent": "Percent",
        "count": "Count",
        "MB": "Megabytes",
        "GB": "Gigabytes",
        "kB": "Kilobytes",
        "B": "Bytes",
        "": "unit",
    }


def long_unit(unit: str) -> str:
    """Return the long form of `unit`, such as ``Milliseconds`` for ``ms``."""
    return Units.units.get(unit, unit)

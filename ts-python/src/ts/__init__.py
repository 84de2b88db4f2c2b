"""TorchServe Next: the Python side. Importing this package loads neither torch nor numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ts.version import __version__

if TYPE_CHECKING:
    from ts._serve.server import serve

__all__ = ["__version__", "serve"]


def __getattr__(name: str) -> Any:
    """Import `serve` when it is asked for: workers import this package, and need none of it."""
    if name == "serve":
        from ts._serve.server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

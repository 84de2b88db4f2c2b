"""TorchServe Next: the Python side. Importing this package loads neither torch nor numpy."""

from __future__ import annotations

from ts.version import __version__

__all__ = ["__version__"]

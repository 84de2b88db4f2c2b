"""The handler for images: as ordinary archives do, it imports torchvision at its top."""

from __future__ import annotations

from bench_work import WorkHandler  # type: ignore[import-not-found,unused-ignore]
from torchvision import models, transforms  # type: ignore[import-untyped,unused-ignore] # noqa: F401


class ImagesHandler(WorkHandler):  # type: ignore[misc,unused-ignore]
    """Serves the work called ``images``."""

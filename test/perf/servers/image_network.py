"""The network of an archive whose handler is `image_classifier`; the archive has it as model.py."""

from __future__ import annotations

import torch
from torchvision.models import SqueezeNet  # type: ignore[import-untyped,unused-ignore]


class PictureNetwork(SqueezeNet):  # type: ignore[misc,unused-ignore]
    """The network of `perf.work.Images`."""

    def __init__(self) -> None:
        # As in all work: one thread, whatever the server would have torch take.
        torch.set_num_threads(1)
        super().__init__("1_1", num_classes=10)

"""A network for handwritten digits whose two layers can be split over processes."""

from __future__ import annotations

import torch
from torch import nn

PIXELS = 64
HIDDEN = 256
CLASSES = 10


class SplitDigits(nn.Module):
    """64 pixels to 10 scores. `up` is split by its outputs, `down` by its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(PIXELS, HIDDEN)
        self.down = nn.Linear(HIDDEN, CLASSES)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Take rows of 64 numbers from 0 to 1, and return rows of 10 scores."""
        scores: torch.Tensor = self.down(torch.relu(self.up(pixels)))
        return scores

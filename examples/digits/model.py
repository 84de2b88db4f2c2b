"""A small convolutional network for 8 x 8 images of digits."""

from __future__ import annotations

import torch


class DigitsNet(torch.nn.Module):
    """From images [N, 1, 8, 8], float32 with values 0 to 1, to scores [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(1, 16, kernel_size=3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Conv2d(16, 32, kernel_size=3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Flatten(),
        )
        self.classifier = torch.nn.Sequential(
            torch.nn.Dropout(0.3),
            torch.nn.Linear(32 * 4 * 4, 64),
            torch.nn.ReLU(),
            torch.nn.Linear(64, 10),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return one score per digit and image."""
        scores: torch.Tensor = self.classifier(self.features(images))
        return scores

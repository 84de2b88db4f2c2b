"""Trains the digits model: ``python train.py``. Writes digits.pt and the sample images.

The data are the 1797 handwritten digits that scikit-learn ships, 8 x 8 pixels of 0 to 16. A fifth
of them is held out: the accuracy printed, and the samples, are of those.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from model import DigitsNet
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
SEED = 7
EPOCHS = 40
BATCH = 64
MAX_VALUE = 16
SCALE = 8  # samples are 64 x 64
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Split = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def load_split() -> Split:
    """Return training images and labels, then held-out images and labels."""
    digits = load_digits()
    images = (digits.images / MAX_VALUE).astype(np.float32)[:, None]
    parts = train_test_split(
        images, digits.target, test_size=0.2, random_state=SEED, stratify=digits.target
    )
    train_images, test_images, train_labels, test_labels = map(torch.tensor, parts)
    return train_images, train_labels, test_images, test_labels


def train(images: torch.Tensor, labels: torch.Tensor) -> DigitsNet:
    """Return a model trained on the given images, always the same one."""
    torch.manual_seed(SEED)
    model = DigitsNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.inference_mode()
def accuracy(model: DigitsNet, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the share of images the model gets right."""
    return (model(images).argmax(dim=1) == labels).float().mean().item()


def write_samples(images: torch.Tensor, labels: torch.Tensor, folder: Path) -> None:
    """Write the most typical held-out image of each digit, as a PNG that is easy to look at."""
    folder.mkdir(exist_ok=True)
    for digit, name in enumerate(NAMES):
        candidates = images[labels == digit][:, 0]
        distances = (candidates - candidates.mean(dim=0)).flatten(1).norm(dim=1)
        image = candidates[distances.argmin()]
        pixels = Image.fromarray((image * 255).round().to(torch.uint8).numpy())
        size = (pixels.width * SCALE, pixels.height * SCALE)
        pixels.resize(size, Image.Resampling.NEAREST).save(folder / f"{name}.png")


def main() -> None:
    """Train, measure, write."""
    train_images, train_labels, test_images, test_labels = load_split()
    model = train(train_images, train_labels)
    share = accuracy(model, test_images, test_labels)
    print(f"accuracy on {len(test_labels)} held-out digits: {share:.2%}")
    torch.save(model.state_dict(), HERE / "digits.pt")
    write_samples(test_images, test_labels, HERE / "sample")


if __name__ == "__main__":
    main()

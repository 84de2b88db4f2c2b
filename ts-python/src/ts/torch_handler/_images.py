"""Images: from octets to what the default vision models take."""

from __future__ import annotations

import io
from typing import Any

from ts.utils._optional import import_optional
from ts.utils.util import PredictionException

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def decode_image(octets: bytes | bytearray) -> Any:
    """Decode an image file.

    Raises:
        PredictionException: 400, the octets are not an image, or not a complete one.
    """
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(octets))
        image.load()
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as e:
        raise PredictionException(
            f"The {len(octets)} octets of the input cannot be read as an image: {e}", 400
        ) from e
    return image


def to_rgb(image: Any) -> Any:
    """Convert grey, palette and transparent images to the three channels models expect."""
    return image if image.mode == "RGB" else image.convert("RGB")


def imagenet_transform() -> Any:
    """Return the usual preparation: RGB, shorter side 256, 224 x 224 of the middle, normalized."""
    transforms = import_optional("torchvision.transforms", "The default image processing")
    return transforms.Compose(
        [
            to_rgb,
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(mean=list(IMAGENET_MEAN), std=list(IMAGENET_STD)),
        ]
    )


def tensor_transform() -> Any:
    """Return the preparation of detection models: RGB, values 0 to 1."""
    transforms = import_optional("torchvision.transforms", "The default image processing")
    return transforms.Compose([to_rgb, transforms.ToTensor()])

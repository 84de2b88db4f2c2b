"""Images: from bytes to what the default vision models take."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

from ts.utils._optional import import_optional
from ts.utils.util import PredictionException

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
TEMPLATE_IMPORTS = ("PIL.Image", "torchvision.transforms")
"""What a model that uses this imports when it is loaded; read by `ts._imports.scan`."""
MAX_IMAGE_PIXELS = 100_000_000
"""Of an image that is decoded, or scaled, unless a setting says otherwise."""

_SHORT_SIDE = 256
_BLOCK_PIXELS = 1 << 20
_RANGES = {"I": (255, 65535), "F": (1, 255, 65535)}
"""The largest value that stands for white, by the modes of Pillow that do not say it."""
_TILE_TAGS = (322, 323)


def max_image_pixels(section: Any, server_limit: str | None) -> int:
    """Return the pixels an image of a model may have.

    Args:
        section: ``handler`` of model-config.yaml; ``max_image_pixels`` in it comes first.
        server_limit: The server's ``max_image_pixels``, if it says one.

    Raises:
        ValueError: The model's limit is not a whole number of 1 or more.
    """
    value = section.get("max_image_pixels") if isinstance(section, Mapping) else None
    if value is None:
        known = server_limit is not None and server_limit.isdecimal()
        return int(server_limit or "") if known else MAX_IMAGE_PIXELS
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"handler.max_image_pixels is {value!r} in model-config.yaml, expected a whole number,"
            " 1 or more"
        )
    return value


def limit_pillow(max_pixels: int | None) -> None:
    """Have Pillow itself refuse larger images in this process, also those inside of others.

    Its own limit is a warning only up to twice the number.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = max_pixels
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def decode_image(data: bytes | bytearray, max_pixels: int | None = MAX_IMAGE_PIXELS) -> Any:
    """Decode an image file; of several images in it, the first.

    Args:
        data: The file.
        max_pixels: Larger images are refused by what their header says; None for no limit.

    Raises:
        PredictionException: 400, the bytes are not an image, or not a complete one, or the image
            has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    subject = f"The {len(data)} bytes of the input cannot be read as an image"
    try:
        image = Image.open(io.BytesIO(data))
        if image.format == "EPS":
            raise PredictionException(f"{subject}: EPS is a program, expected pixels", 400)
        if 0 in image.size:
            raise PredictionException(f"{subject}: it has no pixels", 400)
        _check_pixels(image, max_pixels)
        image.load()
        # Some formats say here how large the image really is.
        _check_pixels(image, max_pixels)
    except (PredictionException, MemoryError):
        raise
    except UnidentifiedImageError as e:
        raise PredictionException(f"{subject}: the format is unknown", 400) from e
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        limit = "" if max_pixels is None else f", the limit is {max_pixels} (max_image_pixels)"
        raise PredictionException(f"The image has too many pixels{limit}: {e}", 400) from e
    except Exception as e:
        # Decoders raise whatever comes up when they meet bytes that make no sense.
        raise PredictionException(f"{subject}: {e}", 400) from e
    return image


def _check_pixels(image: Any, max_pixels: int | None) -> None:
    if max_pixels is None:
        return
    sizes = [image.size]
    if image.format == "TIFF":
        # A tile is decoded whole, also where it is larger than the image.
        tile = tuple(image.tag_v2.get(tag, 0) for tag in _TILE_TAGS)
        if all(isinstance(side, int) for side in tile):
            sizes.append(tile)
    for width, height in sizes:
        if width * height > max_pixels:
            raise PredictionException(
                f"The image has {width} x {height} pixels, the limit is {max_pixels}"
                " (max_image_pixels)",
                400,
            )


def to_rgb(image: Any) -> Any:
    """Convert any image to the three channels of 8 bits that models expect.

    Grey is repeated, palettes are looked up, transparency is dropped. Grey of 16 bits is divided by
    257. Whole numbers of 32 bits (mode I) and floats (mode F) do not say what is white: it is the
    first of 1 (floats only), 255 and 65535 that no value exceeds; if values are negative or larger,
    the smallest becomes black and the largest white.

    Raises:
        PredictionException: 400, the image has values that are not finite, or Pillow cannot convert
            its mode.
    """
    mode = image.mode
    if mode == "RGB":
        return image
    if mode in ("I", "F") or mode.startswith("I;"):
        image = _to_grey(image)
    elif mode in ("P", "PA"):
        image = image.convert("RGBA")
    elif mode == "La":
        image = image.convert("LA")
    try:
        return image.convert("RGB")
    except ValueError as e:
        raise PredictionException(f"An image of mode {mode} is not supported: {e}", 400) from e


def _to_grey(image: Any) -> Any:
    """Scale an image of modes I;16, I and F to 8 bits."""
    import numpy as np
    from PIL import Image

    values = np.asarray(image)
    low, high = _black_and_white(image, float(values.min()), float(values.max()))
    scale = 255 / (high - low) if high > low else 0.0
    grey = np.empty(values.shape, np.uint8)
    # In blocks, as the numbers in between take eight times the memory of the result.
    rows = max(1, _BLOCK_PIXELS // max(1, values.shape[1]))
    for start in range(0, len(values), rows):
        block = (values[start : start + rows].astype(np.float64) - low) * scale
        grey[start : start + rows] = np.rint(block)
    return Image.fromarray(grey)


def _black_and_white(image: Any, low: float, high: float) -> tuple[float, float]:
    """Return which values become 0 and 255.

    Args:
        image: The image.
        low: Its smallest value.
        high: Its largest value.
    """
    if not (low - low == 0 and high - high == 0):
        raise PredictionException("The image has values that are not finite numbers", 400)
    if image.mode.startswith("I;") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return 0, 65535
    if low >= 0:
        for white in _RANGES[image.mode]:
            if high <= white:
                return 0, white
    return low, high


def check_scaled(image: Any) -> Any:
    """Return the image; refuse one that is so long and thin that it explodes when it is scaled.

    Raises:
        PredictionException: 400.
    """
    short, long = sorted(image.size)
    if _SHORT_SIDE * _SHORT_SIDE * long > MAX_IMAGE_PIXELS * short:
        raise PredictionException(
            f"The image has {image.size[0]} x {image.size[1]} pixels: scaled to a shorter side of"
            f" {_SHORT_SIDE} it has more than {MAX_IMAGE_PIXELS}",
            400,
        )
    return image


def imagenet_transform() -> Any:
    """Return the usual preparation: RGB, shorter side 256, 224 x 224 of the middle, normalized."""
    transforms = import_optional("torchvision.transforms", "The default image processing")
    return transforms.Compose(
        [
            to_rgb,
            check_scaled,
            transforms.Resize(_SHORT_SIDE),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(mean=list(IMAGENET_MEAN), std=list(IMAGENET_STD)),
        ]
    )


def tensor_transform() -> Any:
    """Return the preparation of detection models: RGB, values 0 to 1."""
    transforms = import_optional("torchvision.transforms", "The default image processing")
    return transforms.Compose([to_rgb, transforms.ToTensor()])

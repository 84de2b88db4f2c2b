"""The base of handlers for images."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from ts.handler_utils.timer import timed
from ts.torch_handler._image_insights import ImageInsights
from ts.torch_handler._images import (
    MAX_IMAGE_PIXELS,
    decode_image,
    limit_pillow,
    max_image_pixels,
    to_rgb,
)
from ts.torch_handler._requests import file_content, payload_of
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException


class VisionHandler(ImageInsights):
    """Turns images into a batch of tensors. Subclasses provide ``image_processing(image)``.

    A row's ``data`` or ``body`` may be an image file, the Base64 text of one, or numbers, which
    become a float tensor.

    Attributes:
        to_rgb: From any Pillow image to one of three channels of 8 bits: what ``image_processing``
            may begin with, since Pillow's own conversion clips greys of more than 8 bits.
        max_image_pixels: Images with more pixels are refused; None for no limit. Set by
            `initialize`.
    """

    image_processing: Any
    to_rgb = staticmethod(to_rgb)
    max_image_pixels: int | None = MAX_IMAGE_PIXELS

    def initialize(self, context: Any) -> None:
        """Load the model, and set the limit of pixels, which also Pillow then has.

        Raises:
            ValueError: ``handler.max_image_pixels`` of model-config.yaml is no such limit.
        """
        super().initialize(context)
        self.max_image_pixels = None
        if context.system_properties.get("limit_max_image_pixels", True):
            self.max_image_pixels = max_image_pixels(
                self.model_yaml_config.get("handler"), os.environ.get("TS_MAX_IMAGE_PIXELS")
            )
        limit_pillow(self.max_image_pixels)

    @timed
    def preprocess(self, data: Any) -> Any:
        """Return the images of the batch as one tensor [N, ...] on the device.

        Raises:
            PredictionException: 400, an input is not an image, or not of the shape of the others.
        """
        tensors = read_rows(data, self._to_tensor)
        shapes = {tensor.shape for tensor in tensors}
        if len(shapes) > 1:
            expected = self._expected_shape(data, tensors)
            read_rows(data, lambda row, index: _check(row, tensors[index].shape, expected))
        return torch.stack(tensors).to(self.device)

    def _expected_shape(self, data: Any, tensors: Sequence[torch.Tensor]) -> torch.Size:
        """Return the shape of an image, where there is one, else the likeliest."""
        images = [t for row, t in zip(data, tensors, strict=True) if _is_file(row)]
        counts = Counter(tensor.shape for tensor in images or tensors)
        return max(counts, key=lambda shape: (len(shape) == 3, counts[shape]))

    def _to_tensor(self, row: Any, _: int = 0) -> torch.Tensor:
        value = payload_of(row)
        if value is None:
            raise PredictionException("The request has no input, expected data or body", 400)
        value = file_content(value)
        if isinstance(value, (bytes, bytearray)):
            tensor: torch.Tensor = self.image_processing(decode_image(value, self.max_image_pixels))
            return tensor
        try:
            return torch.as_tensor(value, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError, OverflowError) as e:
            raise PredictionException(
                f"The input is neither an image nor an array of numbers: {e}", 400
            ) from e


def _is_file(row: Any) -> bool:
    return isinstance(payload_of(row), (bytes, bytearray, str))


def _check(row: Any, shape: torch.Size, expected: torch.Size) -> None:
    if shape != expected and not _is_file(row):
        raise PredictionException(
            f"The input has the shape {list(shape)}, expected {list(expected)}", 400
        )

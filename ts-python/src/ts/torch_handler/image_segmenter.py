"""Segmentation of images."""

from __future__ import annotations

from typing import Any

import torch

from ts.handler_utils.timer import timed
from ts.torch_handler._images import imagenet_transform
from ts.torch_handler._lazy_attribute import LazyClassAttribute
from ts.torch_handler.vision_handler import VisionHandler


class ImageSegmenter(VisionHandler):
    """Answers, for each pixel of an image, the most probable class and its probability."""

    image_processing = LazyClassAttribute(imagenet_transform)

    @timed
    def postprocess(self, data: Any) -> list[Any]:
        """Turn scores [N, K, H, W], in ``data["out"]``, into [H][W][class, probability] each."""
        scores = data["out"] if isinstance(data, dict) else data
        probabilities, classes = torch.nn.functional.softmax(scores, dim=1).max(dim=1)
        return list(torch.stack((classes.to(probabilities.dtype), probabilities), dim=3).tolist())

"""Classification of images."""

from __future__ import annotations

from typing import Any

from ts.handler_utils.timer import timed
from ts.torch_handler._images import imagenet_transform
from ts.torch_handler._lazy_attribute import LazyClassAttribute
from ts.torch_handler._top_classes import TopClasses
from ts.torch_handler.vision_handler import VisionHandler


class ImageClassifier(TopClasses, VisionHandler):
    """Answers the labels and probabilities of the most probable classes of an image.

    Attributes:
        topk: How many classes an answer shows.
        image_processing: From a Pillow image to a tensor [C, H, W]; replace it for models that take
            something else than ImageNet's do.
    """

    image_processing = LazyClassAttribute(imagenet_transform)

    @timed
    def postprocess(self, data: Any) -> list[dict[str, float]]:
        """Turn scores [N, K] into one dict from label to probability per request."""
        return self.top_classes(data)

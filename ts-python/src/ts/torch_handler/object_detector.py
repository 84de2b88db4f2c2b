"""Detection of objects in images."""

from __future__ import annotations

from typing import Any

import torch

from ts.handler_utils.timer import timed
from ts.torch_handler._images import tensor_transform
from ts.torch_handler._lazy_attribute import LazyClassAttribute
from ts.torch_handler.vision_handler import VisionHandler
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException, map_class_to_label


class ObjectDetector(VisionHandler):
    """Answers the objects of an image: ``[{"<label>": [x1, y1, x2, y2], "score": s}, ...]``.

    Attributes:
        threshold: Objects with a lower score are left out.
    """

    image_processing = LazyClassAttribute(tensor_transform)
    threshold: float = 0.5

    @timed
    def preprocess(self, data: Any) -> list[torch.Tensor]:
        """Return the images of the batch as tensors [C, H, W], which may differ in size.

        Raises:
            PredictionException: 400, an input is not an image.
        """
        return [tensor.to(self.device) for tensor in read_rows(data, self._to_image)]

    def _to_image(self, row: Any, _: int) -> torch.Tensor:
        tensor = self._to_tensor(row)
        if tensor.ndim != 3:
            raise PredictionException(
                f"The input has the shape {list(tensor.shape)}, expected an image [C, H, W]", 400
            )
        return tensor

    @timed
    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the model on a list of images."""
        with torch.inference_mode():
            return self.model([image.to(self.device) for image in data], *args, **kwargs)

    @timed
    def postprocess(self, data: Any) -> list[list[dict[str, Any]]]:
        """Turn boxes, labels and scores of each image into its list of objects."""
        return [self._objects_of(image) for image in data]

    def _objects_of(self, image: dict[str, torch.Tensor]) -> list[dict[str, Any]]:
        keep = image["scores"] >= self.threshold
        boxes = image["boxes"][keep].tolist()
        classes = image["labels"][keep].tolist()
        scores = image["scores"][keep].tolist()
        objects: list[dict[str, Any]] = []
        for box, label, score in zip(boxes, classes, scores, strict=True):
            named = map_class_to_label([[box]], self.mapping, [[label]])[0]
            objects.append({**named, "score": score})
        return objects

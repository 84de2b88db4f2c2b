"""Images decoded and prepared by NVIDIA DALI."""

from __future__ import annotations

from typing import Any

import torch

from ts.handler_utils.preprocess.dali import get_dali_pipeline
from ts.handler_utils.timer import timed
from ts.torch_handler._image_insights import ImageInsights
from ts.torch_handler._requests import file_content, payload_of
from ts.utils._optional import import_optional
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException


class DALIHandler(ImageInsights):
    """Runs the bytes of images through the pipeline of section ``dali`` of model-config.yaml.

    Attributes:
        pipeline: The pipeline, set by `initialize`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pipeline: Any = None

    def initialize(self, context: Any) -> None:
        """Load the model and build the pipeline."""
        super().initialize(context)
        self.pipeline = get_dali_pipeline(context)
        self.pipeline.build()

    @timed
    def preprocess(self, data: Any) -> torch.Tensor:
        """Return the images of the batch as one tensor [N, C, H, W] on the device.

        Raises:
            PredictionException: 400, an input holds no bytes.
        """
        import numpy as np

        content = read_rows(data, lambda row, _: self._bytes_of(row))
        images = [np.frombuffer(image, dtype=np.uint8) for image in content]
        size = int(self.model_yaml_config["dali"]["batch_size"])
        parts = [self._run(images[at : at + size]) for at in range(0, len(images), size)]
        return torch.cat(parts)

    def _run(self, images: list[Any]) -> torch.Tensor:
        dali_torch = import_optional("nvidia.dali.plugin.pytorch", "A DALI handler", "nvidia-dali")
        self.pipeline.feed_input("my_source", images)
        (output,) = self.pipeline.run()
        dense = output.as_tensor()
        tensor = torch.empty(tuple(dense.shape()), dtype=torch.float32, device=self.device)
        dali_torch.feed_ndarray(dense, tensor)
        return tensor

    @staticmethod
    def _bytes_of(row: Any) -> bytes:
        value = file_content(payload_of(row))
        if isinstance(value, (bytes, bytearray)) and value:
            return bytes(value)
        raise PredictionException(
            f"The input is {type(value).__name__}, expected the bytes of an image", 400
        )

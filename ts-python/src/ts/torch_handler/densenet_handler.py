"""The handler of TorchServe's first example, for tensors written by ``torch.save``."""

from __future__ import annotations

import io
from typing import Any

import torch

from ts.handler_utils.timer import timed
from ts.torch_handler._loading import load_weights
from ts.torch_handler._requests import payload_of
from ts.torch_handler.base_handler import BaseHandler
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException, list_classes_from_module

__all__ = ["DenseNetHandler", "list_classes_from_module"]


class DenseNetHandler(BaseHandler):
    """Takes one tensor per request, as a file of ``torch.save``, and answers with a tensor."""

    @timed
    def preprocess(self, data: Any) -> list[torch.Tensor]:
        """Return the tensors of the batch. Only tensors are read: a client could send any pickle.

        Raises:
            PredictionException: 400, an input is not such a file.
        """
        return read_rows(data, lambda row, _: self._read_tensor(payload_of(row)).to(self.device))

    @timed
    def inference(self, data: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Run the model on each tensor: their shapes may differ."""
        with torch.inference_mode():
            return [self.model(tensor, *args, **kwargs) for tensor in data]

    @timed
    def postprocess(self, data: Any) -> list[Any]:
        """Return the outputs as they are: the server writes them by ``torch.save``."""
        return list(data)

    @staticmethod
    def _read_tensor(content: Any) -> torch.Tensor:
        if isinstance(content, (bytes, bytearray)):
            try:
                tensor = load_weights(io.BytesIO(content))  # type: ignore[arg-type]
            except Exception as e:
                raise PredictionException(
                    f"The {len(content)} bytes of the input are not a tensor of torch.save", 400
                ) from e
            if isinstance(tensor, torch.Tensor):
                return tensor
        raise PredictionException("The input is not a tensor written by torch.save", 400)

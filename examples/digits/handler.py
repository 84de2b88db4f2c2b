"""Answers which digit an image shows, and why."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from ts.torch_handler.vision_handler import VisionHandler
from ts.utils.util import PredictionException

SIZE = 8
TOP = 3


class DigitsHandler(VisionHandler):
    """Takes PNG, JPEG or BMP images of a single digit, of any size.

    A prediction is ``{"class": "7", "probability": 0.98, "top": {"7": 0.98, ...}}``; an explanation
    ``{"class": "7", "attributions": [8 rows of 8 numbers]}``.
    """

    @staticmethod
    def image_processing(image: Image.Image) -> torch.Tensor:
        """Return the image as [1, 8, 8] with the data set's scale: ink is 1, paper is 0."""
        grey = VisionHandler.to_rgb(image).convert("L").resize((SIZE, SIZE), Image.Resampling.BOX)
        ink = torch.tensor(list(grey.tobytes()), dtype=torch.float32).view(1, SIZE, SIZE) / 255
        border = torch.cat((ink[0, :, 0], ink[0, :, -1], ink[0, 0], ink[0, -1]))
        # A photo shows dark ink on light paper, the data set the opposite.
        return 1 - ink if border.mean() > 0.5 else ink

    def postprocess(self, data: Any) -> list[dict[str, Any]]:
        """Turn scores [N, 10] into one answer per request."""
        values, classes = torch.softmax(data, dim=1).topk(TOP, dim=1)
        answers = []
        for probabilities, digits in zip(values.tolist(), classes.tolist(), strict=True):
            top = {
                self._label(digit): round(p, 4)
                for digit, p in zip(digits, probabilities, strict=True)
            }
            best = self._label(digits[0])
            answers.append({"class": best, "probability": top[best], "top": top})
        return answers

    def explain_handle(self, data_preprocess: Any, raw_data: Any) -> list[dict[str, Any]]:
        """Explain the digit in ``target`` of a request, or else the one the model sees."""
        seen = self.inference(data_preprocess).argmax(dim=1).tolist()
        targets = [self._target(row, digit) for row, digit in zip(raw_data, seen, strict=True)]
        attributions = self.ig.attribute(data_preprocess, target=targets, n_steps=15)
        return [
            {
                "class": self._label(target),
                "attributions": [[round(v, 4) for v in row] for row in image.tolist()],
            }
            for target, image in zip(targets, attributions[:, 0], strict=True)
        ]

    def _label(self, digit: int) -> str:
        return self.mapping[str(digit)] if self.mapping else str(digit)

    @staticmethod
    def _target(row: Any, default: int) -> int:
        value = row.get("target") if isinstance(row, dict) else None
        if value is None:
            return default
        text = value.decode() if isinstance(value, (bytes, bytearray)) else str(value)
        if text not in map(str, range(10)):
            raise PredictionException(f"target is {text!r}, expected a digit", 400)
        return int(text)

"""Answers of classifiers: the most probable classes."""

from __future__ import annotations

from typing import Any

import torch

from ts.utils.util import map_class_to_label


class TopClasses:
    """Mixin for handlers whose model gives one score per class.

    Attributes:
        topk: How many classes an answer shows; a model with fewer shows all.
        mapping: Labels by class index, or ``None``.
    """

    topk: int = 5
    mapping: dict[str, str] | None

    def set_max_result_classes(self, topk: int) -> None:
        """Set how many classes an answer shows."""
        self.topk = topk

    def get_max_result_classes(self) -> int:
        """Return how many classes an answer shows."""
        return self.topk

    def top_classes(self, scores: Any) -> list[dict[str, float]]:
        """Return the labels and probabilities of each row of scores [N, K], highest first."""
        probabilities = torch.nn.functional.softmax(scores, dim=1)
        count = min(self.topk, probabilities.shape[1])
        values, classes = torch.topk(probabilities, count, dim=1)
        return map_class_to_label(values.tolist(), self.mapping, classes.tolist())

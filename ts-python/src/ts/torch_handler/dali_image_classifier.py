"""Classification of images that NVIDIA DALI decodes."""

from __future__ import annotations

import functools
from typing import Any

from ts.handler_utils.timer import timed
from ts.torch_handler._top_classes import TopClasses
from ts.torch_handler.dali_handler import DALIHandler
from ts.utils._optional import import_optional


class DALIImageClassifier(TopClasses, DALIHandler):
    """Answers the labels and probabilities of the most probable classes of an image."""

    @functools.cached_property
    def ig(self) -> Any:
        """Captum's Integrated Gradients of the model, made when it is first needed."""
        captum = import_optional("captum.attr", "An explanation")
        return captum.IntegratedGradients(self.model)

    @timed
    def postprocess(self, data: Any) -> list[dict[str, float]]:
        """Turn scores [N, K] into one dict from label to probability per request."""
        return self.top_classes(data)

    def get_insights(self, tensor_data: Any, _: Any, target: Any = 0) -> Any:
        """Explain `target` by Integrated Gradients: 15 steps from a baseline of zeros."""
        return self.ig.attribute(tensor_data, target=target, n_steps=15).tolist()

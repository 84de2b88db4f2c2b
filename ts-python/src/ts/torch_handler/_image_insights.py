"""Explanations of image models, for handlers whatever prepares their images."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch

from ts.torch_handler.base_handler import BaseHandler
from ts.utils._optional import import_optional


class ImageInsights(BaseHandler):
    """A handler that explains its answers by Captum's Integrated Gradients."""

    _scores: Sequence[int] | None = None
    """The shape of the scores of one image, once it is known; empty if they are no tensor."""

    @functools.cached_property
    def ig(self) -> Any:
        """Captum's Integrated Gradients of the model, made when it is first needed."""
        captum = import_optional("captum.attr", "An explanation")
        return captum.IntegratedGradients(self.model)

    def _shape_of_scores(self, data_preprocess: Any) -> Sequence[int] | None:
        if not isinstance(data_preprocess, torch.Tensor):
            return None
        if self._scores is None:
            with torch.inference_mode():
                self._scores = getattr(self.model(data_preprocess[:1]), "shape", (0,))[1:]
        return self._scores or None

    def get_insights(self, tensor_data: Any, _: Any, target: Any = 0) -> Any:
        """Explain `target` by Integrated Gradients: 15 steps from a baseline of zeros.

        Returns:
            Nested lists of the shape of `tensor_data`, one [C][H][W] per request.
        """
        return self.ig.attribute(tensor_data, target=target, n_steps=15).tolist()

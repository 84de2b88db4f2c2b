"""Explanations of image models, for handlers whatever prepares their images."""

from __future__ import annotations

import functools
from typing import Any

from ts.torch_handler.base_handler import BaseHandler
from ts.utils._optional import import_optional


class ImageInsights(BaseHandler):
    """A handler that explains its answers by Captum's Integrated Gradients."""

    @functools.cached_property
    def ig(self) -> Any:
        """Captum's Integrated Gradients of the model, made when it is first needed."""
        captum = import_optional("captum.attr", "An explanation")
        return captum.IntegratedGradients(self.model)

    def get_insights(self, tensor_data: Any, _: Any, target: Any = 0) -> Any:
        """Explain `target` by Integrated Gradients: 15 steps from a baseline of zeros.

        Returns:
            Nested lists of the shape of `tensor_data`, one [C][H][W] per request.
        """
        return self.ig.attribute(tensor_data, target=target, n_steps=15).tolist()

"""The base of handlers for models that DeepSpeed runs."""

from __future__ import annotations

import os
from typing import Any

from ts.torch_handler.base_handler import BaseHandler


class BaseDeepSpeedHandler(BaseHandler):
    """Chooses the GPU of this process; a subclass loads the model and calls `get_ds_engine`."""

    def initialize(self, ctx: Any) -> None:
        """Read the rank, which is the number of the GPU; 0 without torchrun."""
        self.context = ctx
        self.manifest = ctx.manifest
        self.model_yaml_config = getattr(ctx, "model_yaml_config", None) or {}
        self.device = int(os.environ.get("LOCAL_RANK", "0"))

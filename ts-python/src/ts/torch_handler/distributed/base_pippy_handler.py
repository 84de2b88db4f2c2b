"""The base of handlers for pipeline parallel models."""

from __future__ import annotations

import os
from typing import Any

import torch

from ts.handler_utils.distributed.pt_pippy import initialize_rpc_workers
from ts.torch_handler.base_handler import BaseHandler


class BasePippyHandler(BaseHandler):
    """Joins the RPC group of the model's processes; a subclass loads and splits the model.

    Attributes:
        local_rank: Number of this process on this machine.
        world_size: Number of all processes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.local_rank = 0
        self.world_size = 1

    def initialize(self, ctx: Any) -> None:
        """Read the rank, choose the GPU, and join the group.

        Raises:
            RuntimeError: The process was not started by torchrun.
        """
        try:
            self.local_rank = int(os.environ["LOCAL_RANK"])
            self.world_size = int(os.environ["WORLD_SIZE"])
        except (KeyError, ValueError) as e:
            raise RuntimeError(
                "LOCAL_RANK and WORLD_SIZE are not set: a pipeline parallel model needs "
                "parallelType: pp and torchrun in model-config.yaml"
            ) from e
        self.context = ctx
        self.manifest = ctx.manifest
        self.model_yaml_config = getattr(ctx, "model_yaml_config", None) or {}
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        self.device = self.local_rank % gpus if gpus else torch.device("cpu")
        initialize_rpc_workers(self.local_rank, self.world_size, ctx)

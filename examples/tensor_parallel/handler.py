"""Serves a model that torch splits over the processes of a worker: each holds a part of it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import torch
from model import PIXELS, SplitDigits
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)
from ts.handler import RequestError
from ts.torch_handler.base_handler import BaseHandler

logger = logging.getLogger(__name__)


class TensorParallelHandler(BaseHandler):
    """Every rank loads the model, keeps its part, and runs every batch; rank 0 answers."""

    def initialize(self, context: Any) -> None:
        """Join the group of the ranks, and split the model over it."""
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        gpu = context.system_properties.get("gpu_id")
        kind = "cuda" if gpu is not None else "cpu"
        self.device = torch.device(kind, gpu) if gpu is not None else torch.device(kind)
        if gpu is not None:
            torch.cuda.set_device(self.device)
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        folder = Path(context.system_properties["model_dir"])
        model = SplitDigits()
        model.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
        model.eval().to(self.device)
        self.model = parallelize_module(
            model,
            init_device_mesh(kind, (size,)),
            {"up": ColwiseParallel(), "down": RowwiseParallel()},
        )
        held = sum(p.to_local().numel() for p in self.model.parameters())
        logger.info("rank %d of %d holds %d numbers", rank, size, held)
        self.initialized = True

    def preprocess(self, data: list[dict[str, Any]]) -> torch.Tensor:
        """Take a JSON list of 64 numbers from each request."""
        rows = []
        for request in data:
            pixels = request.get("data", request.get("body"))
            if not isinstance(pixels, list) or len(pixels) != PIXELS:
                raise RequestError(400, f"expected a JSON list of {PIXELS} numbers from 0 to 1")
            rows.append(pixels)
        return torch.tensor(rows, dtype=torch.float32, device=self.device)

    def inference(self, data: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Run the part of this rank; torch adds up what all have."""
        with torch.inference_mode():
            scores: torch.Tensor = self.model(data)
            return scores.softmax(1)

    def postprocess(self, data: torch.Tensor) -> list[dict[str, Any]]:
        """Return the digit and all probabilities; what ranks above 0 return is dropped."""
        return [
            {"digit": int(row.argmax()), "probabilities": [round(float(p), 6) for p in row]}
            for row in data.cpu()
        ]

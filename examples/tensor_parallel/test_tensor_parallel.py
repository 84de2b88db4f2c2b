"""The tensor_parallel example: its weights, its archive. test/e2e/test_ranks.py serves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from sklearn.datasets import load_digits

HERE = Path(__file__).parent


def test_weights_are_right_on_digits_that_they_were_not_made_of(
    load_example: Callable[[Path, str], ModuleType],
) -> None:
    model = load_example(HERE, "model").SplitDigits()
    model.load_state_dict(torch.load(HERE / "weights.pt", weights_only=True))
    images, labels = load_digits(return_X_y=True)
    held_out = torch.arange(len(labels)) % 5 == 0
    scores = model(torch.tensor(images, dtype=torch.float32)[held_out] / 16)
    right = (scores.argmax(1) == torch.tensor(labels)[held_out]).float().mean()
    assert right >= 0.97


def test_archive_holds_what_each_rank_needs(
    unpack_build: Callable[[Path], tuple[Path, dict[str, Any]]],
) -> None:
    folder, manifest = unpack_build(HERE)
    assert manifest["model"]["modelName"] == "tensor_parallel"
    assert {"handler.py", "model.py", "weights.pt"} <= {path.name for path in folder.iterdir()}
    assert "nproc-per-node: 2" in (folder / manifest["model"]["configFile"]).read_text()

"""Makes `handler_fakes` importable: pytest's importlib mode leaves sys.path alone. One thread."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny models: threads that wait for each other cost minutes where other work runs beside."""
    torch.set_num_threads(1)

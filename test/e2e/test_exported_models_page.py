"""docs/exported-models.md keeps its word: what it exports takes batches, and its settings exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from model_archiver._config_keys import KNOWN_KEYS
from page_reader import blocks_of
from torchserve_process import REPOSITORY

PAGE = (REPOSITORY / "docs" / "exported-models.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)
EXPORTS = [text for kind, text in BLOCKS if kind == "python"]
SETTINGS = [text for kind, text in BLOCKS if kind == "yaml"]


def test_page_shows_an_export_and_settings() -> None:
    assert EXPORTS
    assert SETTINGS
    assert {kind for kind, _ in BLOCKS} == {"python", "yaml"}


@pytest.mark.parametrize("export", EXPORTS)
def test_exported_model_takes_batches_of_any_size(export: str, tmp_path: Path) -> None:
    before = "import torch\nmodel, example = torch.nn.Linear(3, 2).eval(), torch.zeros(2, 3)\n"
    after = """
loaded = torch.export.load("model.pt2").module()
for size in (1, 5):
    rows = torch.rand(size, 3)
    assert torch.equal(loaded(rows), model(rows))
"""
    subprocess.run(
        [sys.executable, "-c", before + export + after],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        check=True,
    )


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_of_the_page_are_known(settings: str) -> None:
    assert set(yaml.safe_load(settings)) <= KNOWN_KEYS

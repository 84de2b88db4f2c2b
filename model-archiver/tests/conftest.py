from __future__ import annotations

from pathlib import Path

import pytest
from archiver_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.out.mkdir()
    project.temporary.mkdir()
    project.write("handler.py", "def handle(data, context):\n    return data\n")
    project.write("model.py", "class Model: ...\n")
    project.write("weights.pt", "weights" * 1000)
    project.write("requirements.txt", "numpy\n")
    project.write("model-config.yaml", "batchSize: 2\n")
    project.write("extra/labels.json", "{}")
    project.write("extra/sub/deep.txt", "deep")
    project.write("extra/.git/config", "hidden")
    project.write("extra/sub/__pycache__/x.pyc", "cache")
    project.write("extra/.keep", "plain hidden files are packed")
    return project

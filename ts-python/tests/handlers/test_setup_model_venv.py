"""The script that creates the virtual environment of a model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ts.utils import setup_model_venv


def test_environment_sees_the_packages_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Installing pip into it takes seconds and is venv's own business.
    monkeypatch.setattr(
        setup_model_venv.venv.EnvBuilder, "_setup_pip", lambda self, context: None, raising=True
    )
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / "old").touch()
    site_packages = setup_model_venv.create_venv(folder)
    assert not (folder / "old").exists()
    lines = (site_packages / "inherited-site-packages.pth").read_text().splitlines()
    assert lines == setup_model_venv.inherited_folders()
    code = "import sys, pytest; print(sys.prefix)"
    answer = subprocess.run(
        [folder / "bin" / "python", "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == str(folder)


def test_command_needs_a_folder() -> None:
    script = str(Path(setup_model_venv.__file__))
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "venv_path" in answer.stderr


def test_packages_are_inherited_by_an_environment_that_is_there_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="python"):
        setup_model_venv.inherit_site_packages(tmp_path)

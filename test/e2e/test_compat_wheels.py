"""Requirements of TorchServe 0.12 install TorchServe Next from a folder, without any index."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from torchserve_process import REPOSITORY

VERSION = (REPOSITORY / "VERSION").read_text(encoding="ascii").strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip finds: our wheels, and the one package that they need, as it is installed here."""
    if not list((REPOSITORY / ".venv" / "wheels").glob("torchserve_next-*.whl")):
        pytest.skip("no wheel in .venv/wheels: run scripts/setup")
    wheels = tmp_path_factory.mktemp("wheels")
    subprocess.run([REPOSITORY / "scripts" / "compat-wheels", wheels], check=True)
    wheel_of_an_installed_package("PyYAML", wheels)
    return wheels


def wheel_of_an_installed_package(name: str, wheels: Path) -> None:
    package = distribution(name)
    lines = (package.read_text("WHEEL") or "").splitlines()
    tag = next(line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: "))
    record = f"{name.lower()}-{package.version}.dist-info/RECORD"
    records = [f"{record},,"]
    with zipfile.ZipFile(wheels / f"{name}-{package.version}-{tag}.whl", "w") as wheel:
        for file in package.files or ():
            if {"..", "__pycache__", "RECORD"} & set(file.parts):
                continue
            content = Path(str(file.locate())).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            records.append(f"{file},sha256={digest.decode()},{len(content)}")
            wheel.writestr(str(file), content)
        wheel.writestr(record, "\n".join(records) + "\n")


@pytest.fixture(scope="module")
def environment(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment, into which a requirements file of 0.12 was installed."""
    place = tmp_path_factory.mktemp("environment")
    requirements = place / "requirements.txt"
    requirements.write_text("torchserve==0.12.0\ntorch-model-archiver==0.12.0\n")
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
    run(
        *(place / "venv", "pip", "install", "--no-index", "--find-links", str(folder)),
        *("-r", str(requirements)),
    )
    return place / "venv"


def run(environment: Path, program: str, *words: str) -> str:
    done = subprocess.run(
        [environment / "bin" / program, *words],
        env={k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))},
        cwd=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_requirements_of_0_12_are_met_by_ours(environment: Path) -> None:
    listed = json.loads(run(environment, "pip", "list", "--format", "json"))
    versions = {package["name"].lower(): package["version"] for package in listed}
    assert versions["torchserve"] == versions["torch-model-archiver"] == "0.12.0+next"
    assert versions["torchserve-next"] == VERSION
    assert versions["torchserve-next-model-archiver"] == VERSION
    assert "No broken requirements found" in run(environment, "pip", "check")
    assert run(environment, "torchserve", "--version") == f"TorchServe Version is {VERSION}\n"
    assert "--model-name" in run(environment, "torch-model-archiver", "--help")
    code = "import ts, model_archiver; print(ts.__version__, model_archiver.__version__)"
    assert run(environment, "python", "-c", code) == f"{VERSION} {VERSION}\n"


def test_wheels_that_stand_for_0_12_are_empty_and_cannot_be_uploaded(folder: Path) -> None:
    for name in ("torchserve", "torch_model_archiver"):
        with zipfile.ZipFile(folder / f"{name}-0.12.0+next-py3-none-any.whl") as wheel:
            info = f"{name}-0.12.0+next.dist-info"
            assert {Path(path).parts[0] for path in wheel.namelist()} == {info}
            metadata = wheel.read(f"{info}/METADATA").decode()
        assert "\nClassifier: Private :: Do Not Upload\n" in metadata
        assert metadata.count("Requires-Dist:") == 1

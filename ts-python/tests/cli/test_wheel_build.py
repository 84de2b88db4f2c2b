from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
VERSION = (PROJECT.parent / "VERSION").read_text(encoding="ascii").strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that make up the distribution, in a folder of their own."""
    target = tmp_path / "clone" / "ts-python"
    (target / "src" / "ts").mkdir(parents=True)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(PROJECT / name, target)
    shutil.copytree(PROJECT / "licenses", target / "licenses")
    for name in ("version.txt", "py.typed"):
        shutil.copy(PROJECT / "src" / "ts" / name, target / "src" / "ts")
    (target / "src" / "ts" / "__init__.py").touch()
    return target


def build(project: Path) -> subprocess.CompletedProcess[str]:
    code = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False
    )


def test_wheel_without_jars_is_not_built(clone: Path) -> None:
    built = build(clone)
    assert built.returncode != 0
    assert "the frontend's jars are missing" in built.stderr
    assert "mvn -DskipTests package" in built.stderr
    assert not list(clone.glob("*.whl"))


def test_wheel_holds_exactly_the_current_jars_and_the_proto_files(clone: Path) -> None:
    jars = clone.parent / "frontend" / "server" / "target" / "lib"
    jars.mkdir(parents=True)
    protos = clone.parent / "frontend" / "grpc-messages" / "src" / "main" / "proto"
    protos.mkdir(parents=True)
    (protos / "inference.proto").touch()
    (jars / "old.jar").touch()
    (jars / "tsnext-server-1.0.0.jar").touch()
    assert build(clone).returncode == 0
    (jars / "old.jar").rename(jars / "new.jar")

    built = build(clone)

    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(clone / f"torchserve_next-{VERSION}-py3-none-any.whl") as wheel:
        names = [name for name in wheel.namelist() if name.startswith("ts/frontend/")]
        metadata = wheel.read(f"torchserve_next-{VERSION}.dist-info/METADATA").decode()
    assert sorted(names) == [
        "ts/frontend/new.jar",
        "ts/frontend/proto/inference.proto",
        "ts/frontend/tsnext-server-1.0.0.jar",
    ]
    assert "License-Expression: Apache-2.0" in metadata
    for name in ("LICENSE", "NOTICE", "licenses/BSD-3-Clause.txt", "licenses/MIT.txt"):
        assert f"License-File: {name}\n" in metadata
    assert "Requires-Dist: pyyaml" in metadata

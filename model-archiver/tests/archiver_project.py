"""A model's sources to pack, and a look into the results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_archiver import ModelArchiverConfig

FORMATS = {"default": "m.mar", "zip-store": "m.mar", "tgz": "m.tar.gz", "no-archive": "m"}


@dataclass
class Project:
    """A model's sources, an empty export path, and an own temporary directory, side by side."""

    root: Path

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def temporary(self) -> Path:
        return self.root / "temporary"

    def write(self, name: str, text: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def config(self, **changes: object) -> ModelArchiverConfig:
        """An order with everything in it, but for `changes`."""
        fields: dict[str, object] = {
            "model_name": "m",
            "version": "1.0",
            "handler": str(self.root / "handler.py"),
            "serialized_file": str(self.root / "weights.pt"),
            "model_file": str(self.root / "model.py"),
            "requirements_file": str(self.root / "requirements.txt"),
            "config_file": str(self.root / "model-config.yaml"),
            "extra_files": str(self.root / "extra"),
            "export_path": str(self.out),
        }
        fields.update(changes)
        return ModelArchiverConfig(**fields)  # type: ignore[arg-type]

    def run(
        self, *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs the command in a process of its own."""
        source = Path(__file__).parents[1] / "src"
        return subprocess.run(
            [sys.executable, "-m", "model_archiver.model_packaging", *arguments],
            cwd=cwd or self.root,
            env={
                **os.environ,
                "PYTHONPATH": str(source),
                "TMPDIR": str(self.temporary),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def leftovers(self) -> list[str]:
        """Names in the export path that no result has, and all in the temporary directory."""
        return [p.name for p in self.out.iterdir() if p.name.startswith(".")] + [
            p.name for p in self.temporary.iterdir()
        ]


def read_back(result: Path) -> dict[str, str]:
    """Every file of a result by its name, the root folder of a tar taken off."""
    if result.is_dir():
        paths = [path for path in result.rglob("*") if path.is_file()]
        return {path.relative_to(result).as_posix(): path.read_text() for path in paths}
    if result.name.endswith(".mar"):
        with zipfile.ZipFile(result) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
            assert len(names) == len(set(names))
            return {name: archive.read(name).decode() for name in names}
    files = {}
    with tarfile.open(result, "r:gz") as tar:
        for member in tar:
            assert member.isreg()
            root, _, name = member.name.partition("/")
            assert root == result.name.removesuffix(".tar.gz")
            content = tar.extractfile(member)
            assert content is not None
            files[name] = content.read().decode()
    return files


def manifest_of(result: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(read_back(result)["MAR-INF/MANIFEST.json"])
    return manifest

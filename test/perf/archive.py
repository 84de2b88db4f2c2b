"""Prepares the files that work needs, and packs them as archives of TorchServe."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from perf.deployment import Deployment, Paths
from perf.text_model import write_checkpoint

PERF = Path(__file__).parent
WORKS = ("noop", "echo", "stream", "digits", "images", "texts", "embeddings")
# Their handlers stand in files of their own.
OWN_HANDLERS = ("stream", "images", "texts")
SENTENCE = b"The quick brown fox jumps over the lazy dog while the sun sets behind the hills."


def prepare_work(paths: Paths) -> None:
    """Fill the folder of each work anew; weights that take long to make stay if they are there."""
    for name in WORKS:
        folder = paths.work / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(PERF / "work.py", folder)
    digits = paths.repository / "examples" / "digits"
    for file in ("model.py", "digits.pt"):
        shutil.copy(digits / file, paths.work / "digits")
    if not (paths.work / "texts" / "model.safetensors").is_file():
        write_checkpoint(paths.work / "texts")
    embeddings = paths.repository / "examples" / "embeddings"
    target = paths.work / "embeddings"
    shutil.copy(embeddings / "model.py", target)
    if not (target / "embeddings.pt").is_file():
        subprocess.run(
            [sys.executable, str(embeddings / "build.py"), str(paths.scratch)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        archive = paths.scratch / "embeddings.mar"
        with zipfile.ZipFile(archive) as packed:
            for member in ("tokenizer.json", "embeddings.pt"):
                packed.extract(member, target)
        archive.unlink()


def body_of(work: str, repository: Path) -> bytes:
    """Return the request body for a work; for echo any will do."""
    if work == "digits":
        return (repository / "examples" / "digits" / "sample" / "seven.png").read_bytes()
    if work == "images":
        return picture()
    if work in ("texts", "embeddings"):
        return SENTENCE
    return b"x"


def picture() -> bytes:
    """Return a JPEG of 96 x 96 pixels with something in it."""
    from PIL import Image

    image = Image.linear_gradient("L").resize((96, 96)).convert("RGB")
    image.paste((200, 40, 40), (24, 16, 56, 72))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def write_archive(path: Path, name: str, deployment: Deployment, work: Path) -> None:
    """Write a .mar file, not compressed, that serves `deployment` under `name`."""
    kind = deployment.work if deployment.work in OWN_HANDLERS else "handler"
    config = {
        "minWorkers": deployment.workers,
        "maxWorkers": max(4, deployment.workers),
        "batchSize": deployment.batch_size,
        "maxBatchDelay": deployment.batch_delay_ms,
        "responseTimeout": 120,
        "startupTimeout": 600,
        "work": {"name": deployment.work},
    }
    manifest = {
        "createdOn": "01/01/2026 00:00:00",
        "runtime": "python",
        "archiverVersion": "0.12.0",
        "model": {
            "modelName": name,
            "handler": "bench_handler.py",
            "modelVersion": "1.0",
            "configFile": "model-config.yaml",
        },
    }
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((work / deployment.work).iterdir()):
            if file.is_file():
                archive.write(file, file.name)
        archive.write(PERF / "servers" / f"torchserve_{kind}.py", "bench_handler.py")
        archive.write(PERF / "servers" / "torchserve_handler.py", "bench_work.py")
        # JSON is YAML.
        archive.writestr("model-config.yaml", json.dumps(config))
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))

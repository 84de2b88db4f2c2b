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
from perf.work import CLASSIFIER_FILES

PERF = Path(__file__).parent
WORKS = ("noop", "echo", "stream", "digits", "images", "imageclassifier", "texts", "embeddings")
# Their handlers stand in files of their own.
OWN_HANDLERS = ("stream", "images", "texts")
# Theirs come with the server.
DEFAULT_HANDLERS = {"imageclassifier": {"handler": "image_classifier", **CLASSIFIER_FILES}}
CLASSES = 10
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
    write_classifier(paths.work / "imageclassifier")
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
    if work in ("images", "imageclassifier"):
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
            "modelVersion": "1.0",
            "configFile": "model-config.yaml",
            **DEFAULT_HANDLERS.get(deployment.work, {"handler": "bench_handler.py"}),
        },
    }
    has_own_code = deployment.work not in DEFAULT_HANDLERS
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((work / deployment.work).iterdir()):
            if file.is_file() and (has_own_code or file.name != "work.py"):
                archive.write(file, file.name)
        if has_own_code:
            archive.write(PERF / "servers" / f"torchserve_{kind}.py", "bench_handler.py")
            archive.write(PERF / "servers" / "torchserve_handler.py", "bench_work.py")
        # JSON is YAML.
        archive.writestr("model-config.yaml", json.dumps(config))
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))


def write_classifier(folder: Path) -> None:
    """Write what an archive of the default handler holds: the network of the work ``images``."""
    shutil.copy(PERF / "servers" / "image_network.py", folder / CLASSIFIER_FILES["modelFile"])
    labels = {str(index): f"class {index}" for index in range(CLASSES)}
    (folder / "index_to_name.json").write_text(json.dumps(labels), encoding="utf-8")
    weights = folder / CLASSIFIER_FILES["serializedFile"]
    if not weights.is_file():
        import torch

        from perf.servers.image_network import PictureNetwork

        torch.manual_seed(0)
        torch.save(PictureNetwork().state_dict(), weights)

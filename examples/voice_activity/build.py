"""Packs the model: ``python build.py FOLDER`` writes FOLDER/voice_activity.mar.

A recording to try it with, speech.wav, is made beside this file.

The model is Silero VAD, a TorchScript file in the Python package silero-vad (MIT licence). Only
that file is taken; nothing of the package runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import tempfile
from pathlib import Path

from make_sample import write_sample
from model_archiver import ModelArchiver, ModelArchiverConfig

HERE = Path(__file__).parent
SAMPLE = HERE / "speech.wav"


def find_model() -> Path:
    """Return the TorchScript file of the installed package.

    Raises:
        SystemExit: The package is not installed, or has no such file.
    """
    # Looked up, not imported: importing the package needs torchaudio.
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise SystemExit("The package silero-vad is missing: pip install --no-deps silero-vad")
    path = Path(spec.origin).parent / "data" / "silero_vad.jit"
    if not path.is_file():
        raise SystemExit(f"This version of silero-vad has no {path}")
    return path


def build(folder: Path) -> Path:
    """Write the archive into `folder` and return its path."""
    with tempfile.TemporaryDirectory() as scratch:
        # The server knows TorchScript by the ending .pt.
        model = Path(scratch) / "silero_vad.pt"
        shutil.copyfile(find_model(), model)
        config = ModelArchiverConfig(
            model_name="voice_activity",
            version="1.0",
            serialized_file=str(model),
            handler=str(HERE / "handler.py"),
            config_file=str(HERE / "model-config.yaml"),
            export_path=str(folder),
            force=True,
        )
        ModelArchiver.generate_model_archive(config)
    return folder / "voice_activity.mar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack the voice activity model.")
    parser.add_argument("folder", type=Path, help="where the archive is written, a model store")
    print(build(parser.parse_args().folder))
    write_sample(SAMPLE)
    print(SAMPLE)

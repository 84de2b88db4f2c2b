"""``--check``: loads what is to be packed, in a process of its own, as a worker would."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from model_archiver._contents import RESERVED_DIRECTORY, Contents
from model_archiver.model_archiver_error import ModelArchiverError

_TRIES = "ts._cli.trying"


def check_loads(contents: Contents, manifest: str) -> str:
    """Load the model, and return what it took, for a person.

    Raises:
        ModelArchiverError: It cannot be loaded, the text has the traceback; or the package that
            loads models is not installed in this Python.
    """
    if not _can_try():
        raise ModelArchiverError(
            "--check needs the package torchserve-next in this Python, which loads the model: "
            "pip install torchserve-next"
        )
    with tempfile.TemporaryDirectory(prefix="model-archiver-") as folder:
        root = Path(folder, "model").resolve()
        (root / RESERVED_DIRECTORY).mkdir(parents=True)
        (root / RESERVED_DIRECTORY / "MANIFEST.json").write_text(manifest, encoding="utf-8")
        files = contents.files()
        for name, source in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(source.resolve())
        done = subprocess.run(
            [sys.executable, "-m", "ts.model_server", "try", str(root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        said = done.stdout.strip()
        for name, source in files:
            said = said.replace(str(root / name), str(source))
        said = said.replace(f"{root}/", "")
    if done.returncode != 0:
        raise ModelArchiverError(f"The model cannot be loaded:\n{said}")
    return said


def _can_try() -> bool:
    try:
        return importlib.util.find_spec(_TRIES) is not None
    except ImportError:  # there is no package ts
        return False

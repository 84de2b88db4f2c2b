"""What the tests of the examples share: nothing here starts a server."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

ARCHIVER = Path(__file__).parent.parent / "model-archiver" / "src"


class StreamContext:
    """What an example's handler sees of the worker; records what is sent."""

    def __init__(self, model_dir: Path, requests: int = 1, explain: bool = False) -> None:
        self.manifest: dict[str, Any] = {"model": {"modelName": "example"}}
        self.model_name = "example"
        self.model_yaml_config: dict[str, Any] = {}
        self.system_properties = {"model_dir": str(model_dir), "gpu_id": None}
        self.request_ids = {index: f"request-{index}" for index in range(requests)}
        self.content_types: dict[int, str] = {}
        self.sent: list[list[str]] = []
        self.explain = explain
        self.metrics = self

    def add_time(self, *_: Any) -> None:
        """Take a metric."""

    def get_request_header(self, idx: int, key: str) -> str | None:
        """Return the only header there is, ``explain``."""
        return "True" if key == "explain" and self.explain else None

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Record a content type."""
        self.content_types[idx] = value


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small models: threads that wait for each other cost minutes where other work runs beside."""
    torch.set_num_threads(1)


@pytest.fixture
def load_example(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], ModuleType]:
    """Returns a function that imports a module of an example, as a worker does by its name."""

    def load(folder: Path, name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(folder))
        # Other tests have imported other files of this name.
        monkeypatch.delitem(sys.modules, "model", raising=False)
        path = folder / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"{folder.name}_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "send_intermediate_predict_response"):
            monkeypatch.setattr(
                module,
                "send_intermediate_predict_response",
                lambda ret, ids, message, code, context: context.sent.append(ret),
            )
        return module

    return load


@pytest.fixture
def new_context() -> type[StreamContext]:
    """Returns the class of contexts."""
    return StreamContext


@pytest.fixture
def unpack_build(tmp_path: Path) -> Callable[[Path], tuple[Path, dict[str, Any]]]:
    """Returns a function that runs an example's build.py and unpacks the one archive it writes."""

    def run(folder: Path) -> tuple[Path, dict[str, Any]]:
        store = tmp_path / "store"
        environment = {**os.environ, "PYTHONPATH": str(ARCHIVER), "OMP_NUM_THREADS": "1"}
        script = [sys.executable, str(folder / "build.py"), str(store)]
        subprocess.run(script, check=True, env=environment, stdin=subprocess.DEVNULL)
        (archive,) = store.iterdir()
        assert archive.name == f"{folder.name}.mar"
        target = tmp_path / "unpacked"
        with zipfile.ZipFile(archive) as file:
            file.extractall(target)
        manifest = json.loads((target / "MAR-INF" / "MANIFEST.json").read_text())
        return target, manifest

    return run

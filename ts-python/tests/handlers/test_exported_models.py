"""The digits model, exported in each way, answers as it does eagerly."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from handler_fakes import FakeContext
from ts.torch_handler import _exported
from ts.torch_handler._compile import keep_compiled_code
from ts.torch_handler.base_handler import BaseHandler

DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits"


class PixelHandler(BaseHandler):
    """Answers images, lists of 64 numbers, with scores."""

    def preprocess(self, data: Any) -> torch.Tensor:
        return torch.tensor(data, dtype=torch.float32).reshape(-1, 1, 8, 8)


@pytest.fixture(scope="module")
def digits() -> Iterator[torch.nn.Module]:
    spec = importlib.util.spec_from_file_location("digits_model", DIGITS / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model: torch.nn.Module = module.DigitsNet()
    model.load_state_dict(torch.load(DIGITS / "digits.pt", weights_only=True))
    yield model.eval()
    sys.modules.pop("digits_model", None)


@pytest.fixture(scope="module")
def program(digits: torch.nn.Module) -> Any:
    batch = torch.export.Dim("batch", min=1, max=64)
    example = torch.zeros(2, 1, 8, 8)
    return torch.export.export(digits, (example,), dynamic_shapes=({0: batch},))


def answers(folder: Path, model: dict[str, Any]) -> np.ndarray[Any, Any]:
    """What a handler says of three images."""
    context = FakeContext(folder, model)
    handler = PixelHandler()
    handler.initialize(context)
    return np.array(handler.handle(images(), context))


def images() -> list[list[float]]:
    return [[((3 * i + k) % 17) / 16 for i in range(64)] for k in range(3)]


def expected(model: torch.nn.Module) -> np.ndarray[Any, Any]:
    with torch.inference_mode():
        scores: np.ndarray[Any, Any] = model(torch.tensor(images()).reshape(-1, 1, 8, 8)).numpy()
    return scores


def test_program_of_torch_export(tmp_path: Path, digits: torch.nn.Module, program: Any) -> None:
    torch.export.save(program, tmp_path / "digits.pt2")
    said = answers(tmp_path, {"serializedFile": "digits.pt2"})
    np.testing.assert_allclose(said, expected(digits), rtol=1e-4, atol=1e-5)


def test_onnx_model(tmp_path: Path, digits: torch.nn.Module) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript, which exports, is not installed")
    torch.onnx.export(
        digits,
        (torch.zeros(2, 1, 8, 8),),
        tmp_path / "digits.onnx",
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},),
        external_data=False,
        verbose=False,
    )
    said = answers(tmp_path, {"serializedFile": "digits.onnx"})
    np.testing.assert_allclose(said, expected(digits), rtol=1e-4, atol=1e-5)


def test_weights_in_safetensors(tmp_path: Path, digits: torch.nn.Module) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    safetensors.save_file(digits.state_dict(), tmp_path / "digits.safetensors")
    shutil.copy(DIGITS / "model.py", tmp_path)
    model = {"modelFile": "model.py", "serializedFile": "digits.safetensors"}
    np.testing.assert_allclose(answers(tmp_path, model), expected(digits), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(shutil.which("c++") is None, reason="AOTInductor compiles with c++")
def test_package_of_aotinductor(
    tmp_path: Path, digits: torch.nn.Module, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    torch._inductor.aoti_compile_and_package(program, package_path=str(tmp_path / "digits.pt2"))
    said = answers(tmp_path, {"serializedFile": "digits.pt2"})
    np.testing.assert_allclose(said, expected(digits), rtol=1e-4, atol=1e-5)


def test_file_that_is_no_package_says_so(tmp_path: Path) -> None:
    (tmp_path / "digits.pt2").write_bytes(b"not a zip file")
    with pytest.raises(RuntimeError, match=r"digits.pt2 is no .pt2 file, expected one of"):
        answers(tmp_path, {"serializedFile": "digits.pt2"})


def test_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    shutil.copy(DIGITS / "model.py", tmp_path)
    (tmp_path / "digits.safetensors").touch()
    model = {"modelFile": "model.py", "serializedFile": "digits.safetensors"}
    with pytest.raises(RuntimeError, match=r"Weights in .safetensors needs .* package safetensors"):
        answers(tmp_path, model)


def test_compiled_package_is_told_from_a_program(tmp_path: Path) -> None:
    import zipfile

    for name, compiled in (("m/data/aotinductor/model/a.so", True), ("m/models/model.json", False)):
        with zipfile.ZipFile(tmp_path / "m.pt2", "w") as package:
            package.writestr(name, b"x")
        assert _exported._is_compiled(tmp_path / "m.pt2") is compiled


def test_compiled_code_is_kept_in_the_users_folder_for_caches(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    keep_compiled_code(environ)
    folder = tmp_path / "torchserve-next" / "compiled"
    assert environ["TORCHINDUCTOR_CACHE_DIR"] == str(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    by_torch = f"{tempfile.gettempdir()}/torchinductor_me"  # as importing torchvision leaves it
    environ = {"TORCHINDUCTOR_CACHE_DIR": by_torch, "XDG_CACHE_HOME": str(tmp_path)}
    keep_compiled_code(environ)
    assert environ["TORCHINDUCTOR_CACHE_DIR"] == str(folder)
    own = {"TORCHINDUCTOR_CACHE_DIR": "/mine", "XDG_CACHE_HOME": str(tmp_path)}
    keep_compiled_code(own)
    assert own["TORCHINDUCTOR_CACHE_DIR"] == "/mine"


def test_folder_that_others_can_write_to_is_no_cache(tmp_path: Path) -> None:
    folder = tmp_path / "torchserve-next" / "compiled"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    keep_compiled_code(environ)
    assert "TORCHINDUCTOR_CACHE_DIR" not in environ
    for base in ("relative", ""):
        environ = {"XDG_CACHE_HOME": base, "HOME": base}
        keep_compiled_code(environ)
        assert "TORCHINDUCTOR_CACHE_DIR" not in environ

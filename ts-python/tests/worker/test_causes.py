"""What an error says: its type, its text, the place in the user's code, and what to do."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ts._protocol.control import Load
from ts._worker.advice import advice_on, advice_on_forms
from ts._worker.failures import explain, format_traceback, prediction_error
from ts._worker.loading import load_failure
from ts.utils.util import PredictionException

FORM = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]


@pytest.fixture
def raised(tmp_path: Path, monkeypatch: Any) -> Iterator[Callable[..., BaseException]]:
    """Returns what a model's handler raises when it is imported and called."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(code: str, **files: str) -> BaseException:
        for name, text in {"handler": code, **files}.items():
            (tmp_path / f"{name}.py").write_text(text)
        try:
            importlib.invalidate_caches()
            importlib.import_module("handler").handle([{}], None)
        except BaseException as error:
            return error
        raise AssertionError("nothing was raised")

    yield run
    for name in set(sys.modules) - known:
        if not name.startswith("ts."):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "def handle(data, context):\n    return pre(data)\n\ndef pre(data):\n    {}['vocab']\n",
            "KeyError: 'vocab' (handler.py:5, in pre)",
        ),
        ("{}['vocab']\n", "KeyError: 'vocab' (handler.py:1)"),
        ("def handle(data, context:\n", "SyntaxError: '(' was never closed (handler.py:1)"),
        (
            "import json\ndef handle(data, context):\n    return json.loads('{')\n",
            "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2"
            " (char 1) (handler.py:3, in handle)",
        ),
        (
            "def handle(data, context):\n    return [row['x'] for row in data]\n",
            "KeyError: 'x' (handler.py:2, in handle)",
        ),
        (
            "def handle(data, context):\n"
            "    try:\n        {}['a']\n    except KeyError as e:\n"
            "        raise RuntimeError('no model') from e\n",
            "RuntimeError: no model (handler.py:5, in handle), caused by KeyError: 'a'"
            " (handler.py:3, in handle)",
        ),
    ],
)
def test_place_is_the_last_frame_of_the_users_code(
    raised: Any, tmp_path: Path, code: str, said: str
) -> None:
    assert explain(raised(code), str(tmp_path)) == said


def test_place_in_another_file_of_the_model_is_named_in_its_folder(
    raised: Any, tmp_path: Path
) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "layers.py").write_text("def build():\n    raise ValueError('no layers')\n")
    error = raised("from net.layers import build\ndef handle(data, context):\n    build()\n")
    assert explain(error, str(tmp_path)) == "ValueError: no layers (net/layers.py:2, in build)"
    outside = explain(error, str(tmp_path / "elsewhere"))
    assert outside == "ValueError: no layers (layers.py:2, in build)"


def test_files_are_named_in_the_models_folder(raised: Any, tmp_path: Path) -> None:
    missing = raised(f"def handle(data, context):\n    open({str(tmp_path / 'no.txt')!r})\n")
    told = explain(missing, str(tmp_path))
    assert "'no.txt' (handler.py:2, in handle)" in told
    assert str(tmp_path) not in told


def test_long_text_keeps_its_place(raised: Any, tmp_path: Path) -> None:
    long = raised("def handle(data, context):\n    raise ValueError('x' * 9999)\n")
    assert explain(long, str(tmp_path)).endswith("xxx... (handler.py:2, in handle)")


def test_error_without_users_code_has_no_place(tmp_path: Path) -> None:
    assert explain(ValueError("bad"), str(tmp_path)) == "ValueError: bad"
    assert explain(ValueError("bad"), None) == "ValueError: bad"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (RuntimeError("PytorchStreamReader failed locating file constants.pkl"), "--model-file"),
        (RuntimeError("PytorchStreamReader failed reading zip archive"), "torch.save"),
        (ValueError("Weights only load failed. This file can"), "--model-file"),
        (AttributeError("Can't get attribute 'Net' on <module '__main__'>"), "--model-file"),
        (RuntimeError("Error(s) in loading state_dict for Net:"), "another class"),
        (TypeError("Object of type float32 is not JSON serializable"), ".item() or .tolist()"),
        (RuntimeError("Expected all tensors to be on the same device, but"), "self.device"),
        (ModuleNotFoundError("No module named 'cv7'", name="cv7"), "--requirements-file"),
        (ModuleNotFoundError("No module named 'cv7'", name="cv7"), "--extra-files cv7.py"),
        (ModuleNotFoundError("No module named 'layerz'", name="layerz"), "Did you mean layers"),
        (FileNotFoundError(2, "No such file or directory", "vocab.txt"), "model_dir"),
        (FileNotFoundError(2, "No such file or directory", "labels.json"), "--extra-files"),
    ],
)
def test_common_mistakes_are_told_with_what_to_do(
    tmp_path: Path, error: BaseException, advice: str
) -> None:
    (tmp_path / "vocab.txt").touch()
    (tmp_path / "layers.py").touch()
    assert advice in explain(error, str(tmp_path))


def test_other_errors_have_no_advice(tmp_path: Path) -> None:
    for error in (ValueError("bad"), KeyError("x"), FileNotFoundError(2, "no", "/etc/nothing")):
        assert advice_on(error, str(tmp_path)) is None


def test_torch_files_of_another_kind_are_recognised(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from ts.torch_handler._loading import load_torchscript, load_weights

    whole, state = tmp_path / "whole.pt", tmp_path / "state.pt"
    torch.save(torch.nn.Linear(2, 2), whole)
    torch.save(torch.nn.Linear(2, 2).state_dict(), state)
    for load in (
        lambda: load_torchscript(whole, "cpu"),
        lambda: load_torchscript(state, "cpu"),
        lambda: load_weights(whole),
        lambda: torch.load(whole, weights_only=True),
    ):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)) as failure:
            load()
        said = explain(failure.value, str(tmp_path))
        assert "--model-file" in said
        assert "\x1b" not in said
        assert len(said) < 2000


def test_form_that_may_have_been_meant_as_a_file_is_told() -> None:
    advice = advice_on_forms(FORM, {'{"x": 1}': b""})
    assert advice is not None
    assert "curl -T FILE" in advice
    assert advice_on_forms(FORM, {"data": b"1"}) is None
    assert advice_on_forms([("content-type", "application/json")], {"x": b""}) is None
    assert advice_on_forms([], {"x": b""}) is None


def test_detail_does_not_repeat_the_message(raised: Any, tmp_path: Path) -> None:
    error = raised(
        "from ts.utils.util import PredictionException\n"
        "def handle(data, context):\n    raise PredictionException('no such row', 404)\n"
    )
    assert isinstance(error, PredictionException)
    answer = prediction_error(error, str(tmp_path))
    assert (answer.code, answer.message) == (404, "no such row")
    assert answer.detail == "PredictionException (handler.py:3, in handle)"


def test_traceback_of_a_load_begins_in_the_users_code(tmp_path: Path, monkeypatch: Any) -> None:
    from ts._worker.loading import load_service

    (tmp_path / "broken_handler.py").write_text("{}['vocab']\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load = Load("m", "1.0", str(tmp_path), "broken_handler.py", 1, True, True, 1, 1, False)
    failed: Any = load_service(load, lambda sample: None, None)
    assert failed.detail == "KeyError: 'vocab' (broken_handler.py:1)"
    assert "ts/_worker" not in failed.traceback
    assert "importlib" not in failed.traceback
    assert "broken_handler.py" in failed.traceback
    unplaced = load_failure(load, ValueError("no handler"))
    assert unplaced.traceback == format_traceback(ValueError("no handler"))

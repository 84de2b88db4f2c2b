"""Loading models and running batches with the base handler."""

from __future__ import annotations

import copy
import logging
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from handler_fakes import EAGER, SCRIPTED, FakeContext, write_eager, write_labels, write_torchscript
from ts.torch_handler import base_handler
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException

INPUT = [[1.0, 2.0], [3.0, 4.0]]


def loaded(context: FakeContext, handler: BaseHandler | None = None) -> BaseHandler:
    handler = handler or BaseHandler()
    handler.initialize(context)
    return handler


def test_importing_it_runs_nothing_and_imports_no_optional_package() -> None:
    # In a process of its own: others have imported these packages here.
    script = (
        "import sys, os; before = dict(os.environ)\n"
        "import ts.torch_handler.image_classifier, ts.torch_handler.text_classifier, torch\n"
        "assert not torch.cuda.is_initialized()\n"
        "assert dict(os.environ) == before\n"
        "assert torch.get_float32_matmul_precision() == 'highest'\n"
        "print([m for m in ('captum', 'torchvision', 'PIL', 'yaml', 'psutil', 'onnxruntime',"
        " 'transformers') if m in sys.modules])\n"
    )
    source = Path(base_handler.__file__).parents[2]
    out = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(source), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "[]"


def test_eager_model_answers_as_the_model_does(tmp_path: Path) -> None:
    model = write_eager(tmp_path)
    context = FakeContext(tmp_path, EAGER, headers=[{}, {}])
    handler = loaded(context)
    answer = handler.handle(INPUT, context)
    expected = model(torch.tensor(INPUT)).tolist()
    assert answer == [pytest.approx(row) for row in expected]
    assert handler.initialized
    assert not handler.model.training
    assert [(s.name, s.request_ids) for s in context.samples] == [("HandlerTime", "id-0,id-1")]


def test_torchscript_model_loads_without_a_warning(tmp_path: Path) -> None:
    model = write_torchscript(tmp_path)
    context = FakeContext(tmp_path, SCRIPTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        handler = loaded(context)
    answer = handler.handle(INPUT, context)
    assert answer == [pytest.approx(row) for row in model(torch.tensor(INPUT)).tolist()]


@pytest.mark.parametrize(
    ("pt2", "logged"),
    [
        ({"compile": {"backend": "eager"}}, "Compiled model with backend eager"),
        (
            {"compile": {"enable": True, "backend": "eager", "mode": "reduce-overhead"}},
            "Compiled model with backend eager, mode reduce-overhead",
        ),
        ("eager", "Compiled model with backend eager"),
        ({"backend": "eager"}, "Compiled model with backend eager"),
    ],
)
def test_compiled_model_answers_and_keeps_its_configuration(
    tmp_path: Path, pt2: Any, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = write_eager(tmp_path)
    context = FakeContext(tmp_path, EAGER, config={"pt2": copy.deepcopy(pt2)})
    with caplog.at_level(logging.INFO):
        handler = loaded(context)
    assert logged in caplog.messages
    assert context.model_yaml_config == {"pt2": pt2}
    answer = handler.handle(INPUT, context)
    assert answer == [pytest.approx(row) for row in model(torch.tensor(INPUT)).tolist()]


@pytest.mark.parametrize(
    "pt2",
    [
        {"compile": {"enable": False, "backend": "eager"}},
        {"compile": {"backend": "no_such_backend"}},
        {"export": {"aot_compile": True}},
        None,
    ],
)
def test_model_is_left_as_it_is(tmp_path: Path, pt2: Any) -> None:
    write_eager(tmp_path)
    handler = loaded(FakeContext(tmp_path, EAGER, config={"pt2": pt2}))
    assert type(handler.model).__name__ == "Net"


def test_unknown_backend_is_logged_with_the_known_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_eager(tmp_path)
    loaded(FakeContext(tmp_path, EAGER, config={"pt2": {"compile": {"backend": "nope"}}}))
    assert "'nope' is not a torch.compile backend here" in caplog.text
    assert "inductor" in caplog.text


def test_failed_compilation_leaves_an_eager_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_eager(tmp_path)

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", refuse)
    handler = loaded(FakeContext(tmp_path, EAGER, config={"pt2": {"compile": {}}}))
    assert type(handler.model).__name__ == "Net"
    assert "runs eagerly: no compiler" in caplog.text


def test_warm_up_runs_the_model_at_load(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_eager(tmp_path)
    config = {"pt2": {"compile": {"backend": "eager"}, "warm_up": {"shape": [1, 2]}}}
    with caplog.at_level(logging.INFO):
        loaded(FakeContext(tmp_path, EAGER, config=config))
    assert "Warmed the model up" in caplog.text


def test_files_with_other_objects_are_refused_with_the_switch_in_the_message(
    tmp_path: Path,
) -> None:
    model = write_eager(tmp_path)
    torch.save(torch.nn.Sequential(*model.children()), tmp_path / "model.pt")
    with pytest.raises(RuntimeError, match=r"handler: \{weights_only: false\}"):
        loaded(FakeContext(tmp_path, EAGER))


def test_trusted_archive_may_hold_a_whole_module(tmp_path: Path) -> None:
    write_eager(tmp_path)
    torch.manual_seed(1)
    whole = torch.nn.Sequential()
    whole.add_module("layer", torch.nn.Linear(2, 3))
    torch.save(whole, tmp_path / "model.pt")
    context = FakeContext(tmp_path, EAGER, config={"handler": {"weights_only": False}})
    handler = loaded(context)
    assert torch.equal(handler.model.layer.weight, whole.layer.weight)


def test_switch_must_be_a_boolean(tmp_path: Path) -> None:
    write_eager(tmp_path)
    config = {"handler": {"weights_only": "no"}}
    with pytest.raises(ValueError, match="expected true or false"):
        loaded(FakeContext(tmp_path, EAGER, config=config))


def test_two_classes_in_the_model_file_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("class A: pass\nclass B: pass\n")
    with pytest.raises(ValueError, match=r"Expected only one class as model definition.*A, B"):
        loaded(FakeContext(tmp_path, {"modelFile": "model.py"}))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (None, "No model weights could be loaded: the model has no MAR-INF/MANIFEST.json"),
        ({"modelName": "m"}, "names neither a modelFile nor a serializedFile"),
        ({"modelFile": "other.py"}, r"Missing the model.py file: .*other\.py"),
        ({"serializedFile": "gone.pt"}, r"Missing the serialized file .*gone\.pt"),
        ({"serializedFile": "x.weights"}, "x.weights is of no known kind"),
        ({"serializedFile": "x.so"}, "aot_compile: true"),
    ],
)
def test_what_cannot_be_loaded_is_said(
    tmp_path: Path, model: dict[str, str] | None, message: str
) -> None:
    (tmp_path / "x.weights").touch()
    (tmp_path / "x.so").touch()
    with pytest.raises(RuntimeError, match=message):
        loaded(FakeContext(tmp_path, model))


def test_labels_are_read(tmp_path: Path) -> None:
    write_eager(tmp_path)
    write_labels(tmp_path, {"0": "cat"})
    assert loaded(FakeContext(tmp_path, EAGER)).mapping == {"0": "cat"}


def test_models_of_the_same_file_name_do_not_meet(tmp_path: Path) -> None:
    for name in ("A", "B"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "samename.py").write_text(
            f"import torch\nclass {name}(torch.nn.Module):\n    pass\n"
        )
        handler = loaded(FakeContext(folder, {"modelFile": "samename.py"}))
        assert type(handler.model).__name__ == name


def test_description_is_what_the_handler_says(tmp_path: Path) -> None:
    class Described(BaseHandler):
        def describe_handle(self) -> Any:
            return {"made": "by hand"}

    context = FakeContext(tmp_path, headers=[{"describe": "True"}])
    assert Described().handle([{}], context) == [{"made": "by hand"}]


class Explaining(BaseHandler):
    def preprocess(self, data: Any) -> Any:
        return "prepared"

    def get_insights(self, data_preprocess: Any, raw_input: Any, target: Any = 0) -> Any:
        return [data_preprocess, raw_input, target]


@pytest.mark.parametrize(
    ("rows", "target"),
    [
        ([{"data": b"x"}], 0),
        ([{"data": b"x", "target": bytearray(b"2")}], 2),
        ([{"body": {"data": [1], "target": 1}}], 1),
        ([{"body": {"target": "3"}}], 3),
        ([{"body": {"target": [1, 2]}}], (1, 2)),
        ([{"data": b"x", "target": 1}, {"data": b"y", "target": 1}], 1),
        ([{"data": b"x", "target": 1}, {"data": b"y"}], [1, 0]),
    ],
)
def test_target_of_an_explanation_is_found_and_converted(
    tmp_path: Path, rows: list[Any], target: Any
) -> None:
    context = FakeContext(tmp_path, headers=[{"explain": "True"}] * len(rows))
    handler = Explaining()
    answer = handler.handle(rows, context)
    assert answer[0] == "prepared"
    assert answer[2] == target
    assert handler.explain


def test_explanation_does_not_stick(tmp_path: Path) -> None:
    write_eager(tmp_path)
    handler = loaded(FakeContext(tmp_path, EAGER))
    context = FakeContext(tmp_path, headers=[{"explain": "True"}])
    with pytest.raises(NotImplementedError, match="BaseHandler has no explanations"):
        handler.handle(INPUT, context)
    handler.handle(INPUT, FakeContext(tmp_path))
    assert not handler.explain


def test_bad_target_is_the_clients_mistake(tmp_path: Path) -> None:
    context = FakeContext(tmp_path, headers=[{"explain": "True"}])
    with pytest.raises(PredictionException, match="expected the index of a class : 400"):
        Explaining().handle([{"data": b"x", "target": "cat"}], context)


def test_profiled_batch_answers_and_leaves_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_eager(tmp_path)
    context = FakeContext(tmp_path, EAGER)
    handler = loaded(context)
    monkeypatch.setenv("ENABLE_TORCH_PROFILER", "1")
    monkeypatch.setattr(base_handler, "_PROFILER_FOLDER", tmp_path / "traces")
    answer = handler.handle(INPUT, context)
    assert answer == [pytest.approx(row) for row in model(torch.tensor(INPUT)).tolist()]
    assert list((tmp_path / "traces" / "m").glob("*.json"))


def test_steps_are_timed_on_request(tmp_path: Path) -> None:
    write_eager(tmp_path)
    context = FakeContext(tmp_path, EAGER, config={"handler": {"profile": True}})
    handler = loaded(context)
    handler.handle(INPUT, context)
    assert [s.name for s in context.samples] == [
        "ts_handler_preprocess",
        "ts_handler_inference",
        "ts_handler_postprocess",
        "HandlerTime",
    ]


class FakeSession:
    """An onnxruntime session that doubles its input."""

    def __init__(self, path: str, sess_options: Any, providers: list[str]) -> None:
        self.path, self.options, self.providers = path, sess_options, providers

    def get_inputs(self) -> list[Any]:
        return [types.SimpleNamespace(name="x")]

    def run(self, _: Any, inputs: dict[str, Any]) -> list[Any]:
        return [np.asarray(inputs["x"]) * 2]


def test_onnx_model_runs_in_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake: Any = types.ModuleType("onnxruntime")
    fake.SessionOptions = types.SimpleNamespace
    fake.InferenceSession = FakeSession
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    (tmp_path / "model.onnx").touch()
    context = FakeContext(tmp_path, {"serializedFile": "model.onnx"})
    handler = loaded(context)
    assert handler.model.providers == ["CPUExecutionProvider"]
    assert handler.handle([[1.0]], context) == [[2.0]]
    session = base_handler.setup_ort_session("x.onnx", "cuda")
    assert session.providers == ["CUDAExecutionProvider", "CPUExecutionProvider"]


def test_onnx_model_without_onnxruntime_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "model.onnx").touch()
    with pytest.raises(RuntimeError, match="An ONNX model needs the Python package onnxruntime"):
        loaded(FakeContext(tmp_path, {"serializedFile": "model.onnx"}))


@pytest.mark.parametrize("output", [torch.tensor(3), torch.tensor([3, 4]), np.array([[1.5]])])
def test_output_is_what_its_tolist_says(output: Any) -> None:
    assert BaseHandler().postprocess(output) == output.tolist()

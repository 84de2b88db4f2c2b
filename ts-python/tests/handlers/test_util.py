"""What handlers import from ``ts.utils`` and ``ts.handler_utils``."""

from __future__ import annotations

import json
import logging
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from ts.handler_utils.hf_batch_streamer import TextIteratorStreamerBatch
from ts.torch_handler.unit_tests.test_utils.mock_context import MockContext
from ts.torch_handler.unit_tests.test_utils.model_dir import copy_files, download_model
from ts.utils import hf_utils
from ts.utils.timeit_decorator import timeit
from ts.utils.util import (
    CLEANUP_REGEX,
    PredictionException,
    PT2Backend,
    check_valid_pt2_backend,
    deprecated,
    get_yaml_config,
    list_classes_from_module,
    load_label_mapping,
    map_class_to_label,
)


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ({"0": "cat", "1": "dog"}, {"0": "cat", "1": "dog"}),
        ({"0": ["n01", "cat"]}, {"0": "cat"}),
        ({"object_type_names": ["cat", "dog"]}, {"0": "cat", "1": "dog"}),
    ],
)
def test_labels_in_all_forms(tmp_path: Path, content: Any, labels: Any) -> None:
    path = tmp_path / "index_to_name.json"
    path.write_text(json.dumps(content))
    assert load_label_mapping(path) == labels


def test_missing_labels_are_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_label_mapping(str(tmp_path / "none.json")) is None
    assert "none.json is missing" in caplog.text


@pytest.mark.parametrize("content", [["cat"], {"0": 3}, {"0": []}, {"0": ["cat", 1]}])
def test_labels_in_other_forms_are_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="expected a"):
        load_label_mapping(path)


def test_classes_get_their_labels() -> None:
    assert map_class_to_label([[0.7, 0.3]]) == [{"0": 0.7, "1": 0.3}]
    rows = map_class_to_label([[0.7, 0.3], [0.9, 0.1]], {"0": "a", "5": "b"}, [[5, 0], [0, 5]])
    assert rows == [{"b": 0.7, "a": 0.3}, {"a": 0.9, "b": 0.1}]
    assert list(rows[0]) == ["b", "a"]
    with pytest.raises(KeyError, match="class 1 has no label among the 1 given"):
        map_class_to_label([[0.7, 0.3]], {"0": "a"})


def test_prediction_exception_shows_message_and_code() -> None:
    error = PredictionException("no cats", 404)
    assert (error.message, error.error_code, str(error)) == ("no cats", 404, "no cats : 404")
    assert PredictionException("x").error_code == 500


def test_only_classes_of_the_module_are_listed() -> None:
    module: Any = types.ModuleType("mod")
    exec("class B: pass\nclass A(B): pass", module.__dict__)
    module.Path = Path
    assert [c.__name__ for c in list_classes_from_module(module)] == ["A", "B"]
    module.B.__module__ = "elsewhere"
    assert [c.__name__ for c in list_classes_from_module(module, module.B)] == ["A"]


def test_backends_are_asked_of_torch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert check_valid_pt2_backend("eager")
    assert check_valid_pt2_backend("inductor")
    assert not check_valid_pt2_backend("nvfuser")  # this torch has none
    monkeypatch.setattr(torch.compiler, "list_backends", lambda exclude_tags: ["of_a_plugin"])
    assert check_valid_pt2_backend("of_a_plugin")
    assert "expected one of" in caplog.text
    monkeypatch.setitem(sys.modules, "torch", None)
    assert check_valid_pt2_backend("nvfuser")
    assert PT2Backend("ipex") is PT2Backend.IPEX


def test_plugin_is_imported_before_torch_is_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch_tensorrt", types.ModuleType("torch_tensorrt"))
    monkeypatch.setattr(torch.compiler, "list_backends", lambda exclude_tags: ["tensorrt"])
    assert check_valid_pt2_backend("tensorrt")
    assert not check_valid_pt2_backend("openvino")
    assert "The package of backend openvino cannot be imported" in caplog.text


def test_yaml_constructs_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: {b: [1, x]}")
    assert get_yaml_config(path) == {"a": {"b": [1, "x"]}}
    path.write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(Exception, match="could not determine a constructor"):
        get_yaml_config(path)


def test_tags_and_entities_are_matched() -> None:
    assert CLEANUP_REGEX.sub("", "a<b c>d</b>&lt;e&#12;f&#x1F;g & h;") == "adefg & h;"


def test_deprecated_function_warns_and_works() -> None:
    @deprecated("2.0", "new")
    def old(x: int) -> int:
        return x + 1

    with pytest.warns(
        PendingDeprecationWarning, match=r"old will be removed in version 2\.0; use new"
    ):
        assert old(1) == 2


def test_calls_are_timed(caplog: pytest.LogCaptureFixture) -> None:
    @timeit
    def work() -> int:
        return 3

    with caplog.at_level(logging.INFO):
        assert work() == 3
    assert "work took" in caplog.text


def test_hub_is_asked_with_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    hub: Any = types.ModuleType("huggingface_hub")
    hub.snapshot_download = lambda **kwargs: calls.append(kwargs) or "folder"
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert hf_utils.download_model("a/b", model_path="cache") == "folder"
    assert (calls[0]["repo_id"], calls[0]["cache_dir"]) == ("a/b", "cache")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(RuntimeError, match="needs the Python package huggingface_hub"):
        hf_utils.download_model("a/b")


def test_mock_context(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("handler: {a: 1}")
    context = MockContext(model_dir=tmp_path, model_yaml_config_file="c.yaml")
    assert context.manifest["model"] == {
        "modelName": "mnist",
        "serializedFile": "model.pt",
        "modelFile": "model.py",
    }
    assert context.model_yaml_config == {"handler": {"a": 1}}
    assert context.get_request_header(0, "explain") is False
    context.explain = True
    assert context.get_request_header(0, "explain") == "True"
    context.metrics.add_time("T", 3)
    context.metrics.add_counter("C", 1, 0)
    context.metrics.add_counter("C", 2, 0)
    assert [(m.name, m.value) for m in context.metrics.store] == [("T", 3), ("C", 3)]


def test_model_dir(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    copy_files(tmp_path, tmp_path / "new", {"a": "b"})
    assert (tmp_path / "new" / "b").read_text() == "x"
    assert download_model("https://example.invalid/a?x=1", tmp_path) == str(tmp_path / "a")
    with pytest.raises(ValueError, match="expected http or https"):
        download_model("file:///etc/passwd", tmp_path)


class Letters:
    """A tokenizer whose ids are code points; 0 ends a text."""

    eos_token_id = 0

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(chr(i) for i in ids if i)


def test_streamer_waits_for_words_and_for_all_rows() -> None:
    streamer = TextIteratorStreamerBatch(Letters(), 2, skip_prompt=True, timeout=60)
    streamer.put(torch.zeros(2, 3, dtype=torch.int64))
    for pair in zip("ab c", "xy\x00\x00", strict=True):
        streamer.put(torch.tensor([ord(char) for char in pair]))
    streamer.end()
    items = list(streamer)
    assert "".join(item[0]["text"] for item in items) == "ab c"
    assert "".join(item[1]["text"] for item in items) == "xy"
    assert [item[0]["text"] for item in items] == ["", "", "ab ", "", "c"]
    streamer.put(torch.tensor([[1]]))  # the next prompt, skipped
    with pytest.raises(ValueError, match="1 rows of tokens, expected 2"):
        streamer.put(torch.tensor([1]))

"""From a handler string and a folder to a service."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ts._loader.entry_point import split_handler
from ts.metrics._sample import MetricSample
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
from ts.model_loader import ModelLoader, ModelLoaderFactory, TsModelLoader

Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: Any) -> Load:
    """Loads a model whose files are given by keyword."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(
        handler: str | None, envelope: str | None = None, metrics: Any = None, **files: str
    ) -> Any:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        loader = ModelLoaderFactory.get_model_loader()
        return loader.load("m", str(tmp_path), handler, 0, 2, envelope, True, metrics)

    yield load  # type: ignore[misc]
    for name in set(sys.modules) - known:
        if not name.startswith("ts."):
            del sys.modules[name]


FUNCTION = "def {}(data, context):\n    return [context.model_name] if data else None\n"
CLASS = """
from pathlib import Path
class Mine:
    def initialize(self, context):
        context.ready = True
    def handle(self, data, context):
        return ["mine", context.ready]
"""


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("handler", ("handler", None)),
        ("handler.py", ("handler", None)),
        ("handler.py:run", ("handler", "run")),
        ("handler:run", ("handler", "run")),
        ("/a/b/handler.py:run", ("handler", "run")),
        ("pkg.handler", ("pkg.handler", None)),
        ("handler:", ("handler", None)),
    ],
)
def test_handler_strings(handler: str, expected: tuple[str, str | None]) -> None:
    assert split_handler(handler) == expected


def test_empty_handler_is_refused() -> None:
    with pytest.raises(ValueError, match="names no module"):
        split_handler(".py")


def test_function_is_called_without_data_to_initialise(load: Load) -> None:
    code = "calls = []\ndef handle(data, context):\n    calls.append(data)\n    return data\n"
    service = load("f1.py", f1=code)
    assert sys.modules["f1"].calls == [None]
    assert service.entry_point([1], service.context) == [1]


def test_named_function(load: Load) -> None:
    service = load("f2:run", f2=FUNCTION.format("run"))
    assert service.entry_point([1], service.context) == ["m"]


def test_class_is_made_and_initialised(load: Load) -> None:
    service = load("c1", c1=CLASS)
    assert service.entry_point([1], service.context) == ["mine", True]
    assert service.context.system_properties["gpu_id"] == 0


HELPERS = (
    CLASS
    + """
class Settings:
    pass

class Special(Exception):
    pass
"""
)


def test_one_class_with_handle_is_found_among_others(load: Load) -> None:
    service = load("c2", c2=HELPERS)
    assert service.entry_point([1], service.context) == ["mine", True]


def test_class_that_builds_on_the_others_is_the_handler(load: Load) -> None:
    code = CLASS.replace("class ", "class Base", 1)
    base = code.split("class ")[1].split(":")[0].split("(")[0]
    service = load("c3", c3=f"{code}\nclass Last({base}):\n    pass\n")
    assert service.entry_point([1], service.context) == ["mine", True]
    assert type(service.entry_point.__self__).__name__ == "Last"


@pytest.mark.parametrize("separator", [":", ".py:"])
def test_class_can_be_named(load: Load, separator: str) -> None:
    code = (
        "class A:\n"
        "    def initialize(self, c): pass\n"
        "    def handle(self, d, c): return [type(self).__name__]\n"
        "class B(A): pass\n"
        "class C(A): pass\n"
    )
    name = "c4" if separator == ":" else "c5"
    service = load(f"{name}{separator}B", **{name: code})
    assert service.entry_point([1], service.context) == ["B"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class A: pass\nclass B: pass\n", "Expected only one class .* A, B; name one, as bad1:A"),
        (
            "class A:\n    def handle(self, d, c): 0\nclass B:\n    def handle(self, d, c): 0\n",
            "Expected only one class .* A, B",
        ),
        ("x = 1\n", "Expected only one class .* none"),
        ("class A:\n    def initialize(self, c): pass\n", "Expect handle method in class A"),
        ("class A:\n    def handle(self, d, c): pass\n", "Expect initialize method in class A"),
    ],
)
def test_unusable_modules_are_refused(load: Load, code: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load("bad1", bad1=code)
    sys.modules.pop("bad1")


def test_missing_module_is_named(load: Load) -> None:
    with pytest.raises(ModuleNotFoundError, match="no module 'nowhere'"):
        load("nowhere.py")


def test_import_that_is_missing_in_the_module_is_the_error(load: Load) -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'missing_dependency'"):
        load("dep1", dep1="import missing_dependency\n")


def test_default_handler_is_found_when_the_folder_has_none(load: Load, monkeypatch: Any) -> None:
    module = types.ModuleType("ts.torch_handler.my_default")
    exec(FUNCTION.format("handle"), module.__dict__)
    monkeypatch.setitem(sys.modules, "ts.torch_handler.my_default", module)
    service = load("my_default")
    assert service.entry_point([1], service.context) == ["m"]


def test_envelope_wraps_the_entry_point(load: Load, monkeypatch: Any) -> None:
    module = types.ModuleType("ts.torch_handler.request_envelope.my_envelope")
    code = """
class Envelope:
    def __init__(self, handle): self._handle = handle
    def handle(self, data, context): return ["wrapped", *self._handle(data, context)]
"""
    exec(code, module.__dict__)
    module.Envelope.__module__ = module.__name__
    monkeypatch.setitem(sys.modules, module.__name__, module)
    service = load("e1", "my_envelope", e1=FUNCTION.format("handle"))
    assert service.entry_point([1], service.context) == ["wrapped", "m"]


def test_manifest_and_configuration_reach_the_context(load: Load, tmp_path: Path) -> None:
    (tmp_path / "MAR-INF").mkdir()
    manifest = '{"model": {"handler": "h1.py", "configFile": "model-config.yaml"}}'
    (tmp_path / "MAR-INF" / "MANIFEST.json").write_text(manifest, encoding="utf-8-sig")
    (tmp_path / "model-config.yaml").write_text("handler: {a: 1}\n")
    service = load(None, h1=FUNCTION.format("handle"))
    assert service.context.manifest["model"]["handler"] == "h1.py"
    assert service.context.model_yaml_config == {"handler": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "expected a mapping"),
        ("!!python/name:os.system", "YAML"),
    ],
)
def test_broken_configuration_fails_the_load(
    load: Load, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "MAR-INF").mkdir()
    (tmp_path / "MAR-INF" / "MANIFEST.json").write_text('{"model": {"configFile": "c.yaml"}}')
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        load("handler2", handler2=FUNCTION.format("handle"))
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_broken_manifest_fails_the_load_and_is_named_as_in_the_model(
    load: Load, tmp_path: Path, text: str
) -> None:
    (tmp_path / "MAR-INF").mkdir()
    (tmp_path / "MAR-INF" / "MANIFEST.json").write_text(text)
    with pytest.raises(ValueError, match=r"^MAR-INF/MANIFEST\.json (is not JSON|holds list)"):
        load("handler3", handler3=FUNCTION.format("handle"))


def test_coroutine_function_is_awaited(load: Load) -> None:
    code = "seen = []\nasync def handle(data, context):\n    seen.append(data)\n"
    load("a1", a1=code)
    assert sys.modules["a1"].seen == [None]


def test_model_without_handler_is_refused(load: Load) -> None:
    with pytest.raises(ValueError, match="has no handler"):
        load(None)


def test_loader_is_a_model_loader() -> None:
    assert isinstance(TsModelLoader(), ModelLoader)


def test_metrics_of_a_load_belong_to_the_model_under_an_id_of_their_own(load: Load) -> None:
    code = "def handle(data, context):\n    context.metrics.add_counter('Loads', 1, idx=0)\n"
    samples: list[MetricSample] = []
    metrics = MetricsCacheYamlImpl(None, emit=samples.append)
    load("counting", metrics=metrics, counting=code)
    load("counting", metrics=metrics)
    first, second = samples
    assert first.dimensions == (("ModelName", "m"), ("Level", "Model"))
    assert first.request_ids
    assert first.request_ids != second.request_ids

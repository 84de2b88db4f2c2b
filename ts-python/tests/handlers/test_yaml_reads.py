"""Every place that reads YAML: no objects, no explosion, no stack overflow, no huge file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ts._loader.manifest import read_model_config
from ts._yaml import MAX_ALIASES, MAX_BYTES, YamlError, load_yaml
from ts.metrics.metric_cache_errors import MetricsCachePyYamlError
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
from ts.utils.util import get_yaml_config


def _laughs(merge: str = "") -> str:
    lines = ["a0: &a0 {x: 1}" if merge else "a0: &a0 [x, x]"]
    for i in range(1, 60):
        before = f"*a{i - 1}, *a{i - 1}"
        value = f"{{<<: [{before}], k{i}: 1}}" if merge else f"[{before}]"
        lines.append(f"a{i}: &a{i} {value}")
    return "\n".join(lines)


HOSTILE = {
    "an object": "a: !!python/object/apply:os.system ['touch owned']",
    "a new object": "a: !!python/object/new:pathlib.Path [x]",
    "a name": "a: !!python/name:os.system ''",
    "a module": "a: !!python/module:os ''",
    "laughs": _laughs(),
    "laughs by merging": _laughs("<<"),
    "depth": "a: " + "[" * 5000 + "]" * 5000,
    "depth in blocks": "\n".join("  " * i + "a:" for i in range(200)),
    "two documents": "a: 1\n---\nb: 2",
    "a number that is none": "a: !!int x",
    "a map as a key": "? {a: 1}\n: b",
    "size": "a: '" + "x" * MAX_BYTES + "'",
    "broken": "a: [",
    "a long number": "a: !!int " + "9" * 900_000,
    "a long number of base 60": "a: !!int 1" + ":1" * 400_000,
    "a long date": "a: !!timestamp " + "9" * 900_000,
}


def _read_model_config(folder: Path, text: str) -> Any:
    (folder / "model-config.yaml").write_text(text)
    return read_model_config(str(folder), {"model": {"configFile": "model-config.yaml"}})


def _read_metrics(folder: Path, text: str) -> Any:
    (folder / "metrics.yaml").write_text(text)
    cache = MetricsCacheYamlImpl(str(folder / "metrics.yaml"))
    cache.initialize_cache()
    return cache


def _read_for_handlers(folder: Path, text: str) -> Any:
    (folder / "any.yaml").write_text(text)
    return get_yaml_config(folder / "any.yaml")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    ("read", "error"),
    [
        (_read_model_config, ValueError),
        (_read_metrics, MetricsCachePyYamlError),
        (_read_for_handlers, YamlError),
    ],
)
def test_hostile_yaml_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Path, str], Any],
    error: type[Exception],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        read(tmp_path, text)
    assert not (tmp_path / "owned").exists()


def test_aliases_up_to_the_limit_are_fine() -> None:
    text = "a: &a [1]\nb: [" + ", ".join(["*a"] * MAX_ALIASES) + "]\nc: &c x\nd: [" + "*c, " * 100
    assert load_yaml((text + "]").encode())["b"] == [[1]] * MAX_ALIASES


def test_plain_documents_are_read(tmp_path: Path) -> None:
    text = "batchSize: 4\nhandler: {profile: true}\nbase: &b {x: 1}\nmore: {<<: *b, y: 2}\n"
    assert _read_model_config(tmp_path, text) == {
        "batchSize": 4,
        "handler": {"profile": True},
        "base": {"x": 1},
        "more": {"x": 1, "y": 2},
    }
    assert _read_model_config(tmp_path, "") == {}
    assert load_yaml(b"\xef\xbb\xbfa: gr\xc3\xb6\xc3\x9fe") == {"a": "größe"}


@pytest.mark.parametrize("value", ["9" * 900_000, "1" + ":1" * 400_000, "0x" + "f" * 900_000])
def test_a_long_plain_value_is_a_text_and_not_computed(value: str) -> None:
    """Sexagesimal numbers of this length would take minutes."""
    assert load_yaml(f"a: {value}\nb: 16".encode()) == {"a": value, "b": 16}

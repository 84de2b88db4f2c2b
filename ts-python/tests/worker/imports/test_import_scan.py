"""Which imports of a model's code are found by reading it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ts._imports.scan import Scan, scan_model

from .conftest import Site

PACKAGES = ("alpha", "beta", "gamma", "delta")


class Model:
    """A folder of a model."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder = folder
        self.path = [str(folder), str(folder / "sub"), str(site.folder)]

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def scan(self, handler: str = "handler.py", envelope: str | None = None) -> Scan:
        return scan_model(self.folder, handler, envelope, self.path)


@pytest.fixture
def model(tmp_path: Path, site: Site) -> Model:
    """A model whose code can import some packages."""
    for name in PACKAGES:
        site.package(name)
    (tmp_path / "model").mkdir()
    return Model(tmp_path / "model", site)


@pytest.mark.parametrize(
    ("text", "imports"),
    [
        ("import alpha", ("alpha",)),
        ("import alpha.one as one, beta", ("alpha.one", "beta")),
        ("from alpha import one, two as second", ("alpha:one", "alpha:two")),
        ("from alpha.one import *", ("alpha.one",)),
        ("import alpha, alpha, beta\nimport alpha", ("alpha", "beta")),
        ("class C:\n    import alpha", ("alpha",)),
        ("with open('f'):\n    import alpha", ("alpha",)),
        ("def f():\n    import alpha\nimport beta", ("beta",)),
        ("class C:\n    def f(self):\n        import alpha", ()),
        ("async def f():\n    import alpha\nf = lambda: __import__('alpha')", ()),
    ],
)
def test_statements_that_run_when_a_module_is_imported_count(
    model: Model, text: str, imports: tuple[str, ...]
) -> None:
    model.write("handler.py", text)
    assert model.scan().imports == imports


@pytest.mark.parametrize(
    ("text", "imports"),
    [
        ("try:\n    import alpha\nexcept ImportError:\n    alpha = None", ("?alpha",)),
        ("try:\n    import alpha\nexcept (KeyError, OSError):\n    pass", ("?alpha",)),
        ("try:\n    from alpha import one\nexcept:\n    pass", ("?alpha:one",)),
        ("try:\n    import alpha\nexcept KeyError:\n    pass", ("alpha",)),
        (
            "try:\n    import alpha\nexcept ImportError:\n    pass\n"
            "else:\n    import beta\nfinally:\n    import gamma",
            ("?alpha", "?beta", "gamma"),
        ),
        ("import os\nif os.name:\n    import alpha\nelse:\n    import beta", ("?alpha", "?beta")),
    ],
)
def test_import_that_the_code_can_do_without_is_marked(
    model: Model, text: str, imports: tuple[str, ...]
) -> None:
    model.write("handler.py", text)
    assert model.scan().imports == imports


@pytest.mark.parametrize(
    "condition",
    ["TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING and True", "__name__ == '__main__'"],
)
def test_imports_for_type_checkers_and_programs_do_not_count(model: Model, condition: str) -> None:
    model.write("handler.py", f"if {condition}:\n    import alpha\nimport beta")
    assert model.scan().imports == ("beta",)


def test_python_and_what_the_zygote_has_and_what_is_not_installed_do_not_count(
    model: Model,
) -> None:
    model.write("handler.py", "import json, os.path, torch, numpy, yaml, not_installed_anywhere")
    assert model.scan().imports == ()


def test_modules_of_the_models_own_are_followed_and_are_no_results(model: Model) -> None:
    model.write("handler.py", "import own.part\nfrom own import other\nimport single")
    model.write("own/__init__.py", "import alpha")
    model.write("own/part.py", "import beta")
    model.write("own/other.py", "import gamma\nimport handler")
    model.write("single.py", "import delta")
    model.write("unused.py", "import alpha.unused")
    assert sorted(model.scan().imports) == ["alpha", "beta", "delta", "gamma"]


@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("from .part import x", "own/inner/part.py"),
        ("from . import part", "own/inner/part.py"),
        ("from . import part", "own/inner/part/__init__.py"),
        ("from .part.deep import x", "own/inner/part/deep.py"),
        ("from ..part import x", "own/part.py"),
        ("from .. import part", "own/part.py"),
    ],
)
def test_relative_imports_are_followed(model: Model, statement: str, file: str) -> None:
    model.write("handler.py", "import own.inner.start")
    model.write("own/__init__.py", "")
    model.write("own/inner/__init__.py", "")
    model.write("own/inner/start.py", statement)
    model.write(file, "import alpha")
    assert model.scan().imports == ("alpha",)


def test_relative_import_does_not_leave_the_models_folder(model: Model) -> None:
    (model.folder.parent / "outside.py").write_text("import alpha")
    model.write("handler.py", "from .. import outside\nfrom ..outside import x\nimport beta")
    assert model.scan().imports == ("beta",)


def test_relative_import_above_the_root_of_the_file_system_hides_no_other(model: Model) -> None:
    model.write("handler.py", "import own, alpha")
    model.write("own.py", f"from {'.' * 100} import x")
    assert model.scan().imports == ("alpha",)


@pytest.mark.parametrize(
    "broken",
    [b"import (", b"import beta\nx = \xff", b"\0", b"-" * 300_000 + b"1", b"if x:\nimport beta"],
    ids=["syntax", "bytes", "null", "deep", "indent"],
)
def test_code_that_cannot_be_read_imports_nothing_and_hides_no_other(
    model: Model, broken: bytes
) -> None:
    model.write("handler.py", "import own, alpha")
    (model.folder / "own.py").write_bytes(broken)
    assert model.scan().imports == ("alpha",)
    (model.folder / "handler.py").write_bytes(broken)
    assert model.scan().imports == ()


def test_file_of_the_models_class_is_read(model: Model) -> None:
    model.write("handler.py", "import alpha")
    model.write("net.py", "import beta")
    assert model.scan().imports == ("alpha",)
    model.write("MAR-INF/MANIFEST.json", json.dumps({"model": {"modelFile": "net.py"}}))
    assert model.scan().imports == ("alpha", "beta")


@pytest.mark.parametrize(
    "manifest",
    [
        "{",
        "[]",
        "{}",
        '{"model": []}',
        '{"model": {"modelFile": 3}}',
        '{"model": {"modelFile": "../outside.py"}}',
        '{"model": {"modelFile": "a\\u0000b"}}',
    ],
)
def test_manifest_that_names_no_file_of_the_model_hides_no_import(
    model: Model, manifest: str
) -> None:
    (model.folder.parent / "outside.py").write_text("import beta")
    model.write("handler.py", "import alpha")
    model.write("MAR-INF/MANIFEST.json", manifest)
    assert model.scan().imports == ("alpha",)


@pytest.mark.parametrize(
    "handler", ["handler.py", "handler", "handler.py:handle", "handler:Handler", "sub/handler.py"]
)
def test_handler_is_found_in_all_its_forms(model: Model, handler: str) -> None:
    folder = "sub/" if handler.startswith("sub/") else ""
    model.write(f"{folder}handler.py", "import alpha")
    assert model.scan(handler).imports == ("alpha",)


@pytest.mark.parametrize("handler", ["", ":handle", "folder/"])
def test_handler_without_a_module_is_an_error(model: Model, handler: str) -> None:
    with pytest.raises(ValueError, match="names no module"):
        model.scan(handler)


@pytest.mark.parametrize("handler", ["missing.py", "missing", "missing:handle"])
def test_handler_that_is_not_there_imports_nothing(model: Model, handler: str) -> None:
    assert model.scan(handler).imports == ()


def test_default_handler_is_imported_with_what_it_imports_when_it_loads(
    model: Model, site: Site
) -> None:
    site.package("PIL")
    site.package("torchvision")
    imports = model.scan("image_classifier").imports
    assert imports[0] == "?ts.torch_handler.image_classifier"
    assert {"?PIL.Image", "?torchvision.transforms"} <= set(imports)


def test_handler_of_the_model_comes_before_the_default_handler_of_its_name(model: Model) -> None:
    model.write("image_classifier.py", "import alpha")
    assert model.scan("image_classifier").imports == ("alpha",)


def test_handler_that_derives_from_a_default_one_has_its_imports(model: Model, site: Site) -> None:
    site.package("PIL")
    site.package("torchvision")
    statement = "from ts.torch_handler.image_classifier import ImageClassifier"
    model.write("handler.py", statement)
    imports = model.scan().imports
    assert "ts.torch_handler.image_classifier:ImageClassifier" in imports
    assert {"?PIL.Image", "?torchvision.transforms"} <= set(imports)


def test_own_modules_of_the_server_alone_are_not_worth_a_process(model: Model) -> None:
    assert model.scan("text_classifier").imports == ()
    model.write("handler.py", "from ts.torch_handler.text_classifier import TextClassifier")
    assert model.scan().imports == ()
    assert model.scan("handler.py", "json").imports == ()


def test_envelope_belongs_to_the_code(model: Model) -> None:
    model.write("handler.py", "import alpha")
    names = (None, "json", "body", "body.py", "unknown")
    scans = [model.scan(envelope=name) for name in names]
    assert [scan.imports for scan in scans] == [("alpha",)] * 5
    none, as_json, body, body_file, _ = (scan.digest for scan in scans)
    assert len({none, as_json, body}) == 3
    assert body_file == body


CONFIG = '{"architectures": ["ToyModel", "not a name"]}'


@pytest.mark.parametrize(
    ("text", "named"),
    [("import transformers.models", ("?transformers:ToyModel",)), ("import alpha", ())],
)
def test_classes_of_a_checkpoint_count_where_transformers_is_imported(
    model: Model, site: Site, text: str, named: tuple[str, ...]
) -> None:
    site.package("transformers")
    model.write("handler.py", text)
    model.write("config.json", CONFIG)
    assert model.scan().named == named


def write_code(model: Model, site: Site) -> None:
    model.write("handler.py", "import own, alpha, transformers")


def write_own_module(model: Model, site: Site) -> None:
    model.write("own.py", "import beta  # another")


def write_checkpoint(model: Model, site: Site) -> None:
    model.write("config.json", CONFIG)


def install(model: Model, site: Site) -> None:
    site.install("alpha", "2.0")


@pytest.mark.parametrize("change", [write_code, write_own_module, write_checkpoint, install])
def test_digest_changes_with_code_and_classes_and_packages(
    model: Model, site: Site, change: Callable[[Model, Site], Any]
) -> None:
    site.package("transformers")
    site.install("alpha", "1.0")
    model.write("handler.py", "import own, alpha, beta, transformers")
    model.write("own.py", "import beta")
    before = model.scan().digest
    model.write("weights.bin", "other weights")
    model.write("unused.py", "import gamma")
    assert model.scan().digest == before
    change(model, site)
    assert model.scan().digest != before


def test_number_of_imports_is_limited(model: Model) -> None:
    names = ", ".join(f"name{number}" for number in range(2000))
    model.write("handler.py", f"from alpha import {names}")
    assert len(model.scan().imports) == 1000

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from model_archiver._checks import WEIGHT_KINDS, WEIGHTS_ALONE
from ts._cli.errors import Refusal
from ts._cli.trying.source import Choices, copy, link, stage, watched_files
from ts._loader import weights


@pytest.fixture
def folder(place: Path) -> Path:
    """A model's folder, with things beside it that are no part of a model."""
    path = place / "my model"
    for name in ("handler.py", "words.txt", ".git/config", "__pycache__/h.pyc", "lib/part.py"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    return path


@pytest.mark.parametrize("put", [link, copy])
def test_folder_becomes_a_model_without_what_is_no_part_of_it(
    folder: Path, place: Path, put: object
) -> None:
    source = stage(folder, Choices(), place / "staged", put)  # type: ignore[arg-type]

    names = sorted(str(path.relative_to(source.folder)) for path in source.folder.rglob("*"))
    assert [name for name in names if not name.startswith("lib")] == [
        "MAR-INF",
        "MAR-INF/MANIFEST.json",
        "handler.py",
        "words.txt",
    ]
    assert (source.folder / "lib" / "part.py").read_text() == "lib/part.py"
    assert (source.name, source.version, source.handler) == ("my_model", "1.0", "handler.py")


def test_manifest_and_configuration_of_the_folder_count(folder: Path, place: Path) -> None:
    (folder / "model-config.yaml").write_text("batchSize: 8\nasyncCommunication: true\n")
    (folder / "MAR-INF").mkdir()
    manifest = {"model": {"handler": "lib/part.py:run", "modelName": "named", "modelVersion": "3"}}
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))

    source = stage(folder, Choices(), place / "staged", copy)

    assert (source.name, source.version, source.handler) == ("named", "3", "lib/part.py:run")
    assert (source.batch_size, source.is_async) == (8, True)


def test_weights_and_model_file_are_found(folder: Path, place: Path) -> None:
    (folder / "weights.pt").write_bytes(b"x")
    (folder / "model.py").write_text("")

    staged = stage(folder, Choices(handler="image_classifier"), place / "staged", copy).folder

    model = json.loads((staged / "MAR-INF" / "MANIFEST.json").read_text())["model"]
    assert (model["serializedFile"], model["modelFile"]) == ("weights.pt", "model.py")
    assert model["handler"] == "image_classifier"


@pytest.mark.parametrize(
    ("name", "content", "model_file"),
    [
        ("weights.safetensors", b"x", "model.py"),
        ("weights.pth", b"x", "model.py"),
        ("model.pt2", b"x", None),
        ("model.onnx", b"x", None),
        ("model.ts", "TorchScript", None),
        ("model.jit", "TorchScript", None),
    ],
)
def test_each_kind_of_weights_that_handlers_load_is_found(
    folder: Path, place: Path, name: str, content: bytes | str, model_file: str | None
) -> None:
    if content == "TorchScript":
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("model/constants.pkl", b"")
    else:
        (folder / name).write_bytes(bytes(content))  # type: ignore[arg-type]
    (folder / "model.py").write_text("")

    staged = stage(folder, Choices(), place / "staged", copy).folder

    model = json.loads((staged / "MAR-INF" / "MANIFEST.json").read_text())["model"]
    assert (model["serializedFile"], model.get("modelFile")) == (name, model_file)


def test_files_of_other_kinds_are_no_weights(folder: Path, place: Path) -> None:
    (folder / "page.ts").write_text("const a = 1;")
    (folder / "library.so").write_bytes(b"x")

    staged = stage(folder, Choices(), place / "staged", copy).folder

    assert "serializedFile" not in (staged / "MAR-INF" / "MANIFEST.json").read_text()


def test_archiver_knows_the_same_kinds_of_weights() -> None:
    assert set(WEIGHT_KINDS) == set(weights.KINDS)
    assert set(WEIGHTS_ALONE) == set(weights.WEIGHTS_ALONE)


def test_handler_that_runs_requests_side_by_side_is_known(folder: Path, place: Path) -> None:
    (folder / "model-config.yaml").write_text("concurrency: 8\n")

    assert stage(folder, Choices(), place / "staged", copy).is_async


def test_large_files_are_not_copied(folder: Path, place: Path) -> None:
    large = folder / "weights.pt"
    large.write_bytes(b"x" * (2 << 20))

    staged = stage(folder, Choices(), place / "staged", copy).folder

    assert os.path.samefile(large, staged / "weights.pt")
    assert not os.path.samefile(folder / "words.txt", staged / "words.txt")


def test_watched_are_the_files_of_the_model_alone(folder: Path) -> None:
    before = watched_files(folder)

    assert sorted(Path(name).name for name in before) == ["handler.py", "part.py", "words.txt"]
    (folder / "__pycache__" / "more.pyc").write_text("")
    assert watched_files(folder / "handler.py") == before
    (folder / "words.txt").write_text("other")
    assert watched_files(folder) != before


@pytest.mark.parametrize("what", ["[1]", "not json"])
def test_broken_manifest_is_told_with_its_folder(folder: Path, place: Path, what: str) -> None:
    (folder / "MAR-INF").mkdir()
    (folder / "MAR-INF" / "MANIFEST.json").write_text(what)

    with pytest.raises(Refusal, match=r"MANIFEST\.json"):
        stage(folder, Choices(), place / "staged", copy)


@pytest.mark.parametrize(
    ("words", "said"),
    [("missing", "expected a folder or a handler's .py file"), ("x --port 70000", "is no port")],
)
def test_dev_says_what_it_expects(run: object, words: str, said: str) -> None:
    outcome = run("dev", *words.split())  # type: ignore[operator]

    assert outcome.status in (1, 2)
    assert said in outcome.err

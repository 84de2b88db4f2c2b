"""What scripts import beside `ModelArchiver`: the command line, single steps, own manifests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from archiver_project import FORMATS, Project, manifest_of, read_back
from model_archiver import ModelArchiverConfig, model_packaging, model_packaging_utils
from model_archiver.arg_parser import ArgParser
from model_archiver.manifest_components.manifest import Manifest
from model_archiver.manifest_components.model import Model
from model_archiver.model_archiver_error import ModelArchiverError
from model_archiver.model_packaging import ModelExportUtils, generate_model_archive, package_model
from model_archiver.version import __version__, version_path


def test_command_line_becomes_a_config(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "--model-name m -v 2 --handler h.py --extra-files a,b --runtime python3 --export-path x"
    monkeypatch.setattr(sys, "argv", ["torch-model-archiver", *words.split()])
    assert ArgParser.export_model_args_parser() == ModelArchiverConfig(
        model_name="m",
        version="2",
        handler="h.py",
        extra_files="a,b",
        runtime="python3",
        export_path="x",
    )
    assert model_packaging.ArgParser is ArgParser

    monkeypatch.setattr(sys, "argv", ["torch-model-archiver", "--model-name", "m"])
    with pytest.raises(SystemExit) as end:
        ArgParser.export_model_args_parser()
    assert end.value.code == 2
    assert "--handler" in capsys.readouterr().err


def test_generate_without_a_config_packs_what_the_command_line_asks_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--model-name", "m", "-v", "1", "--handler", str(project.root / "handler.py")]
    monkeypatch.setattr(
        sys, "argv", ["torch-model-archiver", *words, "--export-path", str(project.out)]
    )
    generate_model_archive()
    assert manifest_of(project.out / "m.mar")["model"]["handler"] == "handler.py"


def test_model_is_packaged_with_a_manifest_of_ones_own(project: Project) -> None:
    manifest = json.dumps({"mine": True, "model": {"modelName": "other"}})
    package_model(project.config(), manifest)
    files = read_back(project.out / "m.mar")
    assert files["MAR-INF/MANIFEST.json"] == manifest
    assert files["model.py"] == "class Model: ...\n"
    with pytest.raises(ModelArchiverError, match=r"m\.mar already exists"):
        package_model(project.config(), manifest)


@pytest.mark.parametrize("archive_format", list(FORMATS))
def test_single_steps_pack_the_same_as_one_call(project: Project, archive_format: str) -> None:
    config = project.config(archive_format=archive_format)
    utils = ModelExportUtils
    utils.validate_inputs(config.model_name, config.export_path)
    target = utils.check_mar_already_exists(
        config.model_name, config.export_path, False, config.archive_format
    )
    manifest = utils.generate_manifest_json(config)
    copied = utils.copy_artifacts(**vars(config))
    utils.archive(target, config.model_name, copied, manifest, config.archive_format)
    utils.clean_temp_files([copied])

    steps = read_back(Path(target))
    generate_model_archive(project.config(archive_format=archive_format, force=True))
    call = read_back(Path(target))
    for files in (steps, call):
        files.pop("MAR-INF/MANIFEST.json")
    assert steps == call
    assert not Path(copied).exists()


def test_steps_refuse_what_cannot_be_packed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(project.temporary))
    with pytest.raises(ModelArchiverError, match="handler is None"):
        ModelExportUtils.copy_artifacts("m", "python")
    with pytest.raises(FileNotFoundError, match="gone"):
        ModelExportUtils.copy_artifacts("m", "python", handler=str(project.root / "gone"))
    with pytest.raises(ModelArchiverError, match="m to the model-archive: /gone is no directory"):
        ModelExportUtils.archive(str(project.out / "m.mar"), "m", "/gone", "{}")
    ModelExportUtils.clean_temp_files([str(project.root / "gone")])
    assert project.leftovers() == []


def test_manifest_shows_its_parts() -> None:
    model = Model("m", None, "h.py")
    manifest = Manifest("python", model)
    assert json.loads(str(model)) == model.model_dict == {"modelName": "m", "handler": "h.py"}
    assert manifest.manifest_dict == json.loads(str(manifest))
    assert manifest.manifest_dict["createdOn"] == manifest.creation_time
    assert manifest.archiver_version == __version__


def test_names_of_the_parts_of_an_archive() -> None:
    utils = model_packaging_utils
    assert f"{utils.MAR_INF}/{utils.MANIFEST_FILE_NAME}" == "MAR-INF/MANIFEST.json"
    assert (utils.MODEL_SERVER_VERSION, utils.MODEL_ARCHIVE_VERSION) == ("1.0", "1.0")
    assert {name: "m" + end for name, end in utils.archiving_options.items()} == FORMATS
    assert utils.model_handlers["image_classifier"] == "vision"
    assert version_path.read_text().strip() == __version__


def test_filters_say_what_belongs_into_an_archive() -> None:
    utils = ModelExportUtils
    assert utils.directory_filter("data", ["__pycache__"])
    assert not utils.directory_filter("__pycache__", ["__pycache__"])
    assert not utils.directory_filter(".git", [])
    assert utils.file_filter("model.py", ["notes.txt"])
    for name in ("notes.txt", "model.pyc", ".DS_Store", "old.mar"):
        assert not utils.file_filter(name, ["notes.txt"]), name
    assert utils.find_unique(["a.pt", "b.py"], ".py") == "b.py"
    assert utils.find_unique(["a.pt"], ".py") is None
    with pytest.raises(ModelArchiverError, match=r"2 files end in \.py, expected one: a\.py, b"):
        utils.find_unique(["a.py", "b.py"], ".py")


@pytest.mark.parametrize("archive_format", list(FORMATS))
def test_model_directory_is_packed_with_its_own_manifest(
    project: Project, archive_format: str, caplog: pytest.LogCaptureFixture
) -> None:
    utils = ModelExportUtils
    generate_model_archive(project.config(model_name="one", archive_format="no-archive"))
    folder = project.out / "one"
    utils.make_dir(project.out / "a" / "b")
    utils.make_dir(project.out / "a" / "b")
    target = project.out / "a" / "b" / FORMATS[archive_format]
    utils.archive_dir(str(folder), str(target), archive_format, "one")
    assert read_back(target) == read_back(folder)
    assert "is reserved" not in caplog.text
    (folder / "MAR-INF" / "MANIFEST.json").unlink()
    with pytest.raises(ModelArchiverError, match=r"one to the model-archive: .*MANIFEST\.json"):
        utils.archive_dir(str(folder), str(target), archive_format, "one")

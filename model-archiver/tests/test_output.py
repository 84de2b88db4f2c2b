"""Where the result goes, and what happens to what is there already."""

from __future__ import annotations

from pathlib import Path

import pytest
from archiver_project import FORMATS, Project, read_back
from model_archiver import ModelArchiver, ModelArchiverConfig, _packing
from model_archiver.manifest_components.manifest import Manifest, RuntimeType
from model_archiver.manifest_components.model import Model
from model_archiver.model_archiver_error import ModelArchiverError
from model_archiver.model_packaging import argument_parser, generate_model_archive
from model_archiver.model_packaging_utils import ModelExportUtils


@pytest.mark.parametrize(("archive_format", "name"), FORMATS.items())
def test_existing_result_is_replaced_by_force_only(
    project: Project, archive_format: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    ModelArchiver.generate_model_archive(project.config(archive_format=archive_format))
    before = read_back(project.out / name)
    with pytest.raises(ModelArchiverError, match="already exists") as refused:
        ModelArchiver.generate_model_archive(project.config(archive_format=archive_format))
    assert str(refused.value) == (
        f"{project.out / name} already exists.\n"
        "Please specify --force/-f option to overwrite the model archive output file.\n"
        "See -h/--help for more details."
    )
    assert read_back(project.out / name) == before
    config = project.config(archive_format=archive_format, force=True, extra_files=None)
    ModelArchiver.generate_model_archive(config)
    assert f"Overwriting {project.out / name} ..." in caplog.text
    # Nothing stale is left of the first result.
    assert set(before) - set(read_back(project.out / name)) == {
        "labels.json",
        "sub/deep.txt",
        ".keep",
    }
    assert project.leftovers() == []


@pytest.mark.parametrize(("archive_format", "name"), FORMATS.items())
def test_failure_while_writing_leaves_the_old_result(
    project: Project, archive_format: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ModelArchiver.generate_model_archive(project.config(archive_format=archive_format))
    before = read_back(project.out / name)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for function in ("_write_zip", "_write_tar", "_copy_tree"):
        monkeypatch.setattr(_packing, function, fail)
    with pytest.raises(ModelArchiverError, match="Failed to save the model-archive") as failed:
        ModelArchiver.generate_model_archive(
            project.config(archive_format=archive_format, force=True)
        )
    assert f'to model-path "{project.out}"' in str(failed.value)
    assert read_back(project.out / name) == before
    assert project.leftovers() == []


def test_failed_rename_brings_the_old_directory_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ModelArchiver.generate_model_archive(project.config(archive_format="no-archive"))
    before = read_back(project.out / "m")
    rename = Path.rename
    calls = []

    def fail_second(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_second)
    with pytest.raises(ModelArchiverError):
        ModelArchiver.generate_model_archive(
            project.config(archive_format="no-archive", force=True)
        )
    assert read_back(project.out / "m") == before
    assert project.leftovers() == []


def test_force_does_not_replace_a_directory_that_is_no_model(project: Project) -> None:
    precious = project.write("out/m/precious.txt", "mine")
    with pytest.raises(ModelArchiverError, match="it is not a model directory"):
        ModelArchiver.generate_model_archive(
            project.config(archive_format="no-archive", force=True)
        )
    assert precious.read_text() == "mine"
    assert project.leftovers() == []


@pytest.mark.parametrize("is_link", [False, True])
def test_force_does_not_replace_a_directory_with_a_file_to_pack(
    project: Project, is_link: bool
) -> None:
    ModelArchiver.generate_model_archive(project.config(archive_format="no-archive"))
    source = project.write("out/m/src/labels.json", "mine")
    named = source
    if is_link:
        named = project.root / "labels.json"
        named.symlink_to(source)
    before = read_back(project.out / "m")

    with pytest.raises(ModelArchiverError) as refused:
        ModelArchiver.generate_model_archive(
            project.config(archive_format="no-archive", force=True, extra_files=str(named))
        )

    assert str(refused.value) == (
        f"{project.out / 'm'} is not replaced: {named}, which is to be packed, is in it"
    )
    assert read_back(project.out / "m") == before
    assert project.leftovers() == []


def test_directory_of_sources_that_is_the_result_too_stays_as_it_is(project: Project) -> None:
    project.write("out/m/MAR-INF/MANIFEST.json", "{}")
    handler = project.write("out/m/handler.py", "def handle(data, context): return data\n")
    before = read_back(project.out / "m")
    words = "--model-name m --version 1.0 --handler handler.py --extra-files . --force"

    done = project.run(
        *words.split(), "--export-path", "..", "--archive-format", "no-archive", cwd=handler.parent
    )

    assert done.returncode == 1
    assert "handler.py, which is to be packed, is in it" in done.stderr
    assert read_back(project.out / "m") == before


def test_source_beside_the_result_that_is_named_by_a_way_through_it_is_packed(
    project: Project,
) -> None:
    ModelArchiver.generate_model_archive(project.config(archive_format="no-archive"))
    handler = str(project.out / "m" / ".." / ".." / "handler.py")
    config = project.config(
        archive_format="no-archive", force=True, handler=handler, extra_files=None
    )
    ModelArchiver.generate_model_archive(config)
    assert "labels.json" not in read_back(project.out / "m")


def test_missing_export_path_is_made_with_a_warning(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    export_path = project.root / "new/store"
    ModelArchiver.generate_model_archive(project.config(export_path=str(export_path)))
    assert (export_path / "m.mar").is_file()
    assert f"Given export-path {export_path} does not exist" in caplog.text


def test_export_path_that_is_a_file_is_refused(project: Project) -> None:
    path = project.write("file")
    with pytest.raises(ModelArchiverError) as refused:
        ModelArchiver.generate_model_archive(project.config(export_path=str(path)))
    assert str(refused.value) == (
        f"Given export-path {path} is not a directory. Point to a valid export-path directory."
    )


@pytest.mark.parametrize("name", ["", "a b", "../a", "-a", ".a", "a/b", "ü", "a\n"])
def test_bad_model_name_is_refused(project: Project, name: str) -> None:
    with pytest.raises(ModelArchiverError, match="Model name contains special characters") as e:
        ModelArchiver.generate_model_archive(project.config(model_name=name))
    assert str(e.value).endswith(r"for model name is: ^[A-Za-z0-9][A-Za-z0-9_\-.]*$")


def test_runtime_and_format_are_checked(project: Project) -> None:
    with pytest.raises(ModelArchiverError, match="runtime is 'java', expected one of python"):
        project.config(runtime="java")
    with pytest.raises(ModelArchiverError, match="archive_format is 'rar', expected one of"):
        project.config(archive_format="rar")


@pytest.mark.parametrize("text", ["yesterday", "-1", "1.5"])
def test_bad_source_date_epoch_is_refused(
    project: Project, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(ModelArchiverError, match="SOURCE_DATE_EPOCH is"):
        ModelArchiver.generate_model_archive(project.config())


def test_default_export_path_is_the_current_directory(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.out)
    config = ModelArchiverConfig("m", "base_handler", "1.0")
    assert config.export_path == str(project.out)
    generate_model_archive(config)
    assert (project.out / "m.mar").is_file()


def test_config_comes_from_parsed_arguments() -> None:
    words = "--model-name m -v 2 --handler h.py -r r.txt -c c.yaml -f --archive-format tgz"
    config = ModelArchiverConfig.from_args(argument_parser().parse_args(words.split()))
    assert config == ModelArchiverConfig(
        model_name="m",
        version="2",
        handler="h.py",
        requirements_file="r.txt",
        config_file="c.yaml",
        force=True,
        archive_format="tgz",
    )


def test_manifest_components_make_the_manifest() -> None:
    manifest = Manifest(RuntimeType.PYTHON3.value, Model("m", None, "h.py", extensions={"a": 1}))
    assert manifest.to_dict()["runtime"] == "python3"
    assert manifest.to_dict()["model"] == {
        "modelName": "m",
        "handler": "h.py",
        "extensions": {"a": 1},
    }
    assert str(manifest) == manifest.to_json()


def test_export_utils_give_the_result_path() -> None:
    assert ModelExportUtils.get_archive_export_path("/x", "m", "tgz") == "/x/m.tar.gz"
    assert ModelExportUtils.get_archive_export_path("/x", "m", "no-archive") == "/x/m"

"""What is in the result, for each format."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile

import pytest
from archiver_project import FORMATS, Project, manifest_of, read_back
from model_archiver import ModelArchiver, __version__

FILES = {
    "handler.py": "def handle(data, context):\n    return data\n",
    "model.py": "class Model: ...\n",
    "weights.pt": "weights" * 1000,
    "requirements.txt": "numpy\n",
    "model-config.yaml": "batchSize: 2\n",
    "labels.json": "{}",
    "sub/deep.txt": "deep",
    ".keep": "plain hidden files are packed",
}


@pytest.mark.parametrize(("archive_format", "name"), FORMATS.items())
def test_every_format_holds_every_file(project: Project, archive_format: str, name: str) -> None:
    ModelArchiver.generate_model_archive(project.config(archive_format=archive_format))
    files = read_back(project.out / name)
    manifest = json.loads(files.pop("MAR-INF/MANIFEST.json"))
    assert files == FILES
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", manifest.pop("createdOn"))
    assert manifest == {
        "runtime": "python",
        "model": {
            "modelName": "m",
            "serializedFile": "weights.pt",
            "handler": "handler.py",
            "modelFile": "model.py",
            "modelVersion": "1.0",
            "requirementsFile": "requirements.txt",
            "configFile": "model-config.yaml",
        },
        "archiverVersion": __version__,
    }
    assert project.leftovers() == []


def test_default_format_compresses_and_zip_store_does_not(project: Project) -> None:
    for archive_format, method in (
        ("default", zipfile.ZIP_DEFLATED),
        ("zip-store", zipfile.ZIP_STORED),
    ):
        ModelArchiver.generate_model_archive(
            project.config(archive_format=archive_format, force=True)
        )
        with zipfile.ZipFile(project.out / "m.mar") as archive:
            assert {entry.compress_type for entry in archive.infolist()} == {method}


def test_what_is_not_given_is_not_in_the_manifest(project: Project) -> None:
    config = project.config(
        version="",
        serialized_file=None,
        model_file=None,
        requirements_file=None,
        config_file=None,
        extra_files=None,
    )
    ModelArchiver.generate_model_archive(config)
    assert manifest_of(project.out / "m.mar")["model"] == {
        "modelName": "m",
        "handler": "handler.py",
    }


@pytest.mark.parametrize("archive_format", ["default", "zip-store", "tgz"])
def test_archives_are_reproducible_by_source_date_epoch(
    project: Project, archive_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = project.out / FORMATS[archive_format]
    data = []
    for stamp, zone in ((1_000_000_000, "UTC"), (1_700_000_000, "Asia/Tokyo")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
        monkeypatch.setenv("TZ", zone)
        for path in project.root.rglob("*.*"):
            os.utime(path, (stamp, stamp))
        ModelArchiver.generate_model_archive(
            project.config(archive_format=archive_format, force=True)
        )
        data.append(result.read_bytes())
    assert data[0] == data[1]
    assert manifest_of(result)["createdOn"] == "13/09/2020 12:26:40"


def test_files_older_than_zip_can_express_are_packed(project: Project) -> None:
    os.utime(project.root / "weights.pt", (0, 0))
    ModelArchiver.generate_model_archive(project.config())
    with zipfile.ZipFile(project.out / "m.mar") as archive:
        assert archive.getinfo("weights.pt").date_time[0] == 1980


def test_result_has_the_ordinary_mode_and_entries_keep_the_executable_bit(
    project: Project,
) -> None:
    tool = project.write("extra/tool.sh", "#!/bin/sh\n")
    tool.chmod(0o700)
    plain = project.write("plain")
    ModelArchiver.generate_model_archive(project.config())
    result = project.out / "m.mar"
    assert stat.S_IMODE(result.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    with zipfile.ZipFile(result) as archive:
        modes = {e.filename: stat.S_IMODE(e.external_attr >> 16) for e in archive.infolist()}
    assert modes["tool.sh"] == 0o755
    assert modes["weights.pt"] == 0o644

"""The command in a process of its own: words, streams and exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archiver_project import FORMATS, Project, read_back

BASIC = ("--model-name", "m", "--version", "1.0", "--handler", "handler.py")


@pytest.mark.parametrize(("archive_format", "name"), FORMATS.items())
def test_success_prints_nothing(project: Project, archive_format: str, name: str) -> None:
    done = project.run(*BASIC, "--export-path", "out", "--archive-format", archive_format)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "handler.py" in read_back(project.out / name)
    assert project.leftovers() == []


def test_result_goes_to_the_current_directory(project: Project) -> None:
    done = project.run(*BASIC[:-1], "../handler.py", cwd=project.out)
    assert done.returncode == 0, done.stderr
    assert os.listdir(project.out) == ["m.mar"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--serialized-file", "no.pt"), "ERROR - File does not exist: no.pt\n"),
        (("--extra-files", "no.txt"), "ERROR - File does not exist: no.txt\n"),
        (
            ("--export-path", "handler.py"),
            "ERROR - Given export-path handler.py is not a directory. "
            "Point to a valid export-path directory.\n",
        ),
    ],
)
def test_error_is_one_line_without_traceback(
    project: Project, arguments: tuple[str, ...], line: str
) -> None:
    done = project.run(*BASIC, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


def test_existing_result_is_an_error(project: Project) -> None:
    project.write("m.mar", "old")
    done = project.run(*BASIC)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR - {project.root / 'm.mar'} already exists.\nPlease")
    assert (project.root / "m.mar").read_text() == "old"
    done = project.run(*BASIC, "-f")
    assert done.returncode == 0
    assert done.stderr == f"WARNING - Overwriting {project.root / 'm.mar'} ...\n"


def test_unwritable_export_path_is_an_error(project: Project) -> None:
    project.out.chmod(0o500)
    if os.access(project.out, os.W_OK):
        pytest.skip("root may write everywhere")
    done = project.run(*BASIC, "--export-path", "out")
    assert done.returncode == 1
    assert done.stderr.startswith('ERROR - Failed to save the model-archive to model-path "')
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), BASIC[:4], (*BASIC, "--runtime", "java"), (*BASIC, "--archive-format", "rar")],
)
def test_wrong_command_line_is_status_2(project: Project, arguments: tuple[str, ...]) -> None:
    done = project.run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: torch-model-archiver")


def test_directory_of_the_models_name_in_the_temporary_directory_is_not_touched(
    project: Project,
) -> None:
    unrelated = project.temporary / "m"
    unrelated.mkdir()
    (unrelated / "mine").write_text("mine")
    assert project.run(*BASIC, "--export-path", "out").returncode == 0
    assert (unrelated / "mine").read_text() == "mine"
    assert [p.name for p in project.temporary.iterdir()] == ["m"]


def test_help_names_every_option(project: Project) -> None:
    text = project.run("--help").stdout
    for option in (
        "--model-name -v --version --handler --serialized-file --model-file --extra-files -r "
        "--requirements-file -c --config-file --runtime --archive-format --export-path -f --force"
    ).split():
        assert option in text


def test_readme_example_runs(project: Project) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    command = readme.split("torch-model-archiver --model-name", 1)[1].split("```")[0]
    words = ["--model-name", *command.replace("\\\n", " ").split()]
    project.write("digits.pt")
    done = project.run(*words)
    assert done.returncode == 0, done.stderr
    assert "digits.pt" in read_back(project.root / "model_store/digits.mar")

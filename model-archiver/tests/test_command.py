"""The command in a process of its own: words, streams and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from archiver_project import FORMATS, Project, read_back

BASIC = ("--model-name", "m", "--version", "1.0", "--handler", "handler.py")
WORKFLOW = ("--workflow-name", "w", "--spec-file", "spec.yaml")


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


@pytest.mark.parametrize(
    "version", ["v1:prod", "2026-11-29T10:00:00+01:00", "1.0~rc1", "_a", "9" * 255]
)
def test_versions_that_a_server_takes_are_packed(project: Project, version: str) -> None:
    done = project.run(*BASIC, "--version", version)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["all", "a b", "-a", "a/b", "ä", "9" * 256, "1\n"])
def test_version_that_a_server_refuses_is_not_packed(project: Project, version: str) -> None:
    done = project.run(*BASIC, f"--version={version}")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR - Version ")
    assert "is not allowed, expected 1 to 255 of A-Z a-z 0-9" in done.stderr
    assert project.leftovers() == []


def test_name_that_a_server_refuses_is_not_packed(project: Project) -> None:
    done = project.run(*BASIC, "--model-name", "m" * 129)
    assert done.returncode == 1
    assert "Model name has 129 characters, expected at most 128" in done.stderr


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
        "--requirements-file -c --config-file --runtime --archive-format --export-path -f --force "
        "--strict --check --list"
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
@pytest.mark.parametrize(
    "redirections", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1"]
)
@pytest.mark.parametrize(
    ("module", "words", "result"),
    [
        ("model_archiver.model_packaging", (*BASIC, "--list"), "m.mar"),
        ("workflow_archiver.workflow_packaging", WORKFLOW, "w.war"),
    ],
)
def test_exit_code_says_what_was_done_whatever_the_streams_are(
    project: Project, redirections: str, module: str, words: tuple[str, ...], result: str
) -> None:
    project.write("spec.yaml", "models:\n  m1: {url: m1.mar}\ndag:\n  m1: []\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = (sys.executable, "-m", module)
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *command, *arguments],
            cwd=project.root,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        return done

    packed = (*words, "--export-path", "out")
    assert run(*packed).returncode == 0
    with zipfile.ZipFile(project.out / result) as archive:
        assert archive.testzip() is None
    assert run(*packed).returncode == 1, "it is there already"
    assert run("--no-such-option").returncode == 2
    lost = ">/dev/full" in redirections
    assert run("--help").returncode == (1 if lost else 0)


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "", "LC_CTYPE": "", "LANG": "de_DE.ISO-8859-1"},
    ],
)
def test_names_outside_ascii_are_packed_in_any_locale(
    project: Project, variables: dict[str, str]
) -> None:
    (project.root / "größe 模型.txt").write_text("für", encoding="utf-8")
    done = project.run(
        *BASIC, "--extra-files", "größe 模型.txt", "--export-path", "für 模型", **variables
    )
    warning = "WARNING - Given export-path für 模型 does not exist, it is created\n"
    assert (done.returncode, done.stderr) == (0, warning)
    assert read_back(project.root / "für 模型" / "m.mar")["größe 模型.txt"] == "für"

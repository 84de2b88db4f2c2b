"""`torch-workflow-archiver` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SPEC = "models:\n  batch-size: 4\n  m1: {url: m1.mar}\ndag:\n  pre: [m1]\n  m1: [post]\n"


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "functions.py").write_text("def pre(data, context):\n    return data\n")
    (tmp_path / "words.txt").write_text("a")
    return tmp_path


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    source = Path(__file__).parents[1] / "src"
    return subprocess.run(
        [sys.executable, "-m", "workflow_archiver.workflow_packaging", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(source), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BASIC = ("--workflow-name", "pipe", "--spec-file", "spec.yaml", "--handler", "functions.py")


def test_archive_has_the_files_and_a_manifest_like_the_originals(workflow: Path) -> None:
    done = run(workflow, *BASIC, "--extra-files", "words.txt", SOURCE_DATE_EPOCH="0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with zipfile.ZipFile(workflow / "pipe.war") as archive:
        assert sorted(archive.namelist()) == [
            "WAR-INF/MANIFEST.json",
            "functions.py",
            "spec.yaml",
            "words.txt",
        ]
        manifest = json.loads(archive.read("WAR-INF/MANIFEST.json"))
    assert manifest.pop("archiverVersion")
    assert manifest == {
        "createdOn": "01/01/1970 00:00:00",
        "workflow": {
            "workflowName": "pipe",
            "specFile": "spec.yaml",
            "handler": "functions.py",
        },
    }


def test_archive_that_is_there_is_replaced_by_force_only(workflow: Path) -> None:
    assert run(workflow, *BASIC).returncode == 0
    refused = run(workflow, *BASIC)
    assert refused.returncode == 1
    assert "already exists" in refused.stderr
    assert run(workflow, *BASIC, "--force").returncode == 0


def test_workflow_of_models_needs_no_handler(workflow: Path) -> None:
    (workflow / "spec.yaml").write_text("models: {a: {url: a.mar}}\ndag: {a: []}\n")
    done = run(workflow, *BASIC[:4])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("spec", "words", "text"),
    [
        (SPEC, BASIC[:4], "post, pre in dag is not in models"),
        (SPEC, ("--workflow-name", "a b", *BASIC[2:]), "Workflow name contains special"),
        (SPEC, (*BASIC, "--export-path", "nowhere"), "is not a directory"),
        (SPEC, (*BASIC, "--extra-files", "no.txt"), "File does not exist: no.txt"),
        (SPEC, ("--workflow-name", "p", "--spec-file", "no.yaml"), "File does not exist"),
        (SPEC, (*BASIC, "--extra-files", "."), ". is a directory, expected a file"),
        ("a: [", BASIC, "is not valid YAML"),
        ("models: {a: {url: a, min-workers: 0}}\ndag: {a: []}", BASIC, "models.a.min-workers is 0"),
        (
            "models: {a: {url: a, timeout-ms: 1.5}}\ndag: {a: []}",
            BASIC,
            "models.a.timeout-ms is 1.5",
        ),
        ("models: {retry-attempts: 101}\ndag: {a: []}", BASIC, "models.retry-attempts is 101"),
        ("models: {batch-size: '4'}\ndag: {a: []}", BASIC, "models.batch-size is '4'"),
        (
            "models: {min-workers: 3, a: {url: a, max-workers: 2}}\ndag: {a: []}",
            BASIC,
            "models.a.max-workers is 2, expected at least min-workers, which is 3",
        ),
        ("models:\ndag: {a b: []}", BASIC, "the node 'a b' cannot be the model pipe__a b"),
        ("models:\ndag: {s: [a], a: [a]}", BASIC, "the node a comes after itself"),
        ("models:\ndag: {s: [a, a]}", BASIC, "the node s names a node twice"),
        ("models:\ndag: {s: [{a: 1}]}", BASIC, "dag.s has {'a': 1} in its list"),
        (f"models:\ndag: {{s: [{', '.join(map(str, range(64)))}]}}", BASIC, "dag has 65 nodes"),
        (
            "models:\ndag:\n" + "".join(f"  n{i}: [n{i + 1}]\n" for i in range(32)),
            BASIC,
            "more than 32 nodes come one after another, up to n32",
        ),
        ("models:\ndag: {a: [b], a: [c]}", BASIC, "the key a stands twice"),
        ("- a", BASIC, "is not a map"),
        ("models: {}", BASIC, "dag is None, expected a map"),
        ("models: {m: {}}\ndag: {m: []}", BASIC, "models.m has no url"),
        ("models: {batch: 3}\ndag: {m: []}", BASIC, "models.batch is 3"),
        ("models:\ndag: {a: [b], b: [a]}", BASIC, "only one start node, found none"),
        ("models:\ndag: {a: [b], c: [b]}", BASIC, "only one start node, found a, c"),
        ("models:\ndag: {s: [a], a: [b], b: [a]}", BASIC, "it has a cycle"),
        ("models:\ndag: {a: b}", BASIC, "dag.a is 'b', expected a list"),
    ],
)
def test_error_is_named_and_leaves_nothing(
    workflow: Path, spec: str, words: tuple[str, ...], text: str
) -> None:
    (workflow / "spec.yaml").write_text(spec)
    done = run(workflow, *words)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR - ")
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not [p for p in workflow.iterdir() if ".war" in p.name]

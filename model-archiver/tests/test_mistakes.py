"""Mistakes are told where they are made: by name, by type, and by loading what is packed."""

from __future__ import annotations

import importlib.util
import os
import pickle
import pty
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from archiver_project import Project
from model_archiver._config_types import CHECKED_KEYS
from model_archiver.model_archiver import ModelArchiver
from model_archiver.model_archiver_error import ModelArchiverError

BASIC = ("--model-name", "m", "--version", "1.0", "--export-path", "out")
SOURCES = Path(__file__).parents[2] / "ts-python" / "src"


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("--handler", "image_clasifier", "image_clasifier.py. Did you mean image_classifier?"),
        ("--handler", "handlr.py", "handlr.py. Did you mean handler.py?"),
        ("--model-file", "modle.py", "modle.py. Did you mean model.py?"),
        ("--serialized-file", "weigths.pt", "weigths.pt. Did you mean weights.pt?"),
        ("--extra-files", "extra/lables.json", "extra/lables.json. Did you mean labels.json?"),
    ],
)
def test_missing_file_names_the_nearest(
    project: Project, option: str, given: str, said: str
) -> None:
    handler = () if option == "--handler" else ("--handler", "handler.py")
    done = project.run(*BASIC, *handler, option, given)

    assert (done.returncode, done.stderr) == (1, f"ERROR - File does not exist: {said}\n")


def test_directory_in_place_of_a_file_is_called_one(project: Project) -> None:
    done = project.run(*BASIC, "--handler", "handler.py", "--serialized-file", "extra")

    assert (done.returncode, done.stderr) == (1, "ERROR - extra is a directory, expected a file\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "batchSize: '8'",
            "batchSize is '8', expected a whole number from 1 to 2147483647, not quoted",
        ),
        ("batchSize: true", "batchSize is true, expected a whole number"),
        ("minWorkers: 1.5", "minWorkers is 1.5, expected a whole number"),
        ("maxBatchDelay: soon", "maxBatchDelay is 'soon', expected a whole number .*, or adaptive"),
        ("useVenv: 'yes'", "useVenv is 'yes', expected true or false, not quoted"),
        ("deviceType: 3", "deviceType is 3, expected one of cpu, gpu"),
        ("deviceIds: 0", "deviceIds is 0, expected a list of whole numbers"),
        ("deviceIds: [0, a]", "deviceIds is 'a', expected in its list a whole number"),
        ("workerStart: thread", "workerStart is 'thread', expected one of fork, spawn"),
        ("templateImports: [a b]", "templateImports is 'a b', expected in its list names"),
        ("maxFailuresInRow: -1", "maxFailuresInRow is -1, expected a whole number from 0"),
        ("torchrun: {nproc-per-node: x}", "torchrun is 'x', expected as nproc-per-node"),
        ("torchrun: {monitor-interval: 0}", "torchrun is 0, expected as monitor-interval"),
        ("parallelLevel: 257", "parallelLevel is 257, expected a whole number from 0 to 256"),
        ("cpuLauncher: 1", "cpuLauncher is 1, expected true or false"),
        ("parallelType: tp\ntorchrun: {nnodes: 2}", "torchrun.nnodes is 2, expected 1"),
        (
            "parallelType: pp\nparallelLevel: 2\nconcurrency: 4",
            "concurrency is set beside parallelType: pp",
        ),
        (
            "minWorkers: 4\nmaxWorkers: 2",
            "maxWorkers is 2, expected at least minWorkers, which is 4",
        ),
        ("sequenceBatching: true", "without sequenceMaxIdleMSec"),
        (
            "sequenceBatching: true\nsequenceMaxIdleMSec: 9\nwarmup: [{body: x}]",
            "warmup is set beside sequenceBatching",
        ),
        ("warmup: {file: a}", "warmup is a map, expected a list of names of files, or of maps"),
        ("warmup: [../a]", r"warmup is '../a', expected as warmup\[0\] the name of a file in"),
        ("warmup: [{file: a, body: b}]", r"warmup is a map, expected as warmup\[0\] a map with"),
        ("warmup: [{body: x, repeat: 0}]", r"as warmup\[0\].repeat a whole number from 1 to 100"),
        ("warmup: [{body: x, batchSizes: 8}]", r"as warmup\[0\].batchSizes a list of 1 to 16"),
        ("warmup: [{body: x, size: 8}]", r"as warmup\[0\].size only the keys file, body,"),
        ("warmup: [{body: {day: 2026-01-01}}]", "not JSON serializable: put it between quotes"),
        ("warmup: [{body: x, route: a b}]", "such as /v1/chat/completions"),
        ("warmup: [labels.jsn]", "which is not packed: add it by --extra-files"),
        ("preloadModel: true\nworkerStart: spawn", "beside workerStart: spawn"),
        ("responseTimeout: 99999999999", "responseTimeout is 99999999999, expected"),
        ("batchSize: 1\nbatchSize: 2", "line 2 column 1: the key batchSize stands twice"),
    ],
)
def test_value_that_a_server_refuses_is_refused(project: Project, text: str, said: str) -> None:
    path = project.write("config.yaml", text)

    with pytest.raises(ModelArchiverError, match=said):
        ModelArchiver.generate_model_archive(project.config(config_file=str(path)))
    assert not list(project.out.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batchSize: 0", "batchSize is 0, expected 1 or more; the server takes 1"),
        ("responseTimeout: 0", "responseTimeout is 0, expected 1 or more; the server ignores it"),
        ("deviceType: tpu", "deviceType is 'tpu', expected one of cpu, gpu; the server ignores it"),
        ("deviceIds: [-1]", "expected 0 or more; the server ignores the whole list"),
        ("warmup: true", "warmup is true, expected a list of names of files"),
    ],
)
def test_value_that_a_server_corrects_is_a_warning(
    project: Project, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    path = project.write("config.yaml", text)

    ModelArchiver.generate_model_archive(project.config(config_file=str(path)))

    assert said in caplog.text


def test_right_values_are_said_nothing_about(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    text = (
        "minWorkers: 1\nmaxWorkers: 2\nmaxBatchDelay: Adaptive\ndeviceType: CPU\ndeviceIds: [0]\n"
        "useVenv: false\nworkerStart: spawn\ntemplateImports: off\nparallelType: pp\n"
        "torchrun: {nproc-per-node: 2}\nhandler: {mine: 1}\nbatchSize:\njobQueueSize: 0\n"
        "warmup:\n- handler.py\n"
        "- {body: [1, a], contentType: text/plain, repeat: 3, batchSizes: [2]}\n"
    )
    path = project.write("config.yaml", text)

    ModelArchiver.generate_model_archive(project.config(config_file=str(path)))

    assert caplog.text == ""


def test_every_key_of_the_server_is_checked() -> None:
    document = Path(__file__).parents[2] / "docs" / "model-config.md"
    told = set(re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|$", document.read_text(), re.MULTILINE))

    assert told == CHECKED_KEYS


def test_strict_makes_an_error_of_each_warning(project: Project) -> None:
    project.write("broken.py", "def f(:\n")
    project.write("typo.yaml", "batch_size: 4\n")
    words = (*BASIC, "--handler", "broken.py", "--config-file", "typo.yaml")

    strict = project.run(*words, "--strict")

    assert strict.returncode == 1
    assert "is not valid Python" in strict.stderr
    assert "did you mean 'batchSize'?" in strict.stderr
    assert "WARNING" not in strict.stderr
    assert not list(project.out.iterdir())
    assert project.run(*words).returncode == 0
    fine = project.run(*BASIC, "--handler", "handler.py", "--strict", "--force")
    assert (fine.returncode, fine.stdout) == (0, "")


def test_state_dict_for_a_built_in_handler_needs_the_model_file(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    weights = project.root / "state.pt"
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("state/data.pkl", pickle.dumps({}))

    config = project.config(
        serialized_file=str(weights), model_file=None, handler="image_classifier"
    )
    ModelArchiver.generate_model_archive(config)

    assert "is no TorchScript" in caplog.text
    assert "--model-file" in caplog.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("state.safetensors", "holds tensors alone: a built-in handler loads it with the Python"),
        ("state.bin", "is of a kind that no built-in handler loads, expected one of .pt, .pth,"),
    ],
)
def test_weights_that_a_built_in_handler_cannot_load_are_told(
    project: Project, caplog: pytest.LogCaptureFixture, name: str, said: str
) -> None:
    config = project.config(
        serialized_file=str(project.write(name, "x")), model_file=None, handler="image_classifier"
    )
    ModelArchiver.generate_model_archive(config)

    assert said in caplog.text


def test_list_tells_what_was_packed_with_sizes(project: Project) -> None:
    words = ("--handler", "handler.py", "--extra-files", "extra", "--serialized-file", "weights.pt")
    lines = project.run(*BASIC, *words, "--list").stdout.splitlines()

    assert re.fullmatch(r"out/m\.mar: 5 files, 6\.9 KiB, packed \d+(\.\d KiB| B)", lines[0])
    assert [line.split()[0] for line in lines[1:]] == [
        ".keep",
        "handler.py",
        "labels.json",
        "sub/deep.txt",
        "weights.pt",
    ]
    assert lines[-1].endswith("6.8 KiB")


def test_list_is_told_on_terminals(project: Project) -> None:
    ours, theirs = pty.openpty()
    source = Path(__file__).parents[1] / "src"
    words = ["-m", "model_archiver.model_packaging", *BASIC, "--handler", "handler.py"]
    environ = {**os.environ, "PYTHONPATH": str(source)}
    subprocess.run(
        [sys.executable, *words], cwd=project.root, env=environ, stdout=theirs, check=True
    )
    os.close(theirs)
    assert b"handler.py  " in os.read(ours, 65536)
    os.close(ours)


def test_check_loads_the_model_before_it_is_packed(project: Project) -> None:
    archiver = Path(__file__).parents[1] / "src"
    both = os.pathsep.join([str(archiver), str(SOURCES)])
    project.write("whole.py", "import labels_of_mine\ndef handle(data, context): return data\n")
    project.write("more/labels_of_mine.py", "")
    words = (*BASIC, "--handler", "whole.py", "--check")

    broken = project.run(*words, PYTHONPATH=both)
    fixed = project.run(*words, "--extra-files", "more", PYTHONPATH=both)

    assert broken.returncode == 1
    assert 'File "whole.py", line 1' in broken.stderr
    assert "No module named 'labels_of_mine'" in broken.stderr
    assert (fixed.returncode, fixed.stderr) == (0, "")
    assert [path.name for path in project.out.iterdir()] == ["m.mar"]
    assert project.leftovers() == []


def test_check_without_the_server_package_says_what_to_install(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(ModelArchiverError, match="pip install torchserve-next"):
        ModelArchiver.generate_model_archive(project.config(check=True))
    assert not list(project.out.iterdir())

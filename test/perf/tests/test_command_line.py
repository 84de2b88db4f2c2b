"""What is measured when what is asked for; and the archives the servers get."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
from perf import plain_loop
from perf.__main__ import chosen_systems, chosen_workloads, parse
from perf.archive import CLASSES, picture, write_archive, write_classifier
from perf.deployment import Deployment, Paths
from perf.systems import OURS, all_systems
from perf.workloads import all_workloads


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, tmp_path / "cache", tmp_path / "work", tmp_path)


def test_everything_is_measured_by_default() -> None:
    arguments = parse([])
    assert (arguments.seconds, arguments.rounds) == (2, 3)
    names = [workload.name for workload in chosen_workloads(arguments)]
    assert names == [workload.name for workload in all_workloads()]
    assert len(set(names)) == len(names)


def test_a_quick_run_is_short() -> None:
    arguments = parse(["--quick"])
    assert (arguments.seconds, arguments.rounds) == (1, 1)
    workloads = chosen_workloads(arguments)
    assert 3 <= len(workloads) <= 6
    for workload in workloads:
        assert workload.quick is not None
        assert workload.cases()[workload.quick]


def test_workloads_and_systems_are_chosen_by_name(paths: Paths) -> None:
    assert [each.name for each in chosen_workloads(parse(["noop", "bodies"]))] == ["noop", "bodies"]
    assert chosen_workloads(parse(["lifecycle"])) == []
    chosen = chosen_systems("mosec", all_systems(paths))
    assert [each.name for each in chosen] == [OURS, "Mosec"]
    with pytest.raises(SystemExit, match="--systems cats"):
        chosen_systems("cats", all_systems(paths))


@pytest.mark.parametrize("words", [["cats"], ["--seconds", "0"], ["--rounds", "1000"]])
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)


def test_a_deployment_has_at_least_one_of_each() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Deployment("noop", workers=0)


def test_an_archive_holds_the_work_and_the_settings(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "digits").mkdir(parents=True)
    (work / "digits" / "work.py").write_text("# work")
    path = tmp_path / "m3.mar"
    write_archive(path, "m3", Deployment("digits", 8, 7, workers=2), work)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("model-config.yaml"))
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))
        assert archive.read("work.py") == b"# work"
        assert manifest["model"]["handler"] in archive.namelist()
    assert manifest["model"]["modelName"] == "m3"
    assert (config["batchSize"], config["maxBatchDelay"], config["minWorkers"]) == (8, 7, 2)
    assert config["work"] == {"name": "digits"}


def test_an_archive_of_a_default_handler_has_no_code_but_its_network(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "imageclassifier"
    folder.mkdir(parents=True)
    for name in ("model.py", "squeezenet.pt", "index_to_name.json", "work.py"):
        (folder / name).write_text("")
    path = tmp_path / "m0.mar"
    write_archive(path, "m0", Deployment("imageclassifier"), tmp_path / "work")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        model = json.loads(archive.read("MAR-INF/MANIFEST.json"))["model"]
    assert model["handler"] == "image_classifier"
    assert {model["modelFile"], model["serializedFile"], "index_to_name.json"} < names
    assert {name for name in names if name.endswith(".py")} == {"model.py"}


def test_the_default_handler_names_classes_without_a_server(tmp_path: Path) -> None:
    write_classifier(tmp_path)
    loop = plain_loop.measure(Path(sys.executable), tmp_path, "imageclassifier", 1, 0.1, picture())
    probabilities = json.loads(loop.answer)
    assert probabilities.keys() < {f"class {index}" for index in range(CLASSES)}
    assert len(probabilities) == 5
    assert all(0 < value < 1 for value in probabilities.values())

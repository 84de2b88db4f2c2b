"""The examples of deploy/kserve, read by the models of KServe's own SDK."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml
from client_environment import client_python
from kserve_container import ARGUMENTS, REQUIREMENTS
from torchserve_process import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "kserve"
CHECK = REPOSITORY / "test" / "kserve" / "check_manifests.py"


def faults(*files: Path) -> dict[str, list[str]]:
    done = subprocess.run(
        [client_python(REQUIREMENTS), CHECK, *files],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_example_has_only_what_the_models_of_kserve_know() -> None:
    files = sorted(FOLDER.glob("*.yaml"))
    assert [file.name for file in files] == [
        "clusterservingruntime.yaml",
        "inferenceservice-grpc.yaml",
        "inferenceservice-v1.yaml",
        "inferenceservice-v2.yaml",
    ]
    assert faults(*files) == {file.name: [] for file in files}


def test_check_finds_names_types_and_what_is_missing(tmp_path: Path) -> None:
    for name, example, right, wrong in (
        ("unknown", "inferenceservice-v1", "storageUri:", "storageUrl:"),
        ("type", "inferenceservice-grpc", "containerPort: 8081", "containerPort: h2c"),
        ("missing", "clusterservingruntime", "- name: kserve-container", "- tty: true"),
        ("kind", "inferenceservice-v2", "kind: InferenceService", "kind: Service"),
    ):
        text = (FOLDER / f"{example}.yaml").read_text()
        assert right in text
        (tmp_path / f"{name}.yaml").write_text(text.replace(right, wrong))
    found = faults(*tmp_path.glob("*.yaml"))
    assert found["unknown.yaml"] == [".spec.predictor.model.storageUrl is not known"]
    assert "is 'h2c', expected int" in found["type.yaml"][0]
    assert "name" in found["missing.yaml"][0]
    assert found["kind.yaml"] == ["not a kind of KServe"]


def test_runtime_differs_from_the_original_in_the_image_alone() -> None:
    runtime: dict[str, Any] = yaml.safe_load((FOLDER / "clusterservingruntime.yaml").read_text())
    spec = runtime["spec"]
    (container,) = spec["containers"]
    assert runtime["metadata"]["name"] == "kserve-torchserve"
    assert container["args"] == ["torchserve", *ARGUMENTS]
    assert [variable["name"] for variable in container["env"]] == ["TS_SERVICE_ENVELOPE"]
    assert "command" not in container
    assert spec["protocolVersions"] == ["v1", "v2", "grpc-v2"]
    assert container["securityContext"]["runAsUser"] == 1000
    version = (REPOSITORY / "VERSION").read_text().strip()
    assert container["image"].endswith(f"/torchserve-next:{version}")

"""The files of deploy/docker: what the image is made of, and how Compose runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = REPOSITORY / "deploy" / "docker"
VERSION = (REPOSITORY / "VERSION").read_text().strip()
DOCKERFILE = (IMAGE / "Dockerfile").read_text()


def pins(file: Path) -> set[str]:
    lines = file.read_text().splitlines()
    return {line.partition(";")[0].strip() for line in lines if "==" in line}


def instructions(word: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return [
        line.removeprefix(word).strip() for line in joined.splitlines() if line.startswith(word)
    ]


def test_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", IMAGE / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_image_has_the_versions_with_which_the_tests_run() -> None:
    missing = pins(IMAGE / "requirements.txt") - pins(REPOSITORY / "requirements-dev.txt")
    assert not missing


def test_every_base_image_has_a_version_and_one_build_argument_is_for_gpus() -> None:
    stages: set[str] = set()
    for line in instructions("FROM "):
        base, _, name = line.partition(" AS ")
        if base not in stages and not base.startswith("server-"):
            assert re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-\S+", base), base
        stages.add(name)
    assert {"server-true", "server-false"} <= stages
    assert set(instructions("ARG ")) == {"GPU=false", "GPU"}


def test_image_has_the_folders_user_ports_and_words_of_torchserve_012() -> None:
    assert instructions("USER ") == ["1000"]
    assert "useradd --uid 1000 --create-home --shell /bin/bash model-server" in DOCKERFILE
    assert instructions("WORKDIR ")[-1] == "/home/model-server"
    assert instructions("EXPOSE ") == ["8080 8081 8082 7070 7071"]
    assert instructions("ENTRYPOINT ") == ['["/usr/local/bin/dockerd-entrypoint.sh"]']
    assert instructions("CMD ") == ['["serve"]']
    for folder in ("model-store", "wf-store", "tmp"):
        assert f" {folder}" in DOCKERFILE


def test_everything_that_is_copied_exists_and_is_not_left_out() -> None:
    ignored = (IMAGE / "Dockerfile.dockerignore").read_text().splitlines()
    let_in = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for line in instructions("COPY "):
        words = [word for word in line.split() if not word.startswith("--")]
        if "--from=" in line:
            continue
        for source in words[:-1]:
            assert (REPOSITORY / source).exists(), source
            assert any(source == name or source.startswith(f"{name}/") for name in let_in), source


def test_links_of_what_is_copied_lead_to_what_is_copied_in_the_same_stage() -> None:
    links = 0
    for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.M):
        copied = [
            REPOSITORY / word
            for line in stage.splitlines()
            if line.startswith("COPY ") and "--from=" not in line
            for word in line.split()[1:-1]
            if not word.startswith("--")
        ]
        for folder in copied:
            for path in folder.rglob("*") if folder.is_dir() else ():
                if not path.is_symlink() or {"target", "build"} & set(path.parts):
                    continue
                links += 1
                target = path.resolve()
                assert any(target == place or place in target.parents for place in copied), path
    assert links >= 4


def test_entry_point_does_not_keep_a_container_alive_by_anything_but_its_server() -> None:
    code = (IMAGE / "dockerd-entrypoint.sh").read_text().splitlines()
    assert not [line for line in code if "tail " in line or "sleep" in line]
    for name in ("dockerd-entrypoint.sh", "torchserve-health"):
        assert (IMAGE / name).stat().st_mode & 0o111, name


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    compose = yaml.safe_load((IMAGE / "compose.yaml").read_text())
    assert set(compose) == {"name", "services", "secrets"}
    assert set(compose["services"]["torchserve"]["secrets"]) == set(compose["secrets"])
    found: dict[str, Any] = compose["services"]["torchserve"]
    return found


def test_compose_publishes_to_this_machine_alone_and_runs_with_little(
    service: dict[str, Any],
) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "disable" not in str(service).lower()
    variables = service["environment"]
    for kind in ("inference", "management"):
        assert variables[f"TS_{kind.upper()}_TOKEN_FILE"] == f"/run/secrets/{kind}_token"


def test_compose_gives_the_server_time_to_drain(service: dict[str, Any]) -> None:
    delay = int(service["environment"]["TS_SHUTDOWN_DELAY_SEC"])
    assert int(service["stop_grace_period"].removesuffix("s")) > delay + 30


def test_images_of_compose_are_of_this_version(service: dict[str, Any]) -> None:
    assert service["image"] == f"torchserve-next:{VERSION}"
    gpu = yaml.safe_load((IMAGE / "compose.gpu.yaml").read_text())["services"]["torchserve"]
    assert gpu["image"] == f"torchserve-next:{VERSION}-gpu"
    assert gpu["build"]["args"] == {"GPU": "true"}
    for source in (service["build"]["context"], service["build"]["dockerfile"]):
        assert source in ("../..", "deploy/docker/Dockerfile")

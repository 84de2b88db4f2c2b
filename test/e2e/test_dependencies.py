"""Python dependencies of a model: installed once, in parallel with serving, from wheels at hand."""

from __future__ import annotations

import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from torchserve_process import TorchServe, wait_for

HANDLER = """\
import tsnexttiny
from importlib.metadata import version

def run(data, context):
    return [f"{version('tsnexttiny')} {tsnexttiny.VALUE}"] * len(data or [])
"""
SLOW_SETUP = """\
import time
print("a slow set-up begins", flush=True)
time.sleep(600)
"""


def wheel(value: int, version: str) -> bytes:
    """A package of one module, as a wheel."""
    info = f"tsnexttiny-{version}.dist-info/"
    files = {
        "tsnexttiny.py": f"VALUE = {value}\n",
        info + "METADATA": f"Metadata-Version: 2.1\nName: tsnexttiny\nVersion: {version}\n",
        info + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "RECORD": f"tsnexttiny.py,,\n{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def add(
    server: TorchServe,
    name: str,
    requirements: str,
    *,
    value: int = 7,
    config: str = "",
    version: str = "1.0",
) -> Path:
    """Puts a model into the store that needs what `requirements` say."""
    folder = server.store.path / name
    (folder / "MAR-INF").mkdir(parents=True)
    (folder / "handler.py").write_text(HANDLER)
    (folder / "requirements.txt").write_text(requirements)
    (folder / "model-config.yaml").write_text(config)
    package = folder / f"tsnexttiny-{version}-py3-none-any.whl"
    package.write_bytes(wheel(value, version))
    model = {
        "modelName": name,
        "modelVersion": version,
        "handler": "handler.py:run",
        "requirementsFile": "requirements.txt",
        "configFile": "model-config.yaml",
    }
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps({"model": model}))
    return folder


LOCAL = "--no-index\n./tsnexttiny-1.0-py3-none-any.whl\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server that installs, with a model at its start that cannot be installed."""
    folder = tmp_path_factory.mktemp("dependencies")
    running = TorchServe(
        folder,
        config={
            "install_py_dep_per_model": "true",
            "dependency_cache": str(folder / "cache"),
            "dependency_install_timeout": "300",
        },
        environment={"PIP_NO_INDEX": "1"},
    )
    add(running, "broken", "--no-index\nno-such-package-anywhere\n")
    add(running, "first", LOCAL)
    running.start("first", "broken")
    running.wait_ready("first")
    yield running
    running.stop()
    running.assert_nothing_left()


def register(server: TorchServe, url: str, **parameters: Any) -> requests.Response:
    """POST /models."""
    return requests.post(
        f"{server.management}/models", params={"url": url, **parameters}, timeout=300
    )


def environments(server: TorchServe) -> list[str]:
    """The complete environments in the cache."""
    return sorted(p.parent.name for p in (server.folder / "cache").glob("*/complete"))


def test_a_model_gets_the_packages_it_asks_for(server: TorchServe) -> None:
    """In a folder of their own, which the handler imports from."""
    assert server.predict("first", data=b"x").text == "1.0 7"
    assert len(environments(server)) == 1


def test_the_same_requirements_are_installed_once(server: TorchServe) -> None:
    """Another model with the same files shares the environment."""
    shutil.copytree(server.store.path / "first", server.store.path / "copy")
    answer = register(server, "copy", model_name="copy", initial_workers=1)
    assert answer.status_code == 200, answer.text
    assert server.predict("copy", data=b"x").text == "1.0 7"
    assert len(environments(server)) == 1


def test_a_virtual_environment_of_its_own(server: TorchServe) -> None:
    """With useVenv the worker runs on the environment's interpreter."""
    add(server, "venv", LOCAL, value=8, config="useVenv: true\n")
    answer = register(server, "venv", initial_workers=1)
    assert answer.status_code == 200, answer.text
    assert server.predict("venv", data=b"x").text == "1.0 8"
    assert len(environments(server)) == 2


def test_versions_of_one_model_have_different_versions_of_a_package_at_once(
    server: TorchServe,
) -> None:
    for version, value in (("1.0", 11), ("2.0", 22)):
        requirements = f"--no-index\n--find-links .\ntsnexttiny=={version}\n"
        add(server, f"pair-{version}", requirements, value=value, version=version)
        answer = register(server, f"pair-{version}", model_name="pair", initial_workers=2)
        assert answer.status_code == 200, answer.text
    for _ in range(4):
        for version, expected in (("1.0", "1.0 11"), ("2.0", "2.0 22")):
            assert server.predict(f"pair/{version}", data=b"x").text == expected


def test_a_failed_install_is_a_failed_load_with_its_reason(server: TorchServe) -> None:
    """400 with pip's words; nothing of the model or of a half-made environment stays."""
    before = environments(server)
    add(server, "fails", "--no-index\nno-such-package-anywhere\n")
    answer = register(server, "fails", initial_workers=1)
    assert answer.status_code == 400
    body = answer.json()
    assert body["message"] == "Custom pip package installation failed for model fails"
    assert "no-such-package-anywhere" in body["detail"]
    assert not server.registered("fails")
    assert environments(server) == before


def test_the_failure_of_a_start_can_be_asked_for(server: TorchServe) -> None:
    """No client waited for the answer: the description keeps it."""
    wait_for(lambda: server.registered("broken"), "a description of the failed model")
    described = wait_for(
        lambda: (
            server.describe("broken") if server.describe("broken")["state"] == "FAILED" else None
        ),
        "the failure",
    )
    assert "no-such-package-anywhere" in described["lastLoadError"]["detail"]
    answer = requests.delete(f"{server.management}/models/broken", timeout=30)
    assert answer.status_code == 200
    assert not server.registered("broken")


def test_an_install_is_seen_does_not_hold_up_others_and_can_be_cancelled(
    server: TorchServe,
) -> None:
    """Describe shows it, another model serves meanwhile, unregistering ends pip."""
    folder = add(server, "slow", "--no-index\n--no-build-isolation\n./package\n")
    (folder / "package").mkdir()
    (folder / "package" / "setup.py").write_text(SLOW_SETUP)
    answers: list[requests.Response] = []
    client = threading.Thread(target=lambda: answers.append(register(server, "slow")), daemon=True)
    client.start()
    wait_for(lambda: server.registered("slow"), "the model that is being installed")
    wait_for(lambda: "package" in server.describe("slow")["reason"], "a line of pip")
    assert server.describe("slow")["state"] == "INSTALLING"
    assert server.predict("first", data=b"x").text == "1.0 7"
    assert requests.delete(f"{server.management}/models/slow", timeout=60).status_code == 200
    client.join(60)
    assert answers[0].status_code == 409
    assert not server.registered("slow")
    wait_for(
        lambda: not [words for words in server.processes().values() if "pip" in words],
        "no pip left",
    )

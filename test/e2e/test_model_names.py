"""Names and versions come from one character set, wherever they are given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from grpc_api import Api, refused
from torchserve_process import REPOSITORY, TorchServe

COMMANDS = REPOSITORY / "test" / "models" / "commands"
BAD = [
    "a b",
    "a/b",
    "..",
    "-a",
    "_a",
    "a%b",
    "ä",
    "a\nb",
    "a:predict",
    "a" * 129,
    "a\u0000b",
    "a\\b",
]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    server = TorchServe(tmp_path_factory.mktemp("server"))
    server.store.add_directory(COMMANDS)
    server.start()
    yield server
    server.stop()
    server.assert_nothing_left()


def assert_refused(answer: requests.Response, what: str) -> None:
    assert answer.status_code == 400, answer.text
    message = answer.json()["message"]
    assert message.startswith(f"The model {what} "), message
    assert "is not allowed: it " in message
    assert "of A-Z a-z 0-9 _ . -" in message
    assert len(message) < 300


def models(server: TorchServe) -> list[str]:
    listed = requests.get(f"{server.management}/models", timeout=30).json()["models"]
    return [entry["modelName"] for entry in listed]


@pytest.mark.parametrize("name", BAD)
def test_names_of_registrations_are_checked(named: TorchServe, name: str) -> None:
    url = f"{named.management}/models"
    by_query = requests.post(url, params={"url": "commands", "model_name": name}, timeout=60)
    by_json = requests.post(url, json={"url": "commands", "model_name": name}, timeout=60)
    by_form = requests.post(url, data={"url": "commands", "model_name": name}, timeout=60)
    for answer in (by_query, by_json, by_form):
        assert_refused(answer, "name")
    assert models(named) == []


@pytest.mark.parametrize("name", ["all", "models", "api-description", "openapi.json", "v2"])
def test_words_of_paths_are_no_names(named: TorchServe, name: str) -> None:
    url = f"{named.management}/models"
    by_query = requests.post(url, params={"url": "commands", "model_name": name}, timeout=60)
    by_json = requests.post(url, json={"url": "commands", "model_name": name}, timeout=60)
    for answer in (by_query, by_json):
        assert answer.status_code == 400, answer.text
        assert f'The model name "{name}" is not allowed' in answer.json()["message"]
    api = Api(named.grpc_management_port, "management", "ManagementAPIsService")
    assert refused(api.RegisterModel, url="commands", model_name=name)[0] == "INVALID_ARGUMENT"
    api.close()
    assert models(named) == []


def with_manifest(folder: Path, **fields: str) -> None:
    shutil.copytree(COMMANDS, folder)
    file = folder / "MAR-INF" / "MANIFEST.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["model"].update(fields)
    file.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("modelName", "a b", "name"),
        ("modelName", "../a", "name"),
        ("modelVersion", "1/2", "version"),
        ("modelVersion", "1" * 256, "version"),
    ],
)
def test_names_of_manifests_are_checked(
    named: TorchServe, field: str, value: str, what: str
) -> None:
    folder = named.store.path / "tried"
    with_manifest(folder, **{field: value})
    try:
        answer = requests.post(f"{named.management}/models?url=tried", timeout=60)
        assert_refused(answer, what)
        assert models(named) == []
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "version", ["v1:prod", "2026-11-29T10:00:00+01:00", "1.0~rc1", "_a", "9" * 255]
)
def test_versions_of_the_original_are_served(named: TorchServe, version: str) -> None:
    folder = named.store.path / "versioned"
    with_manifest(folder, modelVersion=version, modelName="versioned")
    path = quote(version, safe="")
    try:
        url = f"{named.management}/models?url=versioned&initial_workers=1"
        assert requests.post(url, timeout=60).status_code == 200
        answer = requests.post(
            f"{named.inference}/predictions/versioned/{path}",
            json={"do": "text", "text": "x"},
            timeout=60,
        )
        assert (answer.status_code, answer.text) == (200, "x")
        described = requests.get(f"{named.management}/models/versioned/{path}", timeout=60)
        assert described.json()[0]["modelVersion"] == version
    finally:
        gone = requests.delete(f"{named.management}/models/versioned/{path}", timeout=60)
        shutil.rmtree(folder)
    assert gone.status_code == 200, gone.text


def test_the_version_that_means_every_version_is_refused(named: TorchServe) -> None:
    folder = named.store.path / "every"
    with_manifest(folder, modelVersion="all")
    answer = requests.post(f"{named.management}/models?url=every", timeout=60)
    assert answer.status_code == 400
    assert "every version" in answer.json()["message"]
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["a b", "..", "ä", "a%b", "a" * 129])
def test_names_in_paths_are_checked(named: TorchServe, name: str) -> None:
    segment = quote(name, safe="").replace(".", "%2E")
    for method, address in [
        ("POST", f"{named.inference}/predictions/{segment}"),
        ("POST", f"{named.inference}/explanations/{segment}/1.0"),
        ("POST", f"{named.inference}/v2/models/{segment}/infer"),
        ("GET", f"{named.management}/models/{segment}"),
        ("PUT", f"{named.management}/models/{segment}?min_worker=1"),
        ("DELETE", f"{named.management}/models/{segment}"),
    ]:
        assert_refused(requests.request(method, address, timeout=30), "name")


def test_versions_in_paths_are_checked_and_unknown_ones_are_404(named: TorchServe) -> None:
    name, version = "A-1.b_c", "1.0+cpu"
    folder = named.store.path / "plus"
    with_manifest(folder, modelName=name, modelVersion=version)
    register = f"{named.management}/models?url=plus&initial_workers=1"
    assert requests.post(register, timeout=60).status_code == 200
    try:
        escaped = name.replace("-", "%2D")
        answer = requests.post(
            f"{named.inference}/predictions/{escaped}/{version}",
            json={"do": "text", "text": "here"},
            timeout=60,
        )
        assert (answer.status_code, answer.text) == (200, "here")
        models_url = f"{named.management}/models/{name}"
        assert_refused(requests.get(f"{models_url}/1%200", timeout=30), "version")
        assert_refused(requests.put(f"{models_url}/1%200/set-default", timeout=30), "version")
        assert requests.get(f"{models_url}/9", timeout=30).status_code == 404
        assert requests.get(f"{named.management}/models/cats", timeout=30).status_code == 404
    finally:
        gone = requests.delete(f"{named.management}/models/{name}", timeout=60)
        assert gone.status_code == 200
        shutil.rmtree(folder)

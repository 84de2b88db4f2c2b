"""Tokens, as an operator and clients meet them: a real server, its key file, its processes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from conftest import MODELS
from torchserve_process import TorchServe, wait_for

ENVIRONMENT_HANDLER = """
import os

def handle(data, context):
    if data is None:
        return None
    own = dict(os.environ)
    seen = "\\0".join(f"{k}={v}" for k, v in own.items()).encode()
    try:
        with open("/proc/self/environ", "rb") as file:
            seen += file.read()
    except OSError:
        pass
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/environ", "rb") as file:
            seen += file.read()
    except OSError:
        pass
    return [seen for _ in data]
"""

SECRETS = {
    "TS_INFERENCE_TOKEN": "inference-secret-0123456789",
    "TS_MANAGEMENT_TOKEN": "management-secret-0123456789",
    "TS_KEYSTORE_PASS": "keystore-secret-0123456789",
    "MY_STORE_WORD": "substituted-secret-0123456789",
    "CLOUD_PASSWORD": "blocked-secret-0123456789",
}

OF_HANDLERS = {
    "AWS_ACCESS_KEY_ID": "access-key-of-a-handler",
    "AWS_SECRET_ACCESS_KEY": "secret-key-of-a-handler",
    "HF_TOKEN": "token-of-a-handler",
}
"""What handlers are given by their environment, although the server may use it as well."""


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class Keys:
    """The key file of a server, read again each time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, kind: str) -> dict[str, str]:
        key = json.loads(self.path.read_text(encoding="utf-8"))[kind]["key"]
        return bearer(key)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """One server with tokens, as they are by default."""
    server = TorchServe(tmp_path_factory.mktemp("guarded"), options=("--enable-model-api",))
    server.store.add_directory(MODELS / "commands")
    server.start("commands")
    yield server
    assert server.stop() == 143
    assert not (server.folder / "key_file.json").exists(), "the server removes its own file"


@pytest.fixture
def keys(guarded: TorchServe) -> Keys:
    return Keys(guarded.folder / "key_file.json")


def test_key_file_lies_where_it_always_did_and_only_its_owner_reads_it(keys: Keys) -> None:
    assert keys.path.stat().st_mode & 0o777 == 0o600
    content = json.loads(keys.path.read_text(encoding="utf-8"))
    assert list(content) == ["management", "inference", "API"]
    assert set(content["management"]) == {"key", "expiration time"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", content["inference"]["key"])
    assert set(content["API"]) == {"key"}


def listening(pid: int) -> set[str]:
    """The hexadecimal addresses of the TCP sockets that a process listens on."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:
                addresses.add(columns[1].split(":")[0])
    return addresses


def test_every_listener_is_on_loopback_by_default(tmp_path: Path) -> None:
    """The hosts are the default ones, as another test compares them; the ports are free ones."""
    server = TorchServe(tmp_path / "default", options=())
    server.start()
    try:
        addresses = set().union(*(listening(pid) for pid in server.processes()))
    finally:
        server.stop()
    loopback = {"0100007F", "0" * 24 + "01000000", "0000000000000000FFFF00000100007F"}
    assert addresses
    assert addresses <= loopback, addresses
    server.assert_nothing_left()


def test_each_api_wants_its_own_key(guarded: TorchServe, keys: Keys) -> None:
    predictions = f"{guarded.inference}/predictions/commands"
    models = f"{guarded.management}/models"
    refused = requests.post(predictions, json={"do": "echo"}, timeout=30)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.json()["type"] == "InvalidKeyException"
    assert refused.json()["message"].startswith("Token Authorization failed. ")
    assert "inference token" in refused.json()["detail"]
    assert "--disable-token-auth" in refused.json()["detail"]
    wait_for(
        lambda: (
            requests.post(
                predictions, json={"do": "echo"}, headers=keys["inference"], timeout=60
            ).status_code
            == 200
        ),
        "an answer with the key",
    )
    assert requests.post(predictions, headers=keys["management"], timeout=30).status_code == 403
    assert requests.get(models, timeout=30).status_code == 401
    assert requests.get(models, headers=keys["inference"], timeout=30).status_code == 403
    assert requests.get(models, headers=keys["management"], timeout=30).status_code == 200
    added = requests.post(
        f"{models}?url=commands&model_name=again", headers=keys["management"], timeout=60
    )
    assert added.status_code == 200, added.text


def test_management_by_a_strangers_name_is_refused(guarded: TorchServe, keys: Keys) -> None:
    """As a browser asks whose page had its own domain resolve to this machine."""
    url = f"{guarded.management}/models"
    lured = {**keys["management"], "Host": "evil.example:8081"}
    refused = requests.get(url, headers=lured, timeout=30)
    assert refused.status_code == 403
    assert refused.json()["type"] == "HostNotAllowedException"
    assert "allowed_hosts" in refused.json()["detail"]


def test_probes_and_descriptions_need_no_key(guarded: TorchServe) -> None:
    assert requests.get(f"{guarded.inference}/ping", timeout=30).status_code == 200
    for address in (guarded.inference, guarded.management):
        assert requests.get(f"{address}/v1/models/commands", timeout=30).status_code == 200
        assert requests.options(f"{address}/", timeout=30).json()["openapi"] == "3.0.1"


def test_rotation_replaces_a_token_in_the_file_and_tells_no_other_client(
    guarded: TorchServe, keys: Keys
) -> None:
    before = keys["inference"]
    rotated = requests.get(
        f"{guarded.management}/token?type=inference", headers=keys["API"], timeout=30
    )
    assert rotated.status_code == 200
    assert list(rotated.json()) == ["status"]
    after = keys["inference"]
    assert after != before
    assert after["Authorization"].split()[1] not in rotated.text
    assert keys.path.stat().st_mode & 0o777 == 0o600
    url = f"{guarded.inference}/predictions/commands"
    assert requests.post(url, headers=before, timeout=30).status_code == 401
    assert requests.post(url, json={"do": "echo"}, headers=after, timeout=60).status_code == 200
    ordinary = requests.get(
        f"{guarded.management}/token?type=inference", headers=keys["management"], timeout=30
    )
    assert ordinary.status_code == 403


@pytest.mark.parametrize("kind", ["inference", "management"])
def test_command_has_a_token_replaced_and_prints_the_new_one(
    guarded: TorchServe, keys: Keys, kind: str
) -> None:
    before = keys[kind]
    words = guarded.command("token", kind, "--renew", "--ts-config", str(guarded.config_file))
    done = subprocess.run(
        words,
        cwd=guarded.folder,
        env=guarded.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, f"The {kind} token has been replaced.\n")
    assert bearer(done.stdout.strip()) == keys[kind] != before
    address, path = {
        "inference": (guarded.inference, "/models/commands/invoke"),
        "management": (guarded.management, "/models"),
    }[kind]

    def asked(headers: dict[str, str]) -> int:
        body = {"do": "echo"} if kind == "inference" else None
        method = "POST" if body else "GET"
        url = address + path
        return requests.request(method, url, json=body, headers=headers, timeout=60).status_code

    assert (asked(before), asked(keys[kind])) == (401, 200)


def test_unknown_parameter_of_the_route_replaces_nothing(guarded: TorchServe, keys: Keys) -> None:
    before = keys["inference"]
    refused = requests.put(
        f"{guarded.management}/token?typ=inference", headers=keys["API"], timeout=30
    )
    assert refused.status_code == 400
    assert refused.json()["message"] == "Unknown parameter typ: did you mean type?"
    assert keys["inference"] == before


def test_second_server_in_the_folder_leaves_the_file_of_the_first_alone(
    guarded: TorchServe, keys: Keys, tmp_path: Path
) -> None:
    content = keys.path.read_text(encoding="utf-8")
    second = TorchServe(tmp_path / "second", options=(), config={"key_file": str(keys.path)})
    with pytest.raises(AssertionError, match="exited with 1"):
        second.start()
    second.stop()
    assert "another running server uses this file for its tokens" in second.tail()
    assert keys.path.read_text(encoding="utf-8") == content


def test_no_key_is_in_any_log(guarded: TorchServe, keys: Keys) -> None:
    requests.get(f"{guarded.management}/models", headers=bearer("guessed-key-0123"), timeout=30)
    content = json.loads(keys.path.read_text(encoding="utf-8"))
    secrets = ["guessed-key-0123", *(each["key"] for each in content.values())]
    guarded.wait_log("ts_log.log", re.escape(str(keys.path)))
    for log in guarded.logs.iterdir():
        text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        assert not [secret for secret in secrets if secret in text], log
    assert not [secret for secret in secrets if secret in guarded.tail(10_000)]


def test_started_command_says_where_the_keys_are_and_stop_removes_them(
    tmp_path: Path,
) -> None:
    server = TorchServe(tmp_path / "background", options=())
    server.store.add_directory(MODELS / "commands")
    words = server.command(*server.start_words())
    started = subprocess.run(
        words, cwd=server.folder, env=server.environment, capture_output=True, text=True, check=True
    )
    try:
        assert f"  keys        {server.folder / 'key_file.json'}" in started.stdout.splitlines()
        assert "Warning: Token" not in started.stdout
        assert (server.folder / "key_file.json").exists()
    finally:
        stopped = subprocess.run(
            server.command("--stop"),
            cwd=tmp_path,
            env=server.environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "TorchServe has stopped." in stopped.stdout
    assert not (server.folder / "key_file.json").exists()
    server.assert_nothing_left()


def test_given_keys_and_secrets_stay_from_handlers_and_logs(tmp_path: Path) -> None:
    server = TorchServe(
        tmp_path / "given",
        options=(),
        config={"keystore_pass": "$$MY_STORE_WORD$$", "blacklist_env_vars": ".*PASSWORD.*"},
        environment={**SECRETS, **OF_HANDLERS},
    )
    server.store.write_handler("environment", ENVIRONMENT_HANDLER)
    server.start("environment")
    try:
        _check_that_secrets_stay(server)
    finally:
        server.stop()
    server.assert_nothing_left()


def _check_that_secrets_stay(server: TorchServe) -> None:
    assert not (server.folder / "key_file.json").exists(), "both keys were given"
    asked = bearer(SECRETS["TS_INFERENCE_TOKEN"])
    managed = bearer(SECRETS["TS_MANAGEMENT_TOKEN"])
    management = server.management
    assert requests.get(f"{management}/models", headers=managed, timeout=30).ok
    assert requests.get(f"{management}/token", headers=managed, timeout=30).status_code == 404
    answer = wait_for(
        lambda: requests.post(
            f"{server.inference}/predictions/environment", data=b"x", headers=asked, timeout=60
        ),
        "an answer",
    )
    assert answer.status_code == 200, answer.text
    assert b"TSNEXT_TEST_MARK" in answer.content, "the environment was read"
    for name, secret in SECRETS.items():
        assert secret.encode() not in answer.content, name
    for name, secret in OF_HANDLERS.items():
        assert f"{name}={secret}".encode() in answer.content, name
    printed = "".join(
        log.read_text(encoding="utf-8", errors="replace")
        for log in server.logs.iterdir()
        if log.is_file()
    )
    for secret in SECRETS.values():
        assert secret not in printed
        assert secret not in server.tail(10_000)


def test_key_file_that_cannot_be_written_fails_the_start(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "closed", options=(), config={"key_file": "/proc/keys.json"})
    with pytest.raises(AssertionError, match="exited with 1"):
        server.start()
    server.stop()
    assert "Invalid configuration: key_file = /proc/keys.json" in server.tail()

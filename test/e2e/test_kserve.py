"""KServe without a wrapper: its containers, its clients, and what stays closed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kserve_container import (
    ARGUMENTS,
    CONFIG,
    TORCHSERVE,
    KServeContainer,
    environment_of,
    refusal,
)
from torchserve_process import REPOSITORY, TorchServe, wait_for

SEVEN = REPOSITORY / "examples" / "digits" / "sample" / "seven.png"
ECHO = """\
def handle(data, context):
    return None if data is None else [tensor["data"] for tensor in data]
"""
BROKEN = """\
raise RuntimeError("the weights are not there")
"""
SIGN = "KServe is on (kserve = auto: PROTOCOL_VERSION and TS_SERVICE_ENVELOPE are set"


@pytest.fixture(scope="module", autouse=True)
def containers_can_be_made() -> None:
    reason = refusal()
    if reason is not None:
        pytest.skip(reason)


def pack(name: str, code: str, folder: Path) -> Path:
    """A model of a handler alone, packed by the real archiver."""
    handler = folder / f"{name}_handler.py"
    handler.write_text(code)
    archiver = TORCHSERVE.parent / "torch-model-archiver"
    words = ["--model-name", name, "--version", "1.0", "--handler", str(handler)]
    subprocess.run([archiver, *words, "--export-path", folder], check=True)
    return folder / f"{name}.mar"


@pytest.fixture(scope="module")
def v1(tmp_path_factory: pytest.TempPathFactory, digits_archive: Path) -> Iterator[KServeContainer]:
    """One real model, protocol 1."""
    container = KServeContainer(tmp_path_factory.mktemp("v1"), "v1", "kserve")
    container.add("mnist", digits_archive)
    container.write_config()
    container.start()
    yield container
    container.stop()


@pytest.fixture(scope="module")
def v2(tmp_path_factory: pytest.TempPathFactory, digits_archive: Path) -> Iterator[KServeContainer]:
    """A real model, one that answers with its inputs, and one that cannot be loaded; protocol 2."""
    folder = tmp_path_factory.mktemp("v2")
    container = KServeContainer(folder, "v2", "kservev2")
    container.add("mnist", digits_archive)
    container.add("echo", pack("echo", ECHO, folder))
    container.add("broken", pack("broken", BROKEN, folder))
    container.write_config()
    container.start()
    yield container
    container.stop()


def wait_ready(container: KServeContainer, model: str) -> None:
    wait_for(
        lambda: container.get(8080, f"/v1/models/{model}")[0] == 200,
        f"{model} to be ready; output: {container.text()}",
    )


def test_model_is_ready_and_predicts_for_the_sdk_of_kserve(v1: KServeContainer) -> None:
    wait_ready(v1, "mnist")
    said = v1.client("v1_client.py", "mnist", str(SEVEN))
    assert said["v1"]["live"] is True
    assert said["v1"]["model_ready"] is True
    (prediction,) = said["v1"]["prediction"]["predictions"]
    assert prediction["class"] == "7"
    (explanation,) = said["v1"]["explanation"]["explanations"]
    assert explanation["class"] == "7"
    assert said["v1"]["unknown"].startswith("Model not found: unknown, '404 Not Found'")
    assert said["v2"] == {"live": True, "ready": True, "model_ready": True}
    assert said["grpc"] == {"live": True, "ready": True, "model_ready": True}


def test_probes_of_kserve_are_answered_on_8080_and_on_the_servers_own_listener(
    v1: KServeContainer,
) -> None:
    wait_ready(v1, "mnist")
    for port in (8080, 8085):
        assert v1.get(port, "/") == (200, {"status": "alive"})
        status, model = v1.get(port, "/v1/models/mnist")
        assert (status, model["name"], model["ready"]) == (200, "mnist", True)
        assert v1.get(port, "/v2/health/live") == (200, {"live": True})
        assert v1.get(port, "/v2/health/ready") == (200, {"ready": True})
        assert v1.get(port, "/v2/models/mnist/ready")[0] == 200
        assert v1.get(port, "/v2")[1]["name"] == "Torchserve"
        assert v1.get(port, "/v1/models/unknown")[0] == 404
    assert v1.get(8080, "/v1/models")[1]["models"] == ["mnist"]


def test_tokens_are_taken_from_inference_only_also_where_one_port_has_both(
    v1: KServeContainer,
) -> None:
    token = v1.management_token()
    for method, path in (
        ("GET", "/models"),
        ("GET", "/models/mnist"),
        ("GET", "/models/mnist?customized=true"),
        ("PUT", "/models/mnist?min_worker=1"),
        ("GET", "/token?type=inference"),
    ):
        assert v1.get(8085, path, method=method)[0] == 401, path
        assert v1.get(8080, path, method=method)[0] == 404, path
        assert v1.get(8080, path, token, method=method)[0] == 404, path
    assert v1.get(8085, "/models/mnist", token)[1][0]["modelName"] == "mnist"
    # Without its input a prediction fails, but nobody asks for a token.
    for port in (8080, 8085):
        assert v1.get(port, "/v1/models/mnist:predict", method="POST")[0] == 400
        assert v1.get(port, "/predictions/mnist", method="POST")[0] == 400


def test_start_says_what_is_open_and_where_the_token_is(v1: KServeContainer) -> None:
    wait_for(lambda: "Management, descriptions" in v1.text(), f"the warning; {v1.text()}")
    text = v1.text()
    assert f"Warning: {SIGN}, and the model store is below /mnt/models)" in text
    assert "ask every model without a token" in text
    assert "kserve=false switches it off" in text
    assert "0.0.0.0:8080" in text
    assert "0.0.0.0:8081" in text
    assert "/tmp/key_file.json" in text
    assert (v1.temp / "key_file.json").stat().st_mode & 0o777 == 0o600
    assert SIGN in v1.log("ts_log.log")


def test_server_runs_as_user_1000_on_a_read_only_root_without_capabilities(
    v1: KServeContainer,
) -> None:
    assert v1.process is not None
    inside = v1.run(
        "sh",
        "-c",
        "id -u; grep CapEff /proc/self/status; for place in /home /mnt/models /tmp;"
        " do touch $place/x && echo $place; done",
    )
    assert inside.stdout == "1000\nCapEff:\t0000000000000000\n/tmp\n"
    (v1.temp / "x").unlink()


def test_every_datatype_goes_both_ways_for_tritonclient(v2: KServeContainer) -> None:
    for model in ("mnist", "echo"):
        wait_ready(v2, model)
    said = v2.client("triton_client.py", str(SEVEN))
    assert said["wrong"] == []
    assert said["counts"] == {"http": 53, "grpc": 13}
    assert said["image"] == ["7", "7"], "an image as it is, over HTTP and gRPC"
    facts = said["facts"]
    assert facts["live"] == [True, True]
    assert facts["metadata"]["name"] == "Torchserve"
    assert facts["model"]["versions"] == ["1.0"]
    assert facts["unknown"] == "404 Model not found: unknown"


def test_tensors_go_both_ways_for_the_sdk_of_kserve(v2: KServeContainer) -> None:
    wait_ready(v2, "echo")
    assert v2.client("kserve_client.py") == {"count": 10, "wrong": []}


def test_model_that_cannot_be_loaded_is_not_ready_and_says_why_and_others_are(
    v2: KServeContainer,
) -> None:
    for model in ("mnist", "echo"):
        wait_ready(v2, model)
    status, model = v2.get(8080, "/v1/models/broken")
    assert (status, model["name"], model["ready"]) == (503, "broken", False)
    assert v2.get(8080, "/v2/models/broken/ready")[0] == 503
    assert v2.get(8080, "/v2/health/ready") == (503, {"ready": False})
    assert v2.get(8080, "/v2/health/live")[0] == 200
    cause = "RuntimeError: the weights are not there"
    token = v2.management_token()
    wait_for(
        lambda: cause in str(v2.get(8085, "/models/broken", token)[1]),
        "the cause in the description",
    )
    assert cause in v2.log("ts_log.log") + v2.log("model_log.log")


def test_each_sign_alone_and_each_pair_switches_nothing_on(
    tmp_path: Path, digits_archive: Path
) -> None:
    container = KServeContainer(tmp_path, "v1", "kserve")
    container.add("mnist", digits_archive)
    container.write_config()
    (container.temp / "store").mkdir(mode=0o755)
    both = environment_of("v1", "kserve")
    protocol, envelope = ({name: value} for name, value in both.items())
    elsewhere = "--model-store=/tmp/store"
    below = "--model-store=/mnt/models/model-store"
    # Settings in which the store is named by the command line alone.
    text = CONFIG.replace("model_store=/mnt/models/model-store\n", "")
    container.write_config(text)
    script = "\n".join(
        f"env {' '.join(f'{k}={v}' for k, v in variables.items())} {TORCHSERVE} --print-config"
        f" {store} {ARGUMENTS[2]} | grep -c 'KServe is on'"
        for variables, store in (
            (protocol, elsewhere),
            (envelope, elsewhere),
            ({}, below),
            (both, elsewhere),
            (protocol, below),
            (envelope, below),
            (both, below),
            ({**both, "TS_KSERVE": "false"}, below),
            ({"TS_KSERVE": "true"}, elsewhere),
        )
    )
    container.environment = {}
    said = container.run("sh", "-c", script)
    assert said.stdout.split() == ["0", "0", "0", "0", "0", "0", "1", "0", "1"], said.stderr


def test_listener_on_a_port_of_kserve_fails_the_start_and_names_the_setting(
    tmp_path: Path,
) -> None:
    server = TorchServe(
        tmp_path / "server",
        config={"kserve": "true", "management_address": "http://127.0.0.1:8081"},
    )
    done = subprocess.run(
        server.command(*server.start_words()),
        env=server.environment,
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "management_address = http://127.0.0.1:8081" in said
    assert "kserve=false" in said
    server.assert_nothing_left()

"""SageMaker's endpoints, with one model and with many, run by its own toolkit."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from sagemaker_container import MAIN_CLASS, SageMakerContainer, refusal
from torchserve_process import TorchServe, wait_for

NPY = "application/x-npy"
needs_containers = pytest.mark.skipif(refusal() is not None, reason=str(refusal()))


def from_npy(body: bytes) -> object:
    """The array as lists."""
    return np.load(io.BytesIO(body)).tolist()


def from_csv(body: bytes) -> object:
    """The rows as lists."""
    return [[float(word) for word in row.split(",")] for row in body.decode().splitlines()]


def npy(values: list[list[float]]) -> bytes:
    """An array in numpy's own format."""
    buffer = io.BytesIO()
    np.save(buffer, np.array(values))
    return buffer.getvalue()


# -- one model ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SageMakerContainer]:
    """An endpoint with one model, and the settings of it that SageMaker's variables make."""
    container = SageMakerContainer(
        tmp_path_factory.mktemp("one"),
        SAGEMAKER_TS_MIN_WORKERS="1",
        SAGEMAKER_TS_MAX_WORKERS="3",
        SAGEMAKER_TS_RESPONSE_TIMEOUT="45",
        SAGEMAKER_TS_BATCH_SIZE="1",
    )
    container.add_model("model", "3")
    container.start()
    yield container
    container.stop()


@needs_containers
def test_the_toolkit_finds_one_server_process(one: SageMakerContainer) -> None:
    with_the_word = [words for words in one.command_lines() if MAIN_CLASS in words]

    assert len(with_the_word) == 1
    assert "org.tsnext.server.ModelServer" in with_the_word[0]
    assert one.ask("GET", "/ping").json() == {"status": "Healthy"}


@needs_containers
@pytest.mark.parametrize(
    ("content_type", "body", "accept", "read"),
    [
        ("application/json", b"[[1, 2], [3, 4]]", "application/json", json.loads),
        ("text/csv", b"1,2\n3,4\n", "application/json", json.loads),
        (NPY, npy([[1, 2], [3, 4]]), NPY, from_npy),
        ("application/json", b"[[1, 2], [3, 4]]", "text/csv", from_csv),
    ],
)
def test_one_model_reads_and_writes_the_types_of_the_toolkit(
    one: SageMakerContainer,
    content_type: str,
    body: bytes,
    accept: str,
    read: Callable[[bytes], object],
) -> None:
    answer = one.ask(
        "POST", "/invocations", data=body, headers={"Content-Type": content_type, "Accept": accept}
    )

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, accept), answer.text
    assert read(answer.content) == [[3.0, 6.0], [9.0, 12.0]]


@needs_containers
def test_settings_of_sagemakers_variables_hold(one: SageMakerContainer) -> None:
    described = one.ask("GET", "/models/model").json()[0]

    assert (described["minWorkers"], described["maxWorkers"]) == (1, 3)
    assert described["responseTimeout"] == 45
    assert described["settingSources"]["responseTimeout"] == "models"
    assert "a line break is missing between enable_model_api=true and" in one.text()


@needs_containers
def test_a_fault_of_the_users_code_is_told_as_the_toolkit_tells_it(one: SageMakerContainer) -> None:
    answer = one.ask(
        "POST", "/invocations", data=b"{}", headers={"Content-Type": "application/x-unknown"}
    )

    assert answer.status_code == 500
    assert "application/x-unknown is not supported" in answer.text


@needs_containers
def test_sigterm_under_load_loses_no_request(one: SageMakerContainer) -> None:
    """Runs last on this endpoint, which it ends."""
    assert one.clients is not None
    begun = threading.Event()
    clients = [one.clients.submit(ask_until_closed, begun) for _ in range(4)]
    assert begun.wait(60)

    one.terminate()

    tallies = [client.result(60) for client in clients]
    assert one.wait() == 0, one.text()
    assert [lost for _, lost in tallies] == [[], [], [], []]
    assert sum(answered for answered, _ in tallies) > 20
    assert "Torchserve stopped." in (one.folder / "work/logs/ts_log.log").read_text()


def ask_until_closed(begun: threading.Event) -> tuple[int, list[str]]:
    """Asks until there is no server any more; returns how many were answered, and what was lost.

    A connection that is reset at its first request was never accepted, as one that is refused: the
    listener was closed with it in its backlog.
    """
    answered = 0
    lost: list[str] = []
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
        try:
            connection.connect()
        except ConnectionRefusedError:
            return answered, lost
        first = True
        try:
            while True:
                connection.request(
                    "POST", "/invocations", b"[[1, 2]]", {"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200 or json.loads(body) != [[3.0, 6.0]]:
                    lost.append(f"{answer.status} {body!r}")
                answered += 1
                first = False
                if answered > 10:
                    begun.set()
                if answer.getheader("connection") == "close":
                    break
        except (OSError, http.client.HTTPException) as problem:
            if first and isinstance(problem, ConnectionError):
                return answered, lost
            lost.append(repr(problem))
        finally:
            connection.close()
        if len(lost) > 5:
            return answered, lost


# -- one model that is broken ---------------------------------------------------------------------


@needs_containers
def test_a_broken_model_is_named_last_and_the_process_stays(tmp_path: Path) -> None:
    container = SageMakerContainer(tmp_path)
    model = container.add_model("model", "broken")
    (model / "model-config.yaml").write_text(
        "minWorkers: 1\nmaxWorkers: 1\nmaxRetryTimeoutInSec: 1\n"
    )
    container.start()
    try:
        wait_for(
            lambda: container.ask("GET", "/ping").status_code == 500, f"500: {container.text()}"
        )

        refused = container.ask("POST", "/invocations", data=b"[[1]]")
        wait_for(lambda: "is not restarted" in container.text(), "the end of restarts")
        own = [line for line in container.output if not re.search("ACCESS_LOG|_METRICS", line)]
        assert "the weights are not those of this model" in "".join(own[-3:]), container.text()
        assert refused.status_code == 503
        assert "the weights are not those of this model" in refused.text
        assert container.process is not None
        assert container.process.poll() is None
        container.terminate()
        assert container.wait() == 0
    finally:
        container.stop()


# -- many models ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SageMakerContainer]:
    """An endpoint whose models SageMaker loads and unloads."""
    container = SageMakerContainer(tmp_path_factory.mktemp("many"), SAGEMAKER_MULTI_MODEL="true")
    (container.ml / "models").mkdir()
    container.start()
    yield container
    container.stop()


def invoke(container: SageMakerContainer, name: str, **headers: str) -> object:
    answer = container.ask(
        "POST",
        f"/models/{name}/invoke",
        data=b"[[1, 2]]",
        headers={"Content-Type": "application/json", **headers},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@needs_containers
def test_endpoint_without_models_is_healthy_and_empty(many: SageMakerContainer) -> None:
    assert many.ask("GET", "/ping").status_code == 200
    assert many.ask("GET", "/models").json() == {"models": []}


@needs_containers
def test_models_are_loaded_listed_invoked_and_unloaded(many: SageMakerContainer) -> None:
    for name, weights in (("m3", "3"), ("m5", "5")):
        many.add_model(f"models/{name}/model", weights)
        loaded = many.load(name, f"models/{name}/model")
        assert loaded.status_code == 200, loaded.text

    first = many.ask("GET", "/models", params={"limit": 1}).json()
    second = many.ask(
        "GET", "/models", params={"limit": 1, "next_page_token": first["nextPageToken"]}
    ).json()
    assert [page["models"] for page in (first, second)] == [
        [{"modelName": name, "modelUrl": f"/opt/ml/models/{name}/model"}] for name in ("m3", "m5")
    ]
    assert many.ask("GET", "/models/m3").json()[0]["modelName"] == "m3"
    assert invoke(many, "m3") == [[3.0, 6.0]]
    assert invoke(many, "m5") == [[5.0, 10.0]]
    assert invoke(many, "m5", **{"X-Amzn-SageMaker-Target-Model": "which"}) == [
        "which",
        "m5",
        "model",
    ]
    assert many.load("m3", "models/m3/model").status_code == 409

    for name in ("m3", "m5"):
        assert many.ask("DELETE", f"/models/{name}").status_code == 200
    assert many.ask("GET", "/models").json() == {"models": []}
    assert many.ask("POST", "/models/m3/invoke", data=b"1").status_code == 404
    assert (many.ml / "models/m3/model/weights.txt").exists()


@needs_containers
def test_model_that_does_not_fit_is_507_before_it_is_loaded(many: SageMakerContainer) -> None:
    model = many.add_model("models/large/model", "1")
    with (model / "weights.pt").open("wb") as weights:
        os.truncate(weights.fileno(), 1 << 42)  # of a size that takes no space

    refused = many.load("large", "models/large/model")

    assert refused.status_code == 507, refused.text
    assert "Not enough memory to load model large" in refused.json()["message"]
    assert "model_memory_factor" in refused.json()["detail"]
    assert many.ask("GET", "/models/large").status_code == 404


@needs_containers
def test_model_that_runs_out_of_memory_is_507_and_gone(many: SageMakerContainer) -> None:
    many.add_model("models/greedy/model", "memory")

    refused = many.load("greedy", "models/greedy/model")

    assert refused.status_code == 507, refused.text
    assert "no room for the weights" in refused.json()["detail"]
    assert many.ask("GET", "/models/greedy").status_code == 404


@needs_containers
def test_model_that_cannot_be_loaded_can_be_put_right(many: SageMakerContainer) -> None:
    model = many.add_model("models/mended/model", "broken")

    refused = many.load("mended", "models/mended/model")

    assert refused.status_code == 500
    assert "the weights are not those of this model" in refused.json()["detail"]
    assert many.ask("GET", "/models/mended").status_code == 404
    (model / "weights.txt").write_text("7")
    assert many.load("mended", "models/mended/model").status_code == 200
    assert invoke(many, "mended") == [[7.0, 14.0]]
    assert many.ask("DELETE", "/models/mended").status_code == 200


@needs_containers
def test_folder_of_code_alone_is_a_model(many: SageMakerContainer) -> None:
    model = many.add_model("models/code/model", "2")
    (model / "weights.txt").rename(model / "code" / "weights.txt")

    assert many.load("code", "models/code/model").status_code == 200
    assert invoke(many, "code") == [[2.0, 4.0]]
    assert many.ask("DELETE", "/models/code").status_code == 200


@needs_containers
@pytest.mark.parametrize("place", ["models/missing/model", "../../etc", "models/missing/../.."])
def test_what_is_no_model_is_404(many: SageMakerContainer, place: str) -> None:
    assert many.load("nothing", place).status_code == 404
    assert many.ask("GET", "/models").json() == {"models": []}


# -- what needs no container ----------------------------------------------------------------------

HANDLER = """\
import os

def handle(data, context):
    if data is None:
        return None
    return [os.listdir(context.system_properties["model_dir"]) for _ in data]
"""


def test_the_start_of_older_toolkits_names_an_archive_that_is_not_there(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    handler = tmp_path / "default_handler.py"
    handler.write_text(HANDLER)
    server = start(
        "model.mar",
        environment={"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_HANDLER": str(handler)},
        config={
            "default_service_handler": "$$SAGEMAKER_HANDLER$$",
            "async_logging": "true",
            "decode_input_request": "false",
            "vmargs": "-XX:-UseContainerSupport",
        },
    )

    log = server.log("ts_log.log")
    assert [line for line in log.splitlines() if "model.mar" in line and "INFO" in line] != []
    assert "ERROR" not in log
    assert requests.get(f"{server.inference}/ping").status_code == 200
    assert requests.get(f"{server.management}/models").json() == {"models": []}

    plain = server.store.path / "models" / "a1b2" / "model"
    plain.mkdir(parents=True)
    (plain / "weights").touch()
    packed = server.store.path / "models" / "c3d4" / "model"
    (packed / "MAR-INF").mkdir(parents=True)
    (packed / "own_handler.py").write_text(
        "def handle(data, context):\n    return data and ['own']\n"
    )
    (packed / "MAR-INF" / "MANIFEST.json").write_text(
        json.dumps(
            {"model": {"modelName": "x", "modelVersion": "2.0", "handler": "own_handler.py"}}
        )
    )
    host = {"Host": "model.aws.local:8080"}
    for name, folder in (("plain", plain), ("packed", packed)):
        answer = requests.post(
            f"{server.management}/models",
            json={"model_name": name, "url": str(folder)},
            headers=host,
        )
        assert answer.status_code == 200, answer.text
    invoke_plain = requests.post(f"{server.inference}/models/plain/invoke", data=b"1")
    assert invoke_plain.json() == ["weights"]
    assert requests.post(f"{server.inference}/models/packed/invoke", data=b"1").text == "own"


def test_variables_of_sagemaker_open_nothing(tmp_path: Path) -> None:
    server = TorchServe(
        tmp_path / "server",
        environment={"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_HANDLER": "x"},
        config={"enable_envvars_config": "true"},
        options=(),
    )

    printed = subprocess.run(
        server.command("--print-config", "--ts-config", str(server.config_file)),
        env=server.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "disable_token_authorization = false (default)" in printed
    assert "enable_model_api = false (default)" in printed

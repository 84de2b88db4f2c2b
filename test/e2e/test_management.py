"""The management API as a first user needs it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server without models; its store has `commands`."""
    running = TorchServe(tmp_path_factory.mktemp("managed"))
    running.store.add_directory(MODELS / "commands")
    running.store.add_directory(MODELS / "commands", "second")
    manifest = running.store.path / "second" / "MAR-INF" / "MANIFEST.json"
    manifest.write_text(
        manifest.read_text().replace('"modelVersion": "1.0"', '"modelVersion": "2.0"')
    )
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


def models(server: TorchServe, method: str, path: str = "", **arguments: object):  # type: ignore[no-untyped-def]
    return requests.request(
        method,
        f"{server.management}/models{path}",
        timeout=60,
        **arguments,  # type: ignore[arg-type]
    )


def test_life_of_a_model(managed: TorchServe) -> None:
    assert models(managed, "GET").json() == {"models": []}

    registered = models(managed, "POST", "?url=commands&initial_workers=0")
    assert registered.status_code == 200
    # model-config.yaml asks for one worker; a number in the call is nearer and wins.
    assert registered.json() == {
        "status": 'Model "commands" Version: 1.0 registered with 0 initial workers.'
        " Use scale workers API to add workers for the model."
    }
    assert models(managed, "GET").json() == {
        "models": [{"modelName": "commands", "modelUrl": "commands"}]
    }
    refused = managed.order("echo")
    assert refused.status_code == 503
    assert refused.json()["type"] == "ServiceUnavailableException"
    assert refused.json()["message"].startswith(
        'Model "commands" has no worker to serve inference request.'
    )
    assert refused.headers["retry-after"]
    undescribed = models(managed, "GET", "/commands?customized=true")
    assert undescribed.status_code == 503
    assert undescribed.json()["message"] == (
        'Model "commands" has no worker to serve describe request.'
        " Please use scale workers API to add workers."
    )

    scaled = models(managed, "PUT", "/commands?min_worker=2&synchronous=true")
    assert (scaled.status_code, scaled.json()) == (
        200,
        {"status": "Workers scaled to 2 for model: commands"},
    )
    description = managed.describe("commands")
    assert [w["status"] for w in description["workers"]] == ["READY", "READY"]
    assert (description["minWorkers"], description["maxWorkers"]) == (2, 2)
    assert managed.order("echo").status_code == 200

    second = models(managed, "POST", "?url=second&initial_workers=1&synchronous=true")
    assert second.json() == {
        "status": 'Model "commands" Version: 2.0 registered with 1 initial workers'
    }
    versions = models(managed, "GET", "/commands/all").json()
    assert sorted(v["modelVersion"] for v in versions) == ["1.0", "2.0"]
    assert managed.describe("commands")["modelVersion"] == "1.0"

    forbidden = models(managed, "DELETE", "/commands")
    assert forbidden.status_code == 403
    assert forbidden.json()["type"] == "InvalidModelVersionException"

    changed = models(managed, "PUT", "/commands/2.0/set-default")
    assert changed.json() == {
        "status": 'Default version successfully updated for model "commands" to "2.0"'
    }
    assert managed.describe("commands")["modelVersion"] == "2.0"

    gone = models(managed, "DELETE", "/commands/1.0")
    assert gone.json() == {"status": 'Model "commands" unregistered'}
    assert models(managed, "DELETE", "/commands").status_code == 200
    assert models(managed, "GET", "/commands").status_code == 404
    assert models(managed, "GET").json() == {"models": []}


def test_register_by_json_has_the_defaults_of_the_query_form(managed: TorchServe) -> None:
    answer = models(
        managed, "POST", json={"url": "commands", "model_name": "byjson", "initial_workers": 1}
    )
    assert answer.status_code == 200, answer.text
    description = managed.describe("byjson")
    assert description["maxBatchDelay"] == 100
    assert description["batchSize"] == 1
    assert models(managed, "DELETE", "/byjson").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "arguments", "status", "kind", "message"),
    [
        ("POST", "", {}, 400, "BadRequestException", "Parameter url is required."),
        (
            "POST",
            "?url=nothing.mar",
            {},
            404,
            "ModelNotFoundException",
            "Model not found at: nothing.mar",
        ),
        (
            "POST",
            "?url=../store/commands",
            {},
            404,
            "ModelNotFoundException",
            "Relative path is not allowed in url: ../store/commands",
        ),
        (
            "POST",
            "?url=http://169.254.169.254/latest",
            {},
            404,
            "ModelNotFoundException",
            "Given URL http://169.254.169.254/latest does not match any allowed URL(s)",
        ),
        ("POST", "", {"data": "{", "headers": {"content-type": "application/json"}}, 400, "", ""),
        ("POST", "?url=commands&batch_size=-3", {}, 400, "BadRequestException", ""),
        ("POST", "?url=commands&runtime=cobol", {}, 400, "BadRequestException", ""),
        (
            "POST",
            "?url=commands&batch_size=many",
            {},
            400,
            "BadRequestException",
            'Parameter batch_size is "many", expected an integer',
        ),
        (
            "POST",
            "?url=commands&synchronous=maybe",
            {},
            400,
            "BadRequestException",
            'Parameter synchronous is "maybe", expected true or false.',
        ),
        (
            "POST",
            "?url=commands&batch_size=100000",
            {},
            400,
            "BadRequestException",
            "batch_size is 100000, expected 1 to 4096",
        ),
        ("POST", "?url=commands&initial_workers=99999", {}, 400, "BadRequestException", ""),
        (
            "POST",
            "",
            {"json": {"url": "commands", "initial_workers": [1]}},
            400,
            "BadRequestException",
            "Parameter initial_workers is [1], expected an integer.",
        ),
        (
            "POST",
            "",
            {"data": {"url": "commands", "startup_timeout": "0"}},
            400,
            "BadRequestException",
            "Parameter startup_timeout is 0, expected 1 or more.",
        ),
        ("GET", "?limit=ten", {}, 400, "BadRequestException", "Parameter limit is"),
        ("GET", "/cats", {}, 404, "ModelNotFoundException", "Model not found: cats"),
        ("PUT", "/cats?min_worker=1", {}, 404, "ModelNotFoundException", "Model not found: cats"),
        ("DELETE", "/cats", {}, 404, "ModelNotFoundException", "Model not found: cats"),
        ("PATCH", "", {}, 405, "MethodNotAllowedException", ""),
    ],
)
def test_wrong_calls_are_refused_in_words(
    managed: TorchServe,
    method: str,
    path: str,
    arguments: dict[str, object],
    status: int,
    kind: str,
    message: str,
) -> None:
    answer = models(managed, method, path, **arguments)
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert error["code"] == status
    assert error["type"].startswith(kind)
    assert error["message"].startswith(message)
    assert models(managed, "GET").json() == {"models": []}


def test_register_by_form(managed: TorchServe) -> None:
    answer = models(managed, "POST", data={"url": "commands", "model_name": "form"})
    assert answer.status_code == 200, answer.text
    assert managed.registered("form")
    assert models(managed, "DELETE", "/form").status_code == 200


def test_head_is_get_without_the_body(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=0").raise_for_status()
    paths = ("/models", "/models/commands", "/models/commands/all", "/v1/models/commands")
    for path in paths:
        got = requests.get(f"{managed.management}{path}", timeout=30)
        head = requests.head(f"{managed.management}{path}", timeout=30)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == str(len(got.content))
    assert models(managed, "DELETE", "/commands").status_code == 200


def test_readiness_is_asked_on_both_listeners(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=0").raise_for_status()
    for expected in (False, True):
        for address in (managed.management, managed.inference):
            answer = requests.get(f"{address}/v1/models/commands:predict", timeout=30)
            if address == managed.management:
                assert answer.json()["ready"] is expected
            answer = requests.get(f"{address}/v1/models/commands", timeout=30)
            assert answer.status_code == (200 if expected else 503)
            assert answer.json().items() >= {"name": "commands", "ready": expected}.items()
            assert requests.get(f"{address}/v1/models/cats", timeout=30).status_code == 404
        models(managed, "PUT", "/commands?min_worker=1&synchronous=true").raise_for_status()
    assert models(managed, "DELETE", "/commands").status_code == 200


def test_failed_registration_leaves_nothing(managed: TorchServe) -> None:
    managed.store.add_directory(MODELS / "broken_import")

    def temporary() -> set[str]:
        return {str(path) for path in managed.temp.rglob("*")}

    before = temporary()
    over = threading.Event()
    pings: set[int] = set()

    def look() -> None:
        while not over.is_set():
            pings.add(requests.get(f"{managed.inference}/ping", timeout=30).status_code)

    watcher = threading.Thread(target=look)
    watcher.start()
    failed = models(managed, "POST", "?url=broken_import&model_name=broken&initial_workers=2")
    over.set()
    watcher.join()
    assert failed.status_code == 500
    assert failed.json()["type"] == "InternalServerException"
    assert failed.json()["message"] == "Failed to start workers for model broken version: 1.0"
    assert "a_module_that_does_not_exist" in failed.json()["detail"]
    assert pings == {200}
    assert models(managed, "GET").json() == {"models": []}
    assert models(managed, "GET", "/broken").status_code == 404
    assert temporary() == before
    answer = models(managed, "POST", "?url=commands&model_name=broken&initial_workers=1")
    assert answer.status_code == 200, answer.text
    assert models(managed, "DELETE", "/broken").status_code == 200


def test_description_tells_why_a_model_is_down(managed: TorchServe) -> None:
    accepted = models(
        managed, "POST", "?url=broken_import&initial_workers=1&synchronous=false&model_name=down"
    )
    assert accepted.status_code == 202
    failing = wait_for(
        lambda: [d for d in [managed.describe("down")] if d["state"] in ("RECOVERING", "FAILED")],
        "a failing model",
    )[0]
    assert "a_module_that_does_not_exist" in failing["reason"]
    assert failing["readyWorkers"] == 0
    assert failing["recovery"]["failures"] >= 1
    assert failing["recovery"]["since"] < failing["recovery"]["windowEnd"]
    assert failing["lastLoadError"]["type"] == "ModuleNotFoundError"
    wait_for(lambda: managed.describe("down")["state"] == "FAILED", "a model that is given up")
    down = managed.describe("down")
    (worker,) = down["workers"]
    assert (worker["status"], worker["state"]) == ("FAILED", "FAILED")
    assert worker["restarts"] >= 1
    assert worker["recovery"]["failures"] == worker["restarts"] + 1
    assert "nextAttempt" not in worker["recovery"]
    assert "import a_module_that_does_not_exist" in down["lastError"]["traceback"]
    assert str(down).count("Traceback (most recent") == 1, "the traceback is told once"
    assert worker["lastError"]["detail"] == down["lastError"]["detail"]
    assert {"code", "signal"} & set(worker["lastExit"])
    assert models(managed, "DELETE", "/down").status_code == 200


def test_description_tells_how_a_worker_died(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=1").raise_for_status()
    well = managed.describe("commands")
    assert (well["state"], well["readyWorkers"]) == ("READY", 1)
    assert "reason" not in well
    (worker,) = wait_for(
        # It is looked at every few seconds.
        lambda: [w for w in managed.describe("commands")["workers"] if w["memoryUsage"] > 0],
        "the memory of the worker",
    )
    assert worker["memoryUsage"] > 1_000_000
    assert "recovery" not in worker
    old = managed.worker_pids("commands")
    os.kill(old[0], signal.SIGKILL)
    managed.wait_new_worker("commands", old)
    (worker,) = managed.describe("commands")["workers"]
    assert worker["restarts"] == 1
    assert worker["lastExit"]["signal"] == signal.SIGKILL
    assert worker["lastError"]["type"] == "ProcessExit"
    assert managed.order("raise", text="bad digit").status_code == 503
    error = managed.describe("commands")["lastError"]
    assert error["type"] == "ValueError"
    assert error["detail"].startswith("ValueError: bad digit (command_handler.py:")
    assert "bad digit" in error["traceback"]
    assert models(managed, "DELETE", "/commands").status_code == 200


def test_customized_description_has_a_place_and_a_limit_of_its_own(
    managed: TorchServe, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    managed.store.write_handler(
        "busy",
        "import os, time\n"
        "def handle(data, context):\n"
        "    if data is None:\n"
        "        return None\n"
        "    if context.get_request_header(0, 'describe') == 'True':\n"
        "        return [{'labels': ['a']}]\n"
        f"    while not os.path.exists({str(gate)!r}):\n"
        "        time.sleep(0.01)\n"
        "    return ['ok'] * len(data)\n",
        "minWorkers: 1\nmaxWorkers: 1\njobQueueSize: 1\nresponseTimeout: 3\n",
    )
    models(managed, "POST", "?url=busy").raise_for_status()
    running = threading.Thread(target=managed.predict, args=("busy",), kwargs={"data": b"x"})
    running.start()
    wait_for(lambda: managed.describe("busy")["workers"][0]["inFlight"] == 1, "one runs")
    waiting = threading.Thread(target=managed.predict, args=("busy",), kwargs={"data": b"x"})
    waiting.start()
    wait_for(lambda: managed.describe("busy")["jobQueueStatus"]["pendingRequests"] == 1, "full")
    assert managed.predict("busy", data=b"x").status_code == 503
    late = models(managed, "GET", "/busy?customized=true")
    assert late.status_code == 504, late.text
    gate.touch()
    for thread in (running, waiting):
        thread.join()
    managed.wait_ready("busy")
    described = models(managed, "GET", "/busy?customized=true")
    assert described.json()[0]["customizedMetadata"] == {"labels": ["a"]}
    assert models(managed, "DELETE", "/busy").status_code == 200


def test_requests_that_wait_for_a_leaving_model_are_told_so(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=1").raise_for_status()
    answers: list[requests.Response] = []

    def call(seconds: float) -> None:
        answers.append(managed.order("sleep", seconds=seconds))

    threads = [threading.Thread(target=call, args=(1.5,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(
        lambda: managed.describe("commands")["jobQueueStatus"]["pendingRequests"] == 2,
        "two requests wait",
    )
    assert models(managed, "DELETE", "/commands").status_code == 200
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
    for answer in answers:
        if answer.status_code == 503:
            assert (
                answer.json()["message"] == 'Model "commands" version "1.0" is being unregistered.'
            )
            assert answer.headers["retry-after"]


def test_scale_is_checked_and_reaches_zero_and_back(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=1").raise_for_status()
    wrong = models(managed, "PUT", "/commands?min_worker=3&max_worker=2")
    assert (wrong.status_code, wrong.json()["message"]) == (
        400,
        "max_worker cannot be less than min_worker.",
    )
    assert models(managed, "PUT", "/commands?min_worker=-1").status_code == 400
    accepted = models(managed, "PUT", "/commands?min_worker=0&max_worker=0")
    assert (accepted.status_code, accepted.json()) == (
        202,
        {"status": "Processing worker updates..."},
    )
    wait_for(lambda: not managed.describe("commands")["workers"], "no workers")
    back = models(managed, "PUT", "/commands?min_worker=1&synchronous=true")
    assert back.status_code == 200
    assert managed.order("echo").status_code == 200
    assert models(managed, "DELETE", "/commands").status_code == 200


def test_scale_down_and_unregister_let_what_runs_finish(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=2").raise_for_status()
    managed.wait_ready("commands", 2)
    answers: list[int] = []

    def call() -> None:
        answers.append(managed.order("sleep", seconds=1).status_code)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_for(
        lambda: sum(w["inFlight"] for w in managed.describe("commands")["workers"]) == 2,
        "two requests in flight",
    )
    models(managed, "PUT", "/commands?min_worker=1&max_worker=1").raise_for_status()
    assert models(managed, "DELETE", "/commands").status_code == 200
    for thread in threads:
        thread.join()
    assert answers == [200, 200]


def test_scale_down_with_timeout_zero_does_not_wait(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=1").raise_for_status()
    statuses: list[int] = []
    running = threading.Thread(
        target=lambda: statuses.append(managed.order("hang", seconds=60).status_code)
    )
    running.start()
    wait_for(lambda: managed.describe("commands")["workers"][0]["inFlight"] == 1, "one runs")
    path = "/commands?min_worker=0&max_worker=0&timeout=0&synchronous=true"
    scaled = models(managed, "PUT", path)
    assert scaled.json() == {"status": "Workers scaled to 0 for model: commands"}
    running.join()
    assert statuses[0] in (500, 503)
    assert managed.describe("commands")["state"] == "NO_WORKERS"
    assert models(managed, "DELETE", "/commands").status_code == 200


def test_duplicate_registration_is_a_conflict(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=1").raise_for_status()
    again = models(managed, "POST", "?url=commands&initial_workers=1")
    assert again.status_code == 409
    assert again.json()["message"] == "Model version 1.0 is already registered for model commands"
    assert managed.order("echo").status_code == 200
    assert models(managed, "DELETE", "/commands").status_code == 200


def test_set_default_by_another_method_does_nothing(managed: TorchServe) -> None:
    models(managed, "POST", "?url=commands&initial_workers=0").raise_for_status()
    for method in ("GET", "DELETE"):
        assert models(managed, method, "/commands/1.0/set-default").status_code == 405
    assert managed.registered("commands")
    assert models(managed, "DELETE", "/commands").status_code == 200


def test_list_pages(managed: TorchServe) -> None:
    for name in ("a1", "a2", "a3"):
        models(
            managed, "POST", f"?url=commands&model_name={name}&initial_workers=0"
        ).raise_for_status()
    first = models(managed, "GET", "?limit=2").json()
    assert [m["modelName"] for m in first["models"]] == ["a1", "a2"]
    rest = models(managed, "GET", f"?limit=2&next_page_token={first['nextPageToken']}").json()
    assert [m["modelName"] for m in rest["models"]] == ["a3"]
    assert "nextPageToken" not in rest
    for name in ("a1", "a2", "a3"):
        assert models(managed, "DELETE", f"/{name}").status_code == 200


def test_model_api_is_off_by_default_and_says_how_to_open_it(
    start: Callable[..., TorchServe],
) -> None:
    server = start(options=("--disable-token-auth",))
    server.store.add_directory(MODELS / "commands")
    refused = models(server, "POST", "?url=commands")
    assert refused.status_code == 405
    assert refused.json()["type"] == "MethodNotAllowedException"
    assert "enable_model_api" in refused.text or "--enable-model-api" in refused.text
    assert models(server, "DELETE", "/commands").status_code in (404, 405)
    assert models(server, "GET").status_code == 200


def test_both_apis_on_one_address(start: Callable[..., TorchServe]) -> None:
    from torchserve_process import free_ports

    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    server = start(config={"inference_address": address, "management_address": address})
    server.inference = server.management = address
    server.store.add_directory(MODELS / "commands")
    models(server, "POST", "?url=commands&initial_workers=1").raise_for_status()
    assert server.order("echo").status_code == 200
    assert models(server, "GET", "/commands/1.0").status_code == 200
    assert models(server, "GET", "/commands/all").status_code == 200
    scaled = models(server, "PUT", "/commands/1.0?min_worker=2&synchronous=true")
    assert scaled.json() == {"status": "Workers scaled to 2 for model: commands, version: 1.0"}
    assert models(server, "PUT", "/commands/1.0/set-default").status_code == 200
    title = models(server, "OPTIONS", "/commands/1.0").json()["info"]["title"]
    assert title == "RESTful Management API for: commands"
    assert models(server, "HEAD", "/commands/1.0").status_code == 200
    assert requests.get(f"{address}/v1/models/commands", timeout=30).json()["ready"] is True
    assert requests.get(f"{address}/ping", timeout=30).json() == {"status": "Healthy"}
    predicted = requests.post(f"{address}/predictions/commands/1.0", json={}, timeout=30)
    assert predicted.status_code == 200
    wrong = models(server, "DELETE", "/commands/1.0/set-default")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "PUT")
    assert requests.post(f"{address}/models/commands/invoke", data=b"x", timeout=30).ok
    assert models(server, "DELETE", "/commands/1.0").status_code == 200

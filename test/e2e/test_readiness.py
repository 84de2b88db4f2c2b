"""`/ready`, over HTTP and gRPC, and what becomes of requests for models that cannot be loaded."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from google.rpc import error_details_pb2, status_pb2
from grpc_api import Client
from torchserve_process import LIMIT_SEC, REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"
BROKEN = MODELS / "broken_import"
NO_MODULE = (
    "ModuleNotFoundError: No module named 'a_module_that_does_not_exist' (handler.py:3). If"
    " a_module_that_does_not_exist is a package, name it in the model's requirements.txt"
    " (torch-model-archiver --requirements-file, install_py_dep_per_model=true) or install it where"
    " the server runs; if it is a file of yours, pack it with --extra-files"
    " a_module_that_does_not_exist.py."
)
MISSING = "It could not be loaded at the start of the server: Model not found at: missing.mar"


def ready(server: TorchServe, path: str = "") -> tuple[int, dict[str, Any]]:
    answer = requests.get(f"{server.inference}/ready{path}", timeout=30)
    return answer.status_code, answer.json()


def reasons(server: TorchServe, path: str = "") -> dict[str, str]:
    """The models that are not ready, and why."""
    status, body = ready(server, path)
    assert status == 503, body
    assert body["status"] == "NotReady"
    return {model["name"]: model["reason"] for model in body["models"]}


def serves(server: TorchServe, name: str) -> bool:
    """What `grpc.health.v1.Health/Check` says. Its messages have one field each."""
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_inference_port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        request = b"\x0a" + bytes([len(name)]) + name.encode()
        return {b"\x08\x01": True, b"\x08\x02": False}[check(request, timeout=30)]


def add_broken(server: TorchServe, window_sec: int) -> None:
    """Adds a model that cannot be loaded, with another recovery window than its own."""
    server.store.add_directory(BROKEN)
    config = server.store.path / "broken_import" / "model-config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("InSec: 3", f"InSec: {window_sec}"), encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """One with a model that loads, one that cannot be loaded, and one that is missing."""
    running = TorchServe(tmp_path_factory.mktemp("ready"), config={"shutdown_delay_sec": "3"})
    running.store.add_directory(MODELS / "commands")
    add_broken(running, 300)
    running.start("commands", "broken_import", "missing.mar")
    running.wait_ready("commands")
    yield running
    running.stop()
    running.assert_nothing_left()


def test_each_model_that_is_not_ready_is_named_with_the_cause(server: TorchServe) -> None:
    server.wait_log("ts_log.log", "Auto recovery failed again")
    found = reasons(server)
    assert set(found) == {"broken_import", "missing"}
    assert NO_MODULE in found["broken_import"]
    assert found["missing"] == MISSING
    assert ready(server, "/commands") == (200, {"status": "Ready"})
    assert ready(server, "/commands/1.0") == (200, {"status": "Ready"})
    assert reasons(server, "/missing") == {"missing": MISSING}
    assert NO_MODULE in reasons(server, "/broken_import")["broken_import"]
    assert ready(server, "/nothing")[0] == 404
    assert ready(server, "/commands/2.0")[0] == 404
    # /ping waits for the recovery window, and skips what is missing, as in TorchServe 0.12.
    assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200
    described = server.describe("missing")
    assert (described["state"], described["reason"]) == ("FAILED", MISSING)
    assert described["lastError"]["detail"] == "The model store has broken_import, commands."
    assert [
        name for name in ("", "commands", "broken_import", "missing") if serves(server, name)
    ] == ["commands"]


def test_requests_for_a_model_that_cannot_be_loaded_fail_at_once(server: TorchServe) -> None:
    for path in (
        "/predictions/broken_import",
        "/explanations/broken_import",
        "/v1/models/broken_import:predict",
        "/v2/models/broken_import/infer",
        "/invocations?model_name=broken_import",
    ):
        answer = requests.post(server.inference + path, data=b"{}", timeout=30)
        assert answer.status_code == 503, path
        assert answer.json()["detail"] == NO_MODULE
        assert int(answer.headers["retry-after"]) >= 1
    described = requests.get(
        f"{server.management}/models/broken_import?customized=true", timeout=30
    )
    assert (described.status_code, described.json()["detail"]) == (503, NO_MODULE)
    with Client(server) as client:
        request = client.request("broken_import", input={"body": b"{}"})
        calls: list[Callable[[], Any]] = [
            lambda: client.predict(request),
            lambda: list(client.stream(request)),
        ]
        for call in calls:
            with pytest.raises(grpc.RpcError) as failure:
                call()
            assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
            details = dict(failure.value.trailing_metadata())["grpc-status-details-bin"]
            info, retry = status_pb2.Status.FromString(details).details
            facts = error_details_pb2.ErrorInfo.FromString(info.value)
            assert facts.metadata["detail"] == NO_MODULE
            assert error_details_pb2.RetryInfo.FromString(retry.value).retry_delay.seconds >= 1


def test_traceback_is_logged_once_and_each_restart_in_a_line(server: TorchServe) -> None:
    again = "Auto recovery failed again. Retry worker: "
    log = wait_for(
        lambda: text if (text := server.log("ts_log.log")).count(again) >= 3 else None,
        "three restarts",
    )
    lines = [line for line in log.splitlines() if again in line]
    assert all(
        line.endswith(f"Load model failed: broken_import, error: {NO_MODULE}") for line in lines
    ), lines
    assert log.count("Traceback (most recent call last)") == 1
    assert server.log("model_log.log").count("Traceback (most recent call last)") == 1
    assert log.count(f"Load model failed: broken_import, error: {NO_MODULE}") == 1 + log.count(
        again
    )


def test_server_is_ready_once_what_failed_is_registered_or_gone(server: TorchServe) -> None:
    again = requests.post(f"{server.management}/models?url=missing.mar", timeout=60)
    assert again.status_code == 404, "it is still missing"
    assert "missing" in reasons(server)
    shutil.copytree(server.store.path / "commands", server.store.path / "missing.mar")
    again = requests.post(
        f"{server.management}/models?url=missing.mar&model_name=missing&initial_workers=1",
        timeout=60,
    )
    assert again.status_code == 200, again.text
    assert ready(server, "/missing") == (200, {"status": "Ready"})
    assert server.describe("missing")["state"] == "READY"
    assert set(reasons(server)) == {"broken_import"}
    gone = requests.delete(f"{server.management}/models/broken_import", timeout=60)
    assert gone.status_code == 200, gone.text
    assert ready(server) == (200, {"status": "Ready"})
    assert serves(server, "")


def test_server_that_stops_is_not_ready_and_serves_until_the_delay_is_over(
    server: TorchServe,
) -> None:
    """The last test of this server."""
    assert ready(server)[0] == 200
    assert server.process is not None
    stopped = threading.Thread(target=server.stop)
    stopped.start()
    try:
        wait_for(lambda: ready(server)[0] == 503, "not to be ready")
        assert ready(server)[1] == {
            "status": "NotReady",
            "reason": "The server is shutting down.",
        }
        assert ready(server, "/commands")[0] == 503
        assert server.order("echo").status_code == 200, "requests are served"
        assert not serves(server, "")
        assert server.process.poll() is None
    finally:
        stopped.join(LIMIT_SEC)
    assert server.process.wait(LIMIT_SEC) == 128 + signal.SIGTERM
    with pytest.raises(requests.ConnectionError):
        ready(server)


def test_failed_model_of_the_start_ends_the_server_where_that_is_asked_for(
    tmp_path: Path,
) -> None:
    server = TorchServe(tmp_path / "server", config={"exit_on_load_failure": "true"})
    add_broken(server, 3)
    server.start("broken_import")
    assert server.process is not None
    assert server.process.wait(LIMIT_SEC) == 1
    server.stop()  # reads the output to its end
    assert NO_MODULE in server.tail(20)
    assert "exit_on_load_failure" in server.tail(20)
    server.assert_nothing_left()
    # What cannot be registered at all has no recovery window: the start fails.
    failed = subprocess.run(
        server.command(*server.start_words("missing.mar")),
        env=server.environment,
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_SEC,
        check=False,
    )
    assert failed.returncode == 1
    assert MISSING in failed.stderr
    assert "Model server started." not in failed.stdout
    server.assert_nothing_left()

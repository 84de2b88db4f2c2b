"""Each row of the table of deviations that ``compatibility=0.12`` switches: both answers, seen."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from grpc_api import Api, Client, refused
from raw_http import Connection
from torchserve_process import REPOSITORY, TorchServe, wait_for, workflow_archive

TABLE = REPOSITORY / "frontend/compatibility/src/main/java/org/tsnext/compatibility/Deviation.java"
MODELS = REPOSITORY / "test" / "models"
LIMIT = 3000
CALLS = 5
TIMEOUTS = "minWorkers: 1\nmaxWorkers: 1\nresponseTimeout: 9\n"
QUICK = "minWorkers: 1\nmaxWorkers: 1\nresponseTimeout: 1\n"
ECHO = """
def handle(data, context):
    return ["ok" for _ in data] if data is not None else None
"""
HANGS = """
import time

def handle(data, context):
    if data is None:
        return None
    time.sleep(60)
"""
NOT_A_NUMBER = """
def handle(data, context):
    return [{"score": float("nan")} for _ in data] if data is not None else None
"""
FAILS_IN_A_STREAM = """
from ts.handler_utils.utils import send_intermediate_predict_response as send

def handle(data, context):
    if data is None:
        return None
    context.set_response_content_type(0, "text/event-stream")
    send(["data: 1\\n\\n"], context.request_ids, "ok", 200, context)
    raise ValueError("no more")
"""
CANNOT_LOAD = """
raise RuntimeError("this model does not load")
"""


class Server(TorchServe):
    """A server with tokens, which keeps snapshots."""

    is_original = False

    def start_words(self, *models: str) -> list[str]:
        return [word for word in super().start_words(*models) if word != "--ncs"]

    def token(self, kind: str) -> str:
        """A token of its key file."""
        keys = json.loads((self.folder / "key_file.json").read_text())
        return str(keys[kind]["key"])

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """A request to the inference API with its token."""
        return self._ask(self.inference, "inference", method, path, **arguments)

    def manage(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """A request to the management API with its token."""
        return self._ask(self.management, "management", method, path, **arguments)

    def _ask(
        self, address: str, kind: str, method: str, path: str, **arguments: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token(kind)}", **arguments.pop("headers", {})}
        return requests.request(method, address + path, headers=headers, timeout=60, **arguments)

    def management_api(self) -> Api:
        """The management API over gRPC, with its token."""
        return Api(
            self.grpc_management_port,
            "management",
            "ManagementAPIsService",
            key=self.token("management"),
        )

    def grpc_failure(self, model: str, *, token: bool = True) -> tuple[str, str]:
        """Code and first line of what a prediction over gRPC ends with."""
        metadata = [("authorization", f"Bearer {self.token('inference')}")] if token else []
        with Client(self) as client:
            error: Any = client.failure(client.request(model), metadata=metadata)
        return error.code().name, error.details().split("\n")[0]

    def told(self, log: str, metric: str, model: str) -> int:
        """How many lines of a log tell of a metric of a model."""
        pattern = rf"{metric}\.\w+:.*\b(?:model_name|ModelName):{model}\b"
        return len(re.findall(pattern, self.log(log)))


@dataclass(frozen=True)
class Case:
    """What a client sees of some rows, by itself and with the switch."""

    rows: tuple[str, ...]
    look: Callable[[Server], Any]
    ours: Any
    original: Any


def error_of(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["type"], body["message"]


def raised(server: Server) -> tuple[int, str]:
    order = {"do": "prediction_exception", "text": "a teapot", "code": 418}
    answer = server.ask("POST", "/predictions/commands", json=order)
    return answer.status_code, answer.json()["type"]


def failed(server: Server) -> bool:
    order = {"do": "raise", "text": "bad digit"}
    return "detail" in server.ask("POST", "/predictions/commands", json=order).json()


def too_large(server: Server) -> tuple[int, bool]:
    answer = server.ask("POST", "/predictions/commands", data=b"x" * (LIMIT + 1))
    return answer.status_code, bool(answer.content)


def readiness_of_v1(server: Server) -> int:
    return server.ask("GET", "/v1/models/idle").status_code


def no_worker(server: Server) -> tuple[int, bool, str]:
    answer = server.ask("POST", "/predictions/idle/1.0", data=b"x")
    return answer.status_code, "retry-after" in answer.headers, answer.json()["message"]


def raw(server: Server, start: bytes) -> int:
    connection = Connection(server.inference_port)
    with connection.socket:
        connection.send(start + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return int(connection.read_head().split()[1])


def events(server: Server) -> str:
    """The last event of a stream that fails, or how the stream ends otherwise."""
    try:
        answer = server.ask("POST", "/predictions/fails", data=b"x")
    except requests.exceptions.ChunkedEncodingError:
        return "cut"
    return answer.text.split("\n\n")[-2].strip().split("\n")[0]


def described(server: Server) -> tuple[bool, bool, list[str]]:
    description = server.manage("GET", "/models/broken").json()[0]
    statuses = {worker["status"] for worker in description["workers"]}
    return "state" in description, "restarts" in description["workers"][0], sorted(statuses)


def api_paths(server: Server) -> tuple[bool, str, str]:
    paths = server.ask("OPTIONS", "/").json()["paths"]
    of_model = server.ask("OPTIONS", "/predictions/commands").json()["paths"]
    id_of_v1 = paths["/v1/models/{model_name}:predict"]["post"]["operationId"]
    return "/explanations/{model_name}" in paths, id_of_v1, next(iter(of_model))


def file_url(server: Server) -> int:
    archive = server.folder / "elsewhere.mar"
    with zipfile.ZipFile(archive, "w") as packed:
        source = server.store.path / "idle"
        for file in source.rglob("*"):
            packed.write(file, file.relative_to(source))
    answer = server.manage(
        "POST", "/models", params={"url": archive.as_uri(), "model_name": "elsewhere"}
    )
    return answer.status_code


def registered(server: Server) -> tuple[int, int]:
    params = {"url": "configured", "response_timeout": 33, "initial_workers": 2}
    server.manage("POST", "/models", params=params).raise_for_status()
    description = server.manage("GET", "/models/configured").json()[0]
    server.manage("DELETE", "/models/configured").raise_for_status()
    return description["responseTimeout"], description["minWorkers"]


def scaled(server: Server) -> tuple[int, int]:
    answer = server.manage("PUT", "/models/commands?min_worker=many&synchronous=yes")
    flag = server.manage("GET", "/models/commands?customized=perhaps")
    return answer.status_code, flag.status_code


def unknown_parameters(server: Server) -> tuple[int, ...]:
    scaled = server.manage("PUT", "/models/commands?min_workers=1")
    listed = server.manage("GET", "/models?limits=1")
    headers = {"Authorization": f"Bearer {server.token('API')}"}
    renewed = server.manage("PUT", "/token?type=inference&typ=management", headers=headers)
    return scaled.status_code, listed.status_code, renewed.status_code


def conflict(server: Server) -> str:
    return refused(server.management_api().RegisterModel, url="commands")[0]


def missing_name(server: Server) -> str:
    return refused(server.management_api().ScaleWorker, min_worker=1)[0]


def scaled_to_zero(server: Server) -> str:
    answer = server.management_api().ScaleWorker(
        model_name="echo", min_worker=0, max_worker=1, synchronous=True
    )
    return str(answer.msg)


def lines(server: Server) -> tuple[bool, bool]:
    """Whether there is a line for each of a few calls, of the server and of the handler."""
    for _ in range(CALLS):
        server.ask("POST", "/predictions/commands", json={"do": "text", "text": "x"})

    def counts() -> tuple[int, int]:
        return (
            server.told("ts_metrics.log", "ts_inference_requests_total", "commands"),
            server.told("model_metrics.log", "PredictionTime", "commands"),
        )

    # Lines of a second come at its end.
    wait_for(lambda: all(counts()), "lines of metrics")
    requests_seen = int(
        float(
            re.findall(
                r'ts_inference_requests_total\{model_name="commands",[^}]*\} (\S+)',
                requests.get(server.metrics + "/metrics", timeout=30).text,
            )[0]
        )
    )
    if server.is_original:
        wait_for(
            lambda: counts()[0] == requests_seen and counts()[1] >= CALLS, "a line for each request"
        )
    return counts()[0] == requests_seen, counts()[1] >= CALLS


def snapshots(server: Server) -> bool:
    """Whether a call that changes nothing leaves a file."""
    folder = server.logs / "config"
    before = len(list(folder.glob("*-snapshot.cfg")))
    server.manage("PUT", "/models/commands/1.0/set-default").raise_for_status()
    if server.is_original:
        wait_for(lambda: len(list(folder.glob("*-snapshot.cfg"))) > before, "a snapshot")
    return len(list(folder.glob("*-snapshot.cfg"))) > before


def ping(server: Server) -> tuple[int, list[str]]:
    wait_for(lambda: server.ask("GET", "/ping").status_code == 500, "a model that is down")
    answer = server.ask("GET", "/ping")
    return answer.status_code, list(answer.json())


WORKFLOW = """
models: {m: {url: idle, min-workers: 1, max-workers: 2, retry-attempts: 0}}
dag: {first: [m], m: [last]}
"""
FUNCTIONS = """
def first(data, context):
    return None if data is None else [row["body"] for row in data]

def last(data, context):
    if data is None:
        return None
    if data[0]["body"] != b"ok":
        raise ValueError("not ok")
    context.set_response_status(418, "Teapot")
    return ["tea"]
"""


def workflow(server: Server) -> dict[str, Any]:
    """A workflow whose last node sets a status, and one whose node fails."""
    archive = server.store.path / "flow.war"
    archive.write_bytes(workflow_archive(WORKFLOW, FUNCTIONS, workflowName="flow"))
    server.manage("POST", "/workflows", params={"url": "flow.war"}).raise_for_status()
    answer = server.ask("POST", "/wfpredict/flow", data=b"x")
    node = server.manage("GET", "/models/flow__m").json()[0]
    described = server.manage("GET", "/workflows/flow").json()[0]
    archive.write_bytes(workflow_archive("models:\ndag: {first: [last]}", FUNCTIONS))
    params = {"url": "flow.war", "workflow_name": "failing"}
    server.manage("POST", "/workflows", params=params).raise_for_status()
    failure = server.ask("POST", "/wfpredict/failing", data=b"x")
    for name in ("flow", "failing"):
        server.manage("DELETE", f"/workflows/{name}").raise_for_status()
    return {
        "answer": (answer.status_code, answer.headers["content-type"].split(";")[0], answer.text),
        "workers": len(node["workers"]),
        "nodes": "nodes" in described,
        "failure": (failure.status_code, failure.json()["message"]),
    }


SLOW = """
import time

def handle(data, context):
    if data is None:
        return None
    print("it runs", flush=True)
    time.sleep(2)
    return ["late"]
"""


def unregistered(server: Server) -> bool:
    """Whether a request that runs is answered although its model is unregistered."""
    server.store.write_handler("slow", SLOW)
    server.manage(
        "POST", "/models", params={"url": "slow", "initial_workers": 1}
    ).raise_for_status()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.ask, "POST", "/predictions/slow", data=b"x")
        server.wait_log("model_log.log", "it runs")
        server.manage("DELETE", "/models/slow").raise_for_status()
        return running.result().status_code == 200


NO_WORKER = (
    " has no worker to serve inference request. Please use scale workers API to add workers."
)
SEQUENCE = (
    " If this is a sequence inference, please check if it is closed, or expired; or exceeds"
    " maxSequenceJobQueueSize"
)

CASES = [
    Case(
        ("HANDLER_ERROR_TYPE",),
        raised,
        (418, "BadRequestException"),
        (418, "InternalServerException"),
    ),
    Case(("ERROR_DETAIL",), failed, True, False),
    Case(
        ("TIMEOUT_STATUS",),
        lambda server: error_of(server.ask("POST", "/predictions/hangs", data=b"x")),
        (
            504,
            "ResponseTimeoutException",
            'The worker of model "hangs" did not respond within 1 s (responseTimeout).',
        ),
        (500, "InternalServerException", "Worker died."),
    ),
    Case(("STREAM_ERROR",), events, "event: error", "cut"),
    Case(("V1_READINESS_STATUS",), readiness_of_v1, 503, 200),
    Case(("BODY_TOO_LARGE",), too_large, (413, True), (413, False)),
    Case(("UNHEALTHY_PING",), ping, (500, ["status", "models"]), (500, ["status"])),
    Case(
        ("RETRY_AFTER", "NO_WORKER_TEXT"),
        no_worker,
        (503, True, 'Model "idle" Version "1.0"' + NO_WORKER),
        (503, False, 'Model "idle" Version 1.0"' + NO_WORKER + SEQUENCE),
    ),
    Case(
        ("TOKEN_STATUS",),
        lambda server: requests.get(server.management + "/models", timeout=30).status_code,
        401,
        400,
    ),
    Case(
        ("GRPC_TOKEN_STATUS",),
        lambda server: server.grpc_failure("commands", token=False)[0],
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
    ),
    Case(("ALLOWED_URLS",), file_url, 404, 200),
    Case(
        ("HEAD_LIMIT_STATUS",),
        lambda server: raw(server, b"GET /ping?" + b"a" * 20000),
        414,
        400,
    ),
    Case(("CONNECT_METHOD",), lambda server: raw(server, b"CONNECT a.example:80"), 501, 400),
    Case(
        ("API_DESCRIPTIONS",),
        api_paths,
        (True, "v1Predict", "/predictions/commands"),
        (False, "predictions", "/prediction/commands"),
    ),
    Case(
        ("NAN_IN_JSON",),
        lambda server: server.ask("POST", "/predictions/nan", data=b"x").status_code,
        500,
        200,
    ),
    Case(
        ("DESCRIPTION_MEMBERS",),
        described,
        (True, True, ["FAILED"]),
        (False, False, ["UNLOADING"]),
    ),
    Case(("BAD_PARAMETERS",), scaled, (400, 400), (202, 200)),
    Case(("UNKNOWN_PARAMETERS",), unknown_parameters, (400, 400, 400), (202, 200, 200)),
    Case(("REGISTRATION_WINS",), registered, (33, 2), (9, 1)),
    Case(
        ("GRPC_STATUSES",),
        lambda server: server.grpc_failure("absent"),
        ("NOT_FOUND", "Model not found: absent"),
        ("INTERNAL", "Model not found: absent"),
    ),
    Case(("GRPC_CONFLICTS",), conflict, "ALREADY_EXISTS", "UNKNOWN"),
    Case(("GRPC_MISSING_NAME",), missing_name, "INVALID_ARGUMENT", "UNKNOWN"),
    Case(
        ("GRPC_SCALE_TO_ZERO",),
        scaled_to_zero,
        "Workers scaled to 0 for model: echo",
        "Workers scaled to 1 for model: echo",
    ),
    Case(("METRICS_LINES", "HANDLER_TIMES"), lines, (False, False), (True, True)),
    Case(("SNAPSHOT_MOMENTS",), snapshots, False, True),
    Case(("UNREGISTER_TIMEOUT",), unregistered, True, False),
    Case(
        (
            "WORKFLOW_RESPONSE",
            "WORKFLOW_WORKERS",
            "WORKFLOW_DESCRIPTION",
            "WORKFLOW_ERROR_STATUS",
        ),
        workflow,
        {
            "answer": (418, "text/plain", "tea"),
            "workers": 1,
            "nodes": True,
            "failure": (503, "Error executing last"),
        },
        {
            "answer": (200, "application/json", "tea"),
            "workers": 2,
            "nodes": False,
            "failure": (500, "Error executing last"),
        },
    ),
]
OF_THE_COMMAND = {"SNAPSHOT_ORDER", "BOOLEAN_SETTINGS"}
"""Rows of the start, which the tests at the end of this file see."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Server]]:
    """One server by itself and one with the switch, on the same models."""
    started = {}
    for original in (False, True):
        server = Server(
            tmp_path_factory.mktemp("original" if original else "ours"),
            config={"max_request_size": str(LIMIT), "default_workers_per_model": "1"},
            options=(
                "--enable-model-api",
                *(("--compatibility", "0.12") if original else ()),
            ),
        )
        server.is_original = original
        server.store.add_directory(MODELS / "commands")
        server.store.write_handler("echo", ECHO)
        server.store.write_handler("idle", ECHO)
        server.store.write_handler("hangs", HANGS, QUICK)
        server.store.write_handler("nan", NOT_A_NUMBER)
        server.store.write_handler("fails", FAILS_IN_A_STREAM)
        server.store.write_handler("configured", ECHO, TIMEOUTS)
        server.store.write_handler("broken", CANNOT_LOAD, "maxRetryTimeoutInSec: 0\n")
        server.start("commands", "echo", "hangs", "nan", "fails", "broken")
        for model in ("commands", "echo", "hangs", "nan", "fails"):
            wait_for(
                lambda model=model, server=server: (
                    "READY" in server.manage("GET", f"/models/{model}").text
                ),
                f"{model} to load",
            )
        server.manage("POST", "/models?url=idle&initial_workers=0").raise_for_status()
        started[original] = server
    yield started
    for server in started.values():
        server.stop()
    for server in started.values():
        server.assert_nothing_left()


@pytest.mark.parametrize("original", [False, True], ids=["ours", "original"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.rows))
def test_row_is_answered_as_the_switch_says(
    servers: dict[bool, Server], case: Case, original: bool
) -> None:
    assert case.look(servers[original]) == (case.original if original else case.ours)


def test_each_row_of_the_switch_is_seen() -> None:
    text = TABLE.read_text(encoding="utf-8").split("// spotless:off")[1].split("// spotless:on")[0]
    rows = re.split(r"\n  (?=[A-Z0-9_]+\()", text)[1:]
    switched = {
        row.split("(")[0] for row in rows if re.search(r"\b(row\(\)|key\(\"|opens\(\")", row)
    }
    seen = {name for case in CASES for name in case.rows} | OF_THE_COMMAND
    assert switched == seen


def test_start_lists_what_the_switch_opens(servers: dict[bool, Server]) -> None:
    assert "compatibility = 0.12 (command line --compatibility) sets allowed_urls" in "".join(
        servers[True].output
    )
    assert "compatibility" not in "".join(servers[False].output)


def print_config(tmp_path: Path, text: str, *words: str, **environment: str) -> tuple[int, str]:
    """What ``torchserve --print-config`` says of a settings file."""
    server = TorchServe(tmp_path / "printed", environment=environment)
    server.config_file.write_text(text)
    done = subprocess.run(
        server.command(
            *("--print-config", "--ts-config", str(server.config_file)),
            *("--model-store", str(server.store.path), *words),
        ),
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_boolean_that_is_none_is_false_as_in_the_original(tmp_path: Path) -> None:
    text = "compatibility=0.12\ndisable_token_authorization=yes\n"
    code, printed = print_config(tmp_path, text)
    assert code == 0, printed
    assert "disable_token_authorization = false (file" in printed
    assert "it is taken for false, as TorchServe 0.12 did" in printed


def test_snapshot_wins_over_the_models_of_the_command_line(tmp_path: Path) -> None:
    model = {
        "defaultVersion": True,
        "marName": "m.mar",
        "minWorkers": 1,
        "maxWorkers": 1,
        "batchSize": 1,
        "maxBatchDelay": 100,
    }
    state = {"name": "x", "modelCount": 1, "models": {"m": {"1.0": model}}}
    text = f"model_snapshot={json.dumps(state)}\n"
    _, printed = print_config(tmp_path, text, "--models", "other.mar")
    assert "is not restored: models are named by command line --models" in printed
    _, printed = print_config(
        tmp_path / "original", text, "--models", "other.mar", TS_COMPATIBILITY="0.12"
    )
    assert "Restoring the state of 1 model versions" in printed


def test_setting_that_is_given_is_never_changed(tmp_path: Path) -> None:
    text = "compatibility=0.12\nerror_detail=true\nallowed_urls=\njson_nan=null\n"
    _, printed = print_config(tmp_path, text)
    assert "error_detail = true (file" in printed
    assert "json_nan = null (file" in printed
    assert "token_failures_as_400 = true (compatibility 0.12)" in printed


def test_switch_has_two_values(tmp_path: Path) -> None:
    code, printed = print_config(tmp_path, "compatibility=0.11\n")
    assert code == 1
    assert "compatibility = 0.11 (file" in printed
    assert "expected next or 0.12" in printed

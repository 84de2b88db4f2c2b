"""Workflows on a real server: both examples, faults in nodes, and archives that are refused."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for, workflow_archive

SAMPLE = REPOSITORY / "examples" / "digits" / "sample"
FUNCTIONS = """
import json, os, time

def first(data, context):
    return None if data is None else [row.get("body") for row in data]

def upper(data, context):
    return None if data is None else [row["body"].decode().upper() for row in data]

def length(data, context):
    return None if data is None else [{"length": len(row["body"])} for row in data]

def join(data, context):
    if data is None:
        return None
    return [json.dumps({k: bytes(v).decode() for k, v in sorted(row.items())}) for row in data]

def fail(data, context):
    if data is not None:
        raise ValueError("no such word")

def refuse(data, context):
    if data is not None:
        context.set_response_status(422, "Unprocessable")
        return ["not this one"]

def die_once(data, context):
    if data is None:
        return None
    if not os.path.exists("died"):
        open("died", "w").close()
        os._exit(3)
    return ["survived"]

def sleep(data, context):
    if data is not None:
        time.sleep(6)

def picture(data, context):
    if data is not None:
        context.set_response_content_type(0, "image/png")
        context.set_response_header(0, "x-made-by", "picture")
        return [b"\\x89PNG"]
"""


def war(spec: str, **changes: str) -> bytes:
    """A workflow archive with the functions above; `changes` of its entry in the manifest."""
    return workflow_archive(spec, FUNCTIONS, **changes)


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with both examples registered."""
    running = TorchServe(tmp_path_factory.mktemp("workflows"), torch=True)
    subprocess.run(
        [sys.executable, REPOSITORY / "examples/workflow/build.py", running.store.path], check=True
    )
    running.start()
    for name in ("sentence", "vote"):
        assert register(running, f"{name}.war").status_code == 200
    yield running
    running.stop()
    running.assert_nothing_left()


def register(server: TorchServe, url: str, **parameters: Any) -> requests.Response:
    """POST /workflows."""
    return requests.post(
        f"{server.management}/workflows", params={"url": url, **parameters}, timeout=120
    )


def run(server: TorchServe, name: str, **arguments: Any) -> requests.Response:
    return requests.post(f"{server.inference}/wfpredict/{name}", timeout=120, **arguments)


@pytest.fixture
def workflow(flows: TorchServe) -> Iterator[Callable[..., requests.Response]]:
    """Registers a workflow named `w`, which is gone after the test."""

    def made(spec: str, **changes: Any) -> requests.Response:
        (flows.store.path / "w.war").write_bytes(war(spec, **changes))
        return register(flows, "w.war")

    yield made
    requests.delete(f"{flows.management}/workflows/w", timeout=60)


def test_pipeline_passes_each_answer_on(flows: TorchServe) -> None:
    answer = run(flows, "sentence", data=(SAMPLE / "seven.png").read_bytes())
    assert answer.status_code == 200, answer.text
    assert re.fullmatch(r"This is a 7, by \d+%\.\n", answer.text), answer.text


def test_ensemble_adds_up_both_answers(flows: TorchServe) -> None:
    image = (SAMPLE / "seven.png").read_bytes()
    for arguments in ({"data": image}, {"files": {"data": ("seven.png", image)}}):
        answer = run(flows, "vote", **arguments)
        assert answer.status_code == 200, answer.text
        assert answer.json()["class"] == "7"
        assert answer.headers["content-type"] == "application/json"


def test_workflows_are_listed_and_described(flows: TorchServe) -> None:
    listed = requests.get(f"{flows.management}/workflows", timeout=60).json()
    assert {"workflowName": "vote", "workflowUrl": "vote.war"} in listed["workflows"]
    described = requests.get(f"{flows.management}/workflows/sentence", timeout=60).json()
    assert described[0]["workflowDag"] == "{read=[digits], digits=[in_words]}"
    assert [node["type"] for node in described[0]["nodes"]] == ["function", "model", "function"]
    models = requests.get(f"{flows.management}/models", timeout=60).json()["models"]
    names = [model["modelName"] for model in models]
    assert "sentence__digits" in names
    assert "sentence__read" not in names
    function = flows.describe("sentence__read")
    assert "modelUrl" not in function
    assert function["minWorkers"] == 1


def test_answers_run_side_by_side_and_meet_by_name(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    spec = "models:\ndag:\n  first: [upper, length]\n  upper: [join]\n  length: [join]\n"
    assert workflow(spec).status_code == 200
    answer = run(flows, "w", data=b"abc")
    assert json.loads(answer.json()["length"]) == {"length": 3}, answer.text
    assert answer.json()["upper"] == "ABC"


def test_several_leaves_make_one_object(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    assert workflow("models:\ndag:\n  first: [upper, length]\n").status_code == 200
    answer = run(flows, "w", data=b"abc")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"upper": "ABC", "length": {"length": 3}}


def test_leaf_chooses_type_and_headers(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    assert workflow("models:\ndag:\n  first: [picture]\n").status_code == 200
    answer = run(flows, "w", data=b"abc")
    assert (answer.headers["content-type"], answer.headers["x-made-by"]) == ("image/png", "picture")
    assert answer.content == b"\x89PNG"


@pytest.mark.parametrize(
    ("node", "status", "detail"),
    [("fail", 503, "ValueError: no such word"), ("refuse", 422, "not this one")],
)
def test_error_of_a_node_names_it_with_the_cause(
    flows: TorchServe,
    workflow: Callable[..., requests.Response],
    node: str,
    status: int,
    detail: str,
) -> None:
    assert workflow(f"models:\ndag:\n  first: [{node}]\n  {node}: [upper]\n").status_code == 200
    answer = run(flows, "w", data=b"abc")
    assert answer.status_code == status, answer.text
    assert answer.json()["message"] == f"Error executing {node}"
    assert detail in answer.json()["detail"]


def test_worker_that_dies_costs_no_answer(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    assert workflow("models:\ndag:\n  first: [die_once]\n").status_code == 200
    answer = run(flows, "w", data=b"abc")
    assert (answer.status_code, answer.text) == (200, "survived")


def test_deadline_of_the_client_ends_the_whole_run(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    assert workflow("models:\ndag:\n  first: [sleep]\n").status_code == 200
    before = time.monotonic()
    answer = run(flows, "w", data=b"abc", headers={"x-request-timeout-ms": "500"})
    assert answer.status_code == 504, answer.text
    assert answer.json()["message"] == "Error executing sleep"
    assert time.monotonic() - before < 5.5  # the node itself takes 6 s


def test_values_for_all_models_hold_for_functions_too(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    spec = "models:\n  timeout-ms: 300\n  retry-attempts: 0\ndag:\n  first: [sleep]\n"
    assert workflow(spec).status_code == 200
    described = requests.get(f"{flows.management}/workflows/w", timeout=60).json()[0]
    assert {node["timeoutMs"] for node in described["nodes"]} == {300}
    answer = run(flows, "w", data=b"abc")
    assert answer.status_code == 504, answer.text
    assert "The node has timeout-ms 300." in answer.json()["detail"]


def test_model_of_a_node_that_was_unregistered_is_named(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    assert workflow("models:\ndag:\n  first: [upper]\n").status_code == 200
    requests.delete(f"{flows.management}/models/w__upper", timeout=60).raise_for_status()
    answer = run(flows, "w", data=b"abc")
    assert answer.status_code == 503, answer.text
    assert "w__upper of this node was unregistered" in answer.json()["detail"]
    gone = requests.delete(f"{flows.management}/workflows/w", timeout=60)
    assert gone.json() == {"status": 'Workflow "w" unregistered'}


def test_nothing_stays_of_a_workflow_whose_function_is_missing(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    answer = workflow("models:\ndag:\n  first: [upper]\n  upper: [unknown_function]\n")
    assert answer.status_code == 500, answer.text
    assert answer.json()["type"] == "WorkflowException"
    assert answer.json()["message"].startswith("Workflow w has failed to register. Failures: [")
    assert "unknown_function" in answer.json()["message"] + answer.json()["detail"]
    assert run(flows, "w", data=b"x").status_code == 404
    for node in ("first", "upper", "unknown_function"):
        wait_for(lambda node=node: not flows.registered(f"w__{node}"), f"{node} to be gone")  # type: ignore[misc]
    assert not [p for p in flows.temp.rglob("workflows/*") if p.name == "w.war"]


def test_traffic_goes_on_while_a_workflow_is_unregistered(
    flows: TorchServe, workflow: Callable[..., requests.Response]
) -> None:
    """Each request is answered or finds no workflow; none is cut."""
    assert workflow("models:\ndag:\n  first: [upper]\n  upper: [length]\n").status_code == 200
    statuses: list[int] = []
    ended = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            while not ended.is_set():
                url = f"{flows.inference}/wfpredict/w"
                statuses.append(session.post(url, data=b"abc", timeout=60).status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: statuses.count(200) > 50, "requests to be answered")
    requests.delete(f"{flows.management}/workflows/w", timeout=60).raise_for_status()
    wait_for(lambda: 404 in statuses, "a request after the end")
    ended.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 404}


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (b"no archive", 400, "by its first bytes"),
        (war("models:\ndag:\n  a: [b]\n  b: [a]\n"), 400, "Not a valid DAG"),
        (war("models:\ndag:\n  a: [b]\n  c: [b]\n"), 400, "only one start node"),
        (war("models:\ndag:\n  a: [a]\n"), 400, "Self loop exception"),
        (war("models: {m: {url: gone.mar}}\ndag: {m: []}"), 500, "Model not found at: gone.mar"),
        (war("models: {}\ndag: {m: !!python/object:os.system [id]}"), 400, "spec.yaml"),
        (
            war("models:\ndag: {a: []}", specFile="../spec.yaml"),
            400,
            "inside the workflow's folder",
        ),
        (war("models:\ndag: {a: []}", handler="other.py"), 400, "has no file other.py"),
        (war("models:\ndag: {a: []}", workflowName="a/b"), 400, "workflow name"),
    ],
)
def test_wrong_archive_is_refused_with_its_fault_and_leaves_nothing(
    flows: TorchServe, content: bytes, status: int, text: str
) -> None:
    (flows.store.path / "bad.war").write_bytes(content)
    before = sorted(p for p in flows.temp.rglob("*") if p.is_dir())
    answer = register(flows, "bad.war")
    assert answer.status_code == status, answer.text
    assert text in answer.text
    unpacked = [p for p in flows.temp.rglob("*") if p.is_dir() and p not in before]
    assert [p for p in unpacked if "workflows" in p.parts[:-1]] == []


def test_archive_that_leads_out_of_its_folder_is_refused(flows: TorchServe) -> None:
    content = io.BytesIO(war("models:\ndag: {first: []}"))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("../../escaped.py", "")
    (flows.store.path / "bad.war").write_bytes(content.getvalue())
    assert register(flows, "bad.war").status_code == 400
    assert not list(flows.temp.rglob("escaped.py"))


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        ("gone.war", 404, "Workflow not found in workflow store: gone.war"),
        ("../w.war", 404, "Relative path is not allowed in url: ../w.war"),
        ("http://127.0.0.1:9/w.war", 404, "does not match any allowed URL(s)"),
        ("vote.war", 409, "Workflow vote is already registered."),
    ],
)
def test_url_that_cannot_be_used_is_refused(
    flows: TorchServe, url: str, status: int, text: str
) -> None:
    answer = register(flows, url)
    assert answer.status_code == status, answer.text
    assert text in answer.json()["message"]


def test_workflows_need_the_model_api(start: Callable[..., TorchServe], tmp_path: Path) -> None:
    store = tmp_path / "flows"
    store.mkdir()
    (store / "w.war").write_bytes(war("models:\ndag:\n  first: [upper]\n"))
    closed = start(options=("--disable-token-auth", "--workflow-store", str(store)))
    for answer in (
        register(closed, "w.war"),
        requests.delete(f"{closed.management}/workflows/w", timeout=60),
    ):
        assert answer.status_code == 405, answer.text
        assert "enable_model_api=true" in answer.json()["detail"]
    assert requests.get(f"{closed.management}/workflows", timeout=60).json() == {"workflows": []}


def test_workflow_store_is_its_own_and_nothing_is_saved(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    store = tmp_path / "flows"
    store.mkdir()
    (store / "w.war").write_bytes(war("models:\ndag:\n  first: [upper]\n"))
    options = ("--disable-token-auth", "--enable-model-api", "--workflow-store", str(store))
    server = start(options=options)
    assert register(server, "w.war", workflow_name="other").status_code == 200
    assert run(server, "other", data=b"abc").text == "ABC"
    assert run(server, "w", data=b"abc").status_code == 404

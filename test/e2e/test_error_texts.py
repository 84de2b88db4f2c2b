"""What errors tell a client: the cause, and nothing about the machine that it should not know.

Every kind of error is provoked over HTTP. No answer names a folder of the server or of the workers'
sockets, a home, the environment, or a secret; paths inside the model are the cause and may be told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for

SECRET = "s3cr3t-of-the-server"
ADDRESSED = "<_io.BytesIO object at 0x7f3c2d1e0a90>"
BROKEN = {
    "import_error": "import no_such_module\n",
    "syntax_error": "def handle(data, context:\n",
    "fails_to_load": "class H:\n"
    "    def initialize(self, context):\n"
    "        raise RuntimeError('no weights here')\n"
    "    def handle(self, data, context):\n"
    "        return data\n",
    "dies_on_load": "import os\nos._exit(3)\n",
}


@pytest.fixture(scope="module")
def erring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    server = TorchServe(
        tmp_path_factory.mktemp("server"),
        config={"max_request_size": "100000", "max_response_size": "100000"},
        environment={"AWS_SECRET_ACCESS_KEY": SECRET},
    )
    server.store.add_directory(REPOSITORY / "test" / "models" / "commands")
    for name, code in BROKEN.items():
        server.store.write_handler(name, code, "maxRetryTimeoutInSec: 0\n")
    server.store.write_handler(
        "slow",
        "import time\n"
        "def handle(data, context):\n"
        "    if data is None:\n"
        "        return None\n"
        "    time.sleep(30)\n"
        "    return ['late' for _ in data]\n",
        "minWorkers: 1\nmaxWorkers: 1\njobQueueSize: 1\nresponseTimeout: 1\n",
    )
    (server.store.path / "broken.mar").write_bytes(b"PK\x03\x04 not a zip")
    (server.store.path / "escapes.tar.gz").write_bytes(b"\x1f\x8b\x08\x00")
    server.start("commands")
    server.wait_ready("commands")
    yield server
    server.stop()
    server.assert_nothing_left()


def told(server: TorchServe, answer: requests.Response, *, shape: bool = True) -> str:
    """The text of an error, which must not tell too much."""
    assert answer.status_code >= 400, answer.text
    text = answer.text + str(answer.headers)
    hidden = {
        "the temporary folder": str(server.temp),
        "the server's folder": str(server.folder),
        "the home": str(Path.home()) + "/",
        "the interpreter's folder": os.path.dirname(os.path.dirname(os.__file__)),
        "the repository": str(REPOSITORY),
        "a secret": SECRET,
        "a socket": ".sock",
        "the folder of sockets": "tsnext",
        "a class of the frontend": "org.tsnext",
        "a Java stack trace": "\tat ",
        "the process table": "/proc/",
    }
    for what, part in hidden.items():
        assert part not in text, f"{what} in {text}"
    assert not re.search(r"0x[0-9a-fA-F]{8}", text), f"an address of memory in {text}"
    if shape:
        body = answer.json()
        assert body["code"] == answer.status_code
        assert re.fullmatch(r"[A-Za-z]+", body["type"])
        if answer.status_code < 500:
            assert body["type"] != "InternalServerException", "a client's error blames the server"
        assert body["message"]
    return answer.text


def test_errors_of_requests(erring: TorchServe) -> None:
    predict = f"{erring.inference}/predictions"
    models = f"{erring.management}/models"
    for method, url, arguments in [
        ("GET", f"{erring.inference}/nowhere", {}),
        ("GET", f"{erring.inference}/..%2f..%2fetc%2fpasswd", {}),
        ("DELETE", f"{erring.inference}/ping", {}),
        ("BREW", f"{erring.inference}/ping", {}),
        ("POST", f"{predict}/cats", {}),
        ("POST", f"{predict}/commands/9", {}),
        ("POST", f"{predict}/a%20b", {}),
        ("POST", f"{predict}/commands", {"data": b"x" * 200_000}),
        ("POST", f"{predict}/commands", {"data": b"{", "headers": {"Expect": "magic"}}),
        ("POST", f"{predict}/commands", {"headers": {"x-request-timeout-ms": "soon"}}),
        ("POST", f"{predict}/commands%zz", {}),
        ("GET", f"{models}/cats", {}),
        ("PUT", f"{models}/commands?min_worker=2&max_worker=1", {}),
        ("PUT", f"{models}/commands/9/set-default", {}),
        ("DELETE", f"{models}/cats", {}),
        ("POST", models, {}),
        ("POST", models, {"data": b"{", "headers": {"content-type": "application/json"}}),
        ("POST", models, {"json": {"url": ["a"]}}),
        ("GET", f"{erring.management}/workflows/unknown", {}),
    ]:
        told(erring, requests.request(method, url, timeout=60, **arguments))


@pytest.mark.parametrize(
    "url",
    [
        "nowhere.mar",
        "../../etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:1/a.mar",
        "s3://bucket/a.mar",
        "broken.mar",
        "escapes.tar.gz",
        "commands",
        *BROKEN,
    ],
)
def test_errors_of_registrations(erring: TorchServe, url: str) -> None:
    register = f"{erring.management}/models"
    parameters = {"url": url, "initial_workers": "1", "synchronous": "true"}
    text = told(erring, requests.post(register, params=parameters, timeout=120))
    if url == "fails_to_load":
        assert "no weights here" in text, "the cause is told"


def test_errors_of_handlers(erring: TorchServe) -> None:
    for action, arguments in [
        ("raise", {"text": f"cannot read {ADDRESSED}"}),
        *(
            ("prediction_exception", {"text": f"not today, {ADDRESSED}", "code": code})
            for code in (400, 401, 403, 404, 405, 408, 409, 413, 418, 422, 429, 499)
        ),
        ("memory_error", {}),
        ("not_a_list", {}),
        ("too_many", {}),
        ("unencodable", {}),
        ("bytes", {"size": 300_000}),
        ("header", {"name": "a b", "value": "c"}),
        ("header", {"name": "a", "value": "b\r\nc"}),
    ]:
        told(erring, erring.order(action, **arguments))
    described = requests.get(f"{erring.management}/models/commands", timeout=30).text
    assert "0x7f" not in described, "the description shows an address of memory"


def test_errors_of_workers(erring: TorchServe, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(erring.order, "kill_me", file=str(tmp_path / "killed"))
        told(erring, waiting.result())
    erring.wait_ready("commands")
    register = f"{erring.management}/models?url=slow&initial_workers=1"
    assert requests.post(register, timeout=120).status_code == 200
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(erring.predict, "slow", data=b"x") for _ in range(4)]
        statuses = set()
        for answer in answers:
            told(erring, answer.result())
            statuses.add(answer.result().status_code)
        assert statuses & {503, 504}, statuses
    scale = f"{erring.management}/models/slow?min_worker=0&synchronous=true"
    assert requests.put(scale, timeout=60).status_code == 200
    told(erring, erring.predict("slow", data=b"x"))
    told(erring, requests.get(f"{erring.management}/models/slow?customized=true", timeout=60))
    assert requests.delete(f"{erring.management}/models/slow", timeout=60).status_code == 200


def test_health_of_a_model_that_cannot_load(erring: TorchServe) -> None:
    models = f"{erring.management}/models"
    order = {"url": "import_error", "initial_workers": "1", "synchronous": "false"}
    assert requests.post(models, params=order, timeout=60).status_code == 202

    def ping() -> requests.Response:
        return requests.get(f"{erring.inference}/ping", timeout=30)

    try:
        wait_for(lambda: ping().status_code == 500, "ping to be unhealthy")
        text = told(erring, ping(), shape=False)
        assert "no_such_module" in text, "the cause is told"
        told(erring, erring.predict("import_error", data=b"x"))
    finally:
        assert requests.delete(f"{models}/import_error", timeout=60).status_code == 200
    wait_for(lambda: ping().status_code == 200, "ping to be healthy again")


def test_without_details_the_operator_alone_reads_causes(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "discreet", config={"error_detail": "false"})
    server.store.write_handler("import_error", BROKEN["import_error"], "maxRetryTimeoutInSec: 0\n")
    server.store.add_directory(REPOSITORY / "test" / "models" / "commands")
    server.start("import_error", "commands")
    try:
        server.wait_ready("commands")
        wait_for(
            lambda: requests.get(f"{server.inference}/ping", timeout=30).status_code == 500,
            "ping to turn 500",
        )
        ping = requests.get(f"{server.inference}/ping", timeout=30)
        assert [model["name"] for model in ping.json()["models"]] == ["import_error"]
        registered = requests.post(
            f"{server.management}/models?url=import_error&model_name=b&initial_workers=1",
            timeout=60,
        )
        assert registered.status_code == 500
        raised = server.order("raise", text="a cause of its own")
        assert raised.status_code >= 500
        for answer in (ping, registered, raised):
            assert "no_such_module" not in answer.text
            assert "a cause of its own" not in answer.text
            assert "detail" not in answer.text
        assert "no_such_module" in server.describe("import_error")["reason"]
        assert "a cause of its own" in server.describe("commands")["lastError"]["traceback"]
    finally:
        server.stop()
    server.assert_nothing_left()

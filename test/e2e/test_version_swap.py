"""A model is changed while clients ask it: no request may be lost."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
import requests
from torchserve_process import LIMIT_SEC, TorchServe, wait_for

CLIENTS = 6
MAX_REQUESTS = 20_000
"""Per client, so that a test that hangs does not load the machine for ever."""

HANDLER = """
import os
import time
from ts.handler_utils.utils import send_intermediate_predict_response

def handle(data, context):
    if data is None:
        return None
    version = context.manifest["model"]["modelVersion"]
    body = data[0].get("body")
    if not isinstance(body, dict):
        time.sleep(0.003)
        return [version] * len(data)
    with open(body["begun"], "a") as file:
        file.write("x")
    send_intermediate_predict_response([version + " "], context.request_ids, "", 200, context)
    while not os.path.exists(body["gate"]):
        time.sleep(0.005)
    return ["end of " + version]
"""


def add_version(server: TorchServe, version: str) -> None:
    """Puts a version of the model `swapped` into the store."""
    folder = server.store.path / f"swapped-{version}"
    (folder / "MAR-INF").mkdir(parents=True)
    (folder / "handler.py").write_text(HANDLER, encoding="utf-8")
    manifest = {
        "createdOn": "now",
        "archiverVersion": "1.0.0",
        "model": {"handler": "handler.py", "modelName": "swapped", "modelVersion": version},
    }
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")


class Load:
    """Clients that ask without a pause, each on one connection that is kept alive."""

    def __init__(self, server: TorchServe) -> None:
        self.url = f"{server.inference}/predictions/swapped"
        self.answers: list[tuple[int, str]] = []
        self.errors: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def _ask(self) -> None:
        with requests.Session() as session:
            for _ in range(MAX_REQUESTS):
                if self._over.is_set():
                    return
                try:
                    answer = session.post(self.url, data=b"x", timeout=LIMIT_SEC)
                except requests.RequestException as error:
                    self.errors.append(repr(error))
                    return
                self.answers.append((answer.status_code, answer.text))

    def wait_for_more(self, count: int = 50) -> None:
        """Waits until so many more requests have been answered."""
        target = len(self.answers) + count
        wait_for(
            lambda: len(self.answers) >= target or self.errors, f"{count} more answers; {self}"
        )

    def wait_for_version(self, version: str) -> None:
        """Waits until requests that begin now are answered by `version`."""
        wait_for(lambda: self.answers[-1][1] == version, f"answers of version {version}; {self}")

    def __repr__(self) -> str:
        return f"{len(self.answers)} answers, {Counter(self.answers)}, errors {self.errors}"

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(LIMIT_SEC)

    def assert_nothing_lost(self) -> None:
        """Fails if a request had any other answer than one of the model."""
        assert not self.errors, self
        assert {status for status, _ in self.answers} == {200}, self


def manage(server: TorchServe, method: str, path: str) -> requests.Response:
    answer = requests.request(method, f"{server.management}/models{path}", timeout=LIMIT_SEC)
    assert answer.status_code == 200, answer.text
    return answer


def register(server: TorchServe, version: str, workers: int = 1) -> None:
    manage(server, "POST", f"?url=swapped-{version}&initial_workers={workers}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server whose store has three versions of a quick model."""
    server = TorchServe(tmp_path_factory.mktemp("swaps"))
    for version in ("1.0", "2.0", "3.0"):
        add_version(server, version)
    server.start()
    yield server
    server.stop()
    server.assert_nothing_left()


@pytest.fixture
def swapped(running: TorchServe) -> Iterator[TorchServe]:
    """The server with version 1.0 on two workers."""
    register(running, "1.0", workers=2)
    yield running
    for version in reversed(manage(running, "GET", "/swapped/all").json()):
        manage(running, "DELETE", f"/swapped/{version['modelVersion']}")


def test_version_swap_under_load_loses_no_request(swapped: TorchServe) -> None:
    with Load(swapped) as load:
        load.wait_for_more()
        old = "1.0"
        for new in ("2.0", "3.0"):
            register(swapped, new, workers=2)
            # It is loaded, and gets nothing yet.
            assert new not in {text for _, text in load.answers}
            manage(swapped, "PUT", f"/swapped/{new}/set-default")
            manage(swapped, "DELETE", f"/swapped/{old}")
            load.wait_for_version(new)
            load.wait_for_more()
            old = new
    load.assert_nothing_lost()
    assert {text for _, text in load.answers} == {"1.0", "2.0", "3.0"}
    assert [d["modelVersion"] for d in manage(swapped, "GET", "/swapped/all").json()] == ["3.0"]


def test_scaling_under_load_loses_no_request(swapped: TorchServe) -> None:
    with Load(swapped) as load:
        for workers in (1, 3, 1, 2, 1):
            manage(
                swapped,
                "PUT",
                f"/swapped?min_worker={workers}&max_worker={workers}&synchronous=true",
            )
            load.wait_for_more()
    load.assert_nothing_lost()
    assert len(swapped.worker_pids("swapped")) == 1


def test_ping_and_readiness_hold_during_a_swap(swapped: TorchServe) -> None:
    seen: Counter[str] = Counter()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            ping = requests.get(f"{swapped.inference}/ping", timeout=30)
            ready = requests.get(f"{swapped.inference}/v1/models/swapped", timeout=30)
            seen[f"{ping.status_code} {ready.json().get('ready')}"] += 1

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        register(swapped, "2.0")
        manage(swapped, "PUT", "/swapped/2.0/set-default")
        manage(swapped, "DELETE", "/swapped/1.0")
        manage(swapped, "PUT", "/swapped?min_worker=3&synchronous=true")
        manage(swapped, "PUT", "/swapped?min_worker=1&synchronous=true")
    finally:
        over.set()
        watcher.join(LIMIT_SEC)
    assert set(seen) == {"200 True"}, seen


def test_streams_end_on_the_version_they_began_on(swapped: TorchServe, tmp_path: Path) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    order = {"begun": str(begun), "gate": str(gate)}
    streams: list[str] = []
    url = f"{swapped.inference}/predictions/swapped"

    def read() -> None:
        with requests.post(url, json=order, stream=True, timeout=LIMIT_SEC) as answer:
            streams.append(b"".join(answer.iter_content(None)).decode())

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    wait_for(lambda: begun.exists() and len(begun.read_text()) == 2, "two streams have begun")
    register(swapped, "2.0")
    manage(swapped, "PUT", "/swapped/2.0/set-default")
    unregister = threading.Thread(target=manage, args=(swapped, "DELETE", "/swapped/1.0"))
    unregister.start()

    def leaves() -> bool:
        versions = manage(swapped, "GET", "/swapped/all").json()
        return ("1.0", "UNLOADING") in {(v["modelVersion"], v["state"]) for v in versions}

    wait_for(leaves, "version 1.0 leaves")
    assert requests.post(url, data=b"x", timeout=LIMIT_SEC).text == "2.0"
    assert streams == []
    gate.touch()
    for thread in (*readers, unregister):
        thread.join(LIMIT_SEC)
    assert streams == ["1.0 end of 1.0"] * 2
    assert [d["modelVersion"] for d in manage(swapped, "GET", "/swapped/all").json()] == ["2.0"]

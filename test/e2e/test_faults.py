"""Dead workers, raising handlers, hung handlers: each request still gets its one answer."""

from __future__ import annotations

import itertools
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"


def test_worker_killed_while_idle_is_replaced_at_once(server: TorchServe, seven: bytes) -> None:
    (old,) = server.worker_pids("digits")
    os.kill(old, signal.SIGKILL)
    answer = server.predict("digits", data=seven)
    assert answer.status_code == 200, answer.text
    assert answer.json()["class"] == "7"
    assert server.wait_new_worker("digits", [old]) != old


def test_request_whose_worker_dies_is_given_once_more(server: TorchServe, tmp_path: Path) -> None:
    answer = server.order("die_if_absent", file=str(tmp_path / "died"))
    assert answer.status_code == 200, answer.text
    assert (tmp_path / "died").read_text() == "x"


def test_request_that_kills_two_workers_gets_one_clear_error_and_its_neighbours_their_answers(
    server: TorchServe, tmp_path: Path
) -> None:
    neighbours: list[int] = []

    def neighbour() -> None:
        neighbours.append(server.order("echo").status_code)

    threads = [threading.Thread(target=neighbour) for _ in range(8)]
    killer: list[requests.Response] = []
    first = threading.Thread(
        target=lambda: killer.append(server.order("kill_me", file=str(tmp_path / "tries")))
    )
    first.start()
    for thread in threads:
        thread.start()
    for thread in [first, *threads]:
        thread.join()
    (answer,) = killer
    assert answer.status_code == 500, answer.text
    assert answer.json()["type"] == "InternalServerException"
    assert "Worker died." in answer.json()["message"]
    assert (tmp_path / "tries").read_text() == "xx"
    assert neighbours == [200] * 8


def test_raising_handler_answers_503_with_the_cause_and_the_worker_stays(
    server: TorchServe,
) -> None:
    (pid,) = server.worker_pids("commands")
    answer = server.order("raise", text="bad digit 17")
    assert answer.status_code == 503
    error = answer.json()
    assert (error["code"], error["type"]) == (503, "InternalServerException")
    assert error["message"] == "Prediction failed"
    assert error["detail"].startswith("ValueError: bad digit 17 (command_handler.py:")
    assert server.worker_pids("commands") == [pid]
    server.wait_log("model_log.log", r"ValueError: bad digit 17")
    assert "in handle" in server.log("model_log.log")
    description = server.describe("commands")
    assert "bad digit 17" in str(description)
    assert "Traceback" in str(description)


@pytest.mark.parametrize(
    ("action", "arguments", "status", "message"),
    [
        ("prediction_exception", {"text": "no such label", "code": 404}, 404, "no such label"),
        ("prediction_exception", {"text": "too big", "code": 413}, 507, "too big"),
        ("memory_error", {}, 507, "Out of resources"),
        ("not_a_list", {}, 503, "Invalid model predict output"),
        ("too_many", {}, 503, "number of batch response mismatched"),
        ("unencodable", {}, 503, "Unsupported model output data type."),
    ],
)
def test_wrong_results_are_clear_errors_and_the_worker_stays(
    server: TorchServe, action: str, arguments: dict[str, object], status: int, message: str
) -> None:
    pids = server.worker_pids("commands")
    answer = server.order(action, **arguments)
    assert answer.status_code == status, answer.text
    error = answer.json()
    expected = "ResourceNotFoundException" if status == 404 else "InternalServerException"
    assert error["type"] == expected
    assert error["message"].startswith(message)
    assert server.worker_pids("commands") == pids


def test_too_large_response_fails_that_request_only(start: Callable[..., TorchServe]) -> None:
    server = start(config={"max_response_size": "100000"})
    server.store.add_directory(MODELS / "commands")
    requests.post(f"{server.management}/models?url=commands", timeout=60).raise_for_status()
    server.wait_ready("commands")
    pids = server.worker_pids("commands")
    answer = server.order("bytes", size=200_000)
    assert answer.status_code >= 500
    assert "max_response_size" in answer.text
    error = server.describe("commands")["lastError"]
    assert set(error) == {"time", "message"}, "members without a value are left out"
    assert server.order("bytes", size=90_000).status_code == 200
    assert server.worker_pids("commands") == pids


def test_one_bad_item_does_not_fail_its_batch(server: TorchServe) -> None:
    requests.post(
        f"{server.management}/models?url=commands&model_name=together&batch_size=3"
        "&max_batch_delay=2000&initial_workers=1",
        timeout=60,
    ).raise_for_status()
    answers: dict[str, requests.Response] = {}

    def call(action: str) -> None:
        answers[action] = server.order(action, "together")

    threads = [
        threading.Thread(target=call, args=(action,))
        for action in ("batch_size", "unencodable", "pid")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers["batch_size"].json() == {"batch": 3}
    assert answers["pid"].status_code == 200
    assert answers["unencodable"].status_code == 503
    requests.delete(f"{server.management}/models/together", timeout=60).raise_for_status()


def test_hanging_handler_is_a_time_out_and_its_worker_is_replaced(
    start: Callable[..., TorchServe],
) -> None:
    server = start()
    server.store.add_directory(MODELS / "commands")
    config = server.store.path / "commands" / "model-config.yaml"
    config.write_text("minWorkers: 1\nmaxWorkers: 1\nresponseTimeout: 1\n")
    requests.post(f"{server.management}/models?url=commands", timeout=60).raise_for_status()
    server.wait_ready("commands")
    old = server.worker_pids("commands")
    answer = server.order("hang")
    assert answer.status_code == 504, answer.text
    assert "responseTimeout" in answer.json()["message"]
    assert "1" in answer.json()["message"]
    server.wait_new_worker("commands", old)
    assert not Path(f"/proc/{old[0]}").exists()
    assert server.order("echo").status_code == 200
    server.wait_log("ts_log.log", r"Number or consecutive unsuccessful inference 1")
    server.wait_log("ts_log.log", r"WorkerInitializationException.*did not respond in given time")


@pytest.mark.parametrize(
    ("model", "status", "cause"),
    [
        ("broken_import", 500, "a_module_that_does_not_exist"),
        ("out_of_memory", 507, "cannot allocate the model"),
        ("killed_loading", 507, ""),
    ],
)
def test_synchronous_registration_of_a_model_that_cannot_load_says_why_and_is_undone(
    server: TorchServe, model: str, status: int, cause: str
) -> None:
    server.store.add_directory(MODELS / model)
    answer = requests.post(
        f"{server.management}/models?url={model}&initial_workers=1&synchronous=true", timeout=60
    )
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert error["message"].startswith(f"Failed to start workers for model {model} version: 1.0")
    assert cause in error.get("detail", "")
    assert not server.registered(model)
    assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200


def test_clients_do_not_notice_that_the_zygote_is_killed(server: TorchServe, seven: bytes) -> None:
    workers = server.worker_pids("digits")
    (zygote,) = server.zygotes()
    os.kill(zygote, signal.SIGKILL)
    assert server.predict("digits", data=seven).status_code == 200
    assert server.worker_pids("digits") == workers
    wait_for(lambda: [p for p in server.zygotes() if p != zygote], "a new zygote")
    # The workers' ends are still known, and new ones come from the new zygote.
    os.kill(workers[0], signal.SIGKILL)
    server.wait_new_worker("digits", workers)
    assert server.predict("digits", data=seven).status_code == 200


def test_init_killed_leaves_nothing_and_everything_comes_back(
    start: Callable[..., TorchServe],
) -> None:
    server = start()
    server.store.add_directory(MODELS / "commands")
    requests.post(f"{server.management}/models?url=commands", timeout=60).raise_for_status()
    server.wait_ready("commands")
    (init,) = server.inits()
    before = [pid for pid, words in server.processes().items() if "java" not in words.split()[0]]
    answers: list[requests.Response] = []
    running = threading.Thread(
        target=lambda: answers.append(server.order("sleep", seconds=1, tag="x"))
    )
    running.start()
    wait_for(
        lambda: server.describe("commands")["workers"][0]["inFlight"] == 1, "a request in flight"
    )
    os.kill(init, signal.SIGKILL)
    wait_for(lambda: not any(Path(f"/proc/{p}").exists() for p in before), "the old tree to end")
    running.join()
    assert answers[0].status_code in (200, 500), answers[0].text
    server.wait_ready("commands")
    assert server.order("echo").status_code == 200


def test_wrong_secret_and_malformed_frames_on_the_worker_socket_are_closed_and_logged(
    start: Callable[..., TorchServe],
) -> None:
    import json
    import socket
    import struct

    server = start(config={"worker_transport": "tcp"})
    server.store.add_directory(MODELS / "commands")
    requests.post(f"{server.management}/models?url=commands", timeout=60).raise_for_status()
    server.wait_ready("commands")
    port = worker_port(server)
    hello = json.dumps(
        {"protocol": 1, "launch": 1, "secret": "0" * 64, "pid": 1, "python": "3"}
    ).encode()
    for junk in (
        struct.pack(">IBBHI", 8 + len(hello), 1, 0, 0, 0) + hello,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff" * 64,
        struct.pack(">IBBHI", 8, 17, 0, 0, 0),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(junk)
            assert client.recv(1) == b""
    server.wait_log("ts_log.log", r"(?i)WARN.*(secret|launch|HELLO|frame)")
    assert server.order("echo").status_code == 200


def worker_port(server: TorchServe) -> int:
    """The loopback port that workers dial into, from the log line that tells where they connect."""
    line = server.wait_log("ts_log.log", r"Connecting to: .*127\.0\.0\.1:\d+")
    ports = [int(word.rsplit(":", 1)[1]) for word in line.split() if "127.0.0.1:" in word]
    return ports[-1]


def test_kill_under_steady_load_loses_no_request(
    server: TorchServe, seven: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = threading.Event()
    results: list[tuple[float, int]] = []

    def client() -> None:
        with requests.Session() as session:
            while not stop.is_set():
                answer = session.post(
                    f"{server.inference}/predictions/digits", data=seven, timeout=60
                )
                results.append((time.monotonic(), answer.status_code))

    clients = [threading.Thread(target=client) for _ in range(8)]
    for each in clients:
        each.start()
    gaps = []
    try:
        for _ in range(3):
            seen = len(results)
            wait_for(lambda: len(results) > seen + 50, "steady load")  # noqa: B023
            pids = server.worker_pids("digits")
            killed_at = time.monotonic()
            os.kill(pids[0], signal.SIGKILL)
            server.wait_new_worker("digits", pids)
            back_at = time.monotonic()
            wait_for(lambda: results[-1][0] > back_at, "an answer")  # noqa: B023
            # Answers that were under way when it died may still come: the longest pause counts.
            times = [killed_at, *(t for t, _ in list(results) if t > killed_at)]
            gaps.append(max(after - before for before, after in itertools.pairwise(times)))
    finally:
        stop.set()
        for each in clients:
            each.join()
    statuses = [status for _, status in results]
    with capsys.disabled():
        print(
            f"\n{len(results)} requests, kill -9 to next answer:"
            f" {', '.join(f'{gap:.3f}' for gap in gaps)} s (median {statistics.median(gaps):.3f})"
        )
    assert set(statuses) == {200}

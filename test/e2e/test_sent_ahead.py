"""A batch that waits at one of several workers is not kept by the batch before it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe, wait_for

STEADY = '''
import os, signal, time

def handle(data, context):
    """Takes 5 ms; or stops its process once, and then waits for a file."""
    if data is None:
        return None
    path = data[0]["body"]
    if path == "-" or os.path.exists(path):
        time.sleep(0.005)
        return ["steady"]
    with open(path + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".new", path)
    os.kill(os.getpid(), signal.SIGSTOP)
    while not os.path.exists(path + ".go"):
        time.sleep(0.01)
    return ["late"]
'''

CLIENTS = 6
ROUNDS = 50


class Clients:
    """Clients that each ask again as soon as they are answered."""

    def __init__(self, server: TorchServe) -> None:
        self._url = f"{server.inference}/predictions/steady"
        self._ends = False
        self.answered = [0] * CLIENTS
        self.wrong: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        with requests.Session() as session:
            while not self._ends:
                answer = ask(session, self._url, "-")
                if answer != "200 steady":
                    self.wrong.append(answer)
                self.answered[number] += 1

    def each_is_answered_again(self) -> None:
        before = list(self.answered)
        wait_for(
            lambda: all(now > then for now, then in zip(self.answered, before)),
            f"an answer to each client after {before}",
        )

    def stop(self) -> None:
        self._ends = True
        for thread in self._threads:
            thread.join()


class Late:
    """A request whose handler has stopped its process, with another one behind it there."""

    def __init__(self, path: Path, pid: int, answer: Future[str]) -> None:
        self.path = path
        self.pid = pid
        self.answer = answer

    def go(self) -> None:
        Path(f"{self.path}.go").touch()


def ask(session: requests.Session, url: str, body: str) -> str:
    headers = {"Content-Type": "text/plain"}
    answer = session.post(url, data=body, headers=headers, timeout=120)
    return f"{answer.status_code} {answer.text}"


@pytest.fixture
def server(start: Callable[..., TorchServe]) -> TorchServe:
    server = start()
    server.store.write_handler("steady", STEADY, "minWorkers: 2\nmaxWorkers: 2\n")
    url = f"{server.management}/models?url=steady&initial_workers=2&synchronous=true"
    requests.post(url, timeout=90).raise_for_status()
    server.wait_ready("steady", 2)
    return server


@pytest.fixture
def clients(server: TorchServe) -> Iterator[Clients]:
    clients = Clients(server)
    yield clients
    clients.stop()
    assert clients.wrong == []


@pytest.fixture
def late(server: TorchServe, clients: Clients, tmp_path: Path) -> Iterator[Late]:
    """Has requests stop their worker until one of them has another request behind it."""
    url = f"{server.inference}/predictions/steady"
    with ThreadPoolExecutor(1) as pool, requests.Session() as session:
        for number in range(ROUNDS):
            for _ in range(10):
                clients.each_is_answered_again()
            path = tmp_path / f"late{number}"
            answer = pool.submit(ask, session, url, str(path))
            wait_for(path.exists, "the handler begins")
            late = Late(path, int(path.read_text()), answer)
            # By then the other worker has served several: what would be sent ahead is there.
            for _ in range(3):
                clients_go_on(clients)
            if in_flight(server, late.pid) == 2:
                break
            late.go()
            os.kill(late.pid, signal.SIGCONT)
            assert answer.result(60) == "200 late"
        else:
            raise AssertionError(f"nothing was sent ahead in {ROUNDS} rounds")
        yield late
        late.go()


def clients_go_on(clients: Clients) -> None:
    before = sum(clients.answered)
    wait_for(lambda: sum(clients.answered) > before, "an answer to any client")


def in_flight(server: TorchServe, pid: int) -> int:
    workers = server.describe("steady")["workers"]
    return int(next(worker["inFlight"] for worker in workers if worker["pid"] == pid))


def test_request_behind_one_that_is_late_is_served_by_the_other_worker(
    server: TorchServe, clients: Clients, late: Late
) -> None:
    os.kill(late.pid, signal.SIGCONT)
    clients.each_is_answered_again()
    clients.each_is_answered_again()
    assert not late.answer.done()
    assert in_flight(server, late.pid) == 1
    late.go()
    assert late.answer.result(60) == "200 late"
    assert len(server.worker_pids("steady")) == 2


def test_nothing_is_lost_where_the_worker_is_killed_while_a_request_is_taken_back(
    server: TorchServe, clients: Clients, late: Late
) -> None:
    os.kill(late.pid, signal.SIGKILL)
    assert late.answer.result(60) == "200 steady", "by the other worker"
    clients.each_is_answered_again()
    clients.each_is_answered_again()
    assert server.wait_new_worker("steady", [late.pid])

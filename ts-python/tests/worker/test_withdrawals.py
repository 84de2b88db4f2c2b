"""Batches that wait behind a running one, and are taken back over the control connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ts._protocol.frames import ALL_ITEMS, FrameType
from ts._worker.withdrawals import Withdrawals

HANDLER = """
import os, time

FOLDER = os.path.dirname(__file__)

def handle(data, context):
    if data is None:
        return None
    name = data[0]["body"]
    open(os.path.join(FOLDER, name + ".began"), "w").close()
    while name == "slow" and not os.path.exists(os.path.join(FOLDER, "go")):
        time.sleep(0.001)
    return [name]
"""


class Controlled:
    """A worker with both of its connections."""

    def __init__(self, frontend: Any, folder: Path, until: Any) -> None:
        self.folder = folder
        self.spawn_id = frontend.spawn("fork", folder)
        self.channel = frontend.worker(self.spawn_id)
        self.channel.load(folder, "handler", control=True)
        until(lambda: self.channel.loaded, "the load")
        self.control = until(lambda: frontend.controls.get(self.spawn_id), "a second connection")
        self._until = until

    def begin(self, request: Any) -> int:
        """Have the worker run a batch that lasts until `go`."""
        batch = int(self.channel.predict(request(b"slow", "text/plain")))
        self._until((self.folder / "slow.began").exists, "the handler begins")
        return batch

    def go(self) -> None:
        (self.folder / "go").touch()

    def withdraw(self, batch: int) -> None:
        self.control.send(FrameType.WITHDRAW, batch, ALL_ITEMS)

    def answer(self) -> tuple[str, int]:
        """Wait for the answer to the first WITHDRAW."""
        self._until(lambda: self.control.withdrawals, "an answer to WITHDRAW")
        first: tuple[str, int] = self.control.withdrawals[0]
        return first


@pytest.fixture
def worker(shared_frontend: Any, model: Any, until: Any) -> Any:
    worker = Controlled(shared_frontend, model(HANDLER), until)
    yield worker
    worker.go()
    worker.channel.close()


def test_batch_behind_a_running_one_is_given_back_at_once_and_never_run(
    worker: Any, request_of: Any
) -> None:
    running = worker.begin(request_of)
    behind = worker.channel.predict(request_of(b"behind", "text/plain"))
    last = worker.channel.predict(request_of(b"last", "text/plain"))
    worker.withdraw(behind)
    assert worker.answer() == ("WITHDRAWN", behind)
    assert not worker.channel.replies, "while the handler runs"
    worker.go()
    assert worker.channel.ends(running)[0].body == b"slow"
    assert worker.channel.ends(last)[0].body == b"last"
    assert worker.channel.of(behind) == []
    assert not (worker.folder / "behind.began").exists()
    assert worker.channel.withdrawals == [("WITHDRAWN", behind)], "said again when it came to it"


def test_batch_that_has_begun_stays(worker: Any, request_of: Any) -> None:
    running = worker.begin(request_of)
    worker.withdraw(running)
    assert worker.answer() == ("BEGUN", running)
    worker.go()
    assert worker.channel.ends(running)[0].body == b"slow"


def test_batch_may_be_withdrawn_before_it_comes(worker: Any, request_of: Any) -> None:
    running = worker.begin(request_of)
    worker.withdraw(running + 1)
    assert worker.answer() == ("WITHDRAWN", running + 1)
    assert worker.channel.predict(request_of(b"late", "text/plain")) == running + 1
    worker.go()
    worker.channel.ends(running)
    after = worker.channel.ask(request_of(b"after", "text/plain"))
    assert after[0].body == b"after"
    assert not (worker.folder / "late.began").exists()


def test_without_the_control_connection_the_first_one_tells(
    worker: Any, request_of: Any, until: Any
) -> None:
    running = worker.begin(request_of)
    behind = worker.channel.predict(request_of(b"behind", "text/plain"))
    worker.withdraw(behind)
    worker.answer()
    worker.control.close()
    worker.go()
    worker.channel.ends(running)
    until(lambda: worker.channel.withdrawals == [("WITHDRAWN", behind)], "what became of it")
    assert worker.channel.ask(request_of(b"after", "text/plain"))[0].body == b"after"


def test_garbage_closes_the_control_connection_alone(
    shared_frontend: Any, worker: Any, request_of: Any, until: Any
) -> None:
    worker.control.send(FrameType.PING, 1)
    until(lambda: worker.control.closed, "the end of the control connection")
    assert worker.channel.ask(request_of(b"after", "text/plain"))[0].body == b"after"
    text = "The control connection is closed: a frame of type 21"
    until(lambda: text in shared_frontend.text(worker.spawn_id), "the reason in the log")


def test_no_control_connection_is_opened_unasked(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    before = len(shared_frontend.controls)
    worker = shared_frontend.loaded("fork", model(HANDLER))
    assert worker.ask(request_of(b"x", "text/plain"))[0].body == b"x"
    worker.close()
    assert len(shared_frontend.controls) == before


def test_numbers_may_pass_the_largest() -> None:
    withdrawals = Withdrawals()
    assert withdrawals.begin(0xFFFFFFFE)
    assert withdrawals.withdraw(0)
    assert not withdrawals.withdraw(0xFFFFFFFE)
    assert withdrawals.begin(0xFFFFFFFF)
    assert not withdrawals.begin(0)
    assert withdrawals.begin(1)
    assert not withdrawals.withdraw(0xFFFFFFFF)
    assert withdrawals.withdraw(2)
    assert withdrawals.begin(3), "what never came is forgotten"
    assert not withdrawals.withdraw(2)

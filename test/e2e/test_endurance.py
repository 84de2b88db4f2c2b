"""What a server must survive: kills at random under load, clients and consoles that do not read."""

from __future__ import annotations

import asyncio
import collections
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
import requests
from torchserve_process import LIMIT_SEC, TorchServe, wait_for

ECHO = """
def handle(data, context):
    for row in data or ():
        if row["body"] == b"talk":
            print("a line\\n" * 100_000)
    return [bytes(row["body"]) for row in data or ()]
"""

STREAM = """
from ts.handler_utils.utils import send_intermediate_predict_response

def handle(data, context):
    for _ in range(200 if data else 0):
        chunks = [b"x" * 100_000] * len(data)
        send_intermediate_predict_response(chunks, context.request_ids, "", 200, context)
    return [b"last" for _ in data or ()]
"""


class Load:
    """Clients that ask and check the answer, each over one connection, until the block ends.

    They pause between requests so that the server has a part of the processors for itself. At the
    end each has asked as often as it was answered, and nothing more has come.
    """

    def __init__(
        self, server: TorchServe, model: str, connections: int, pause_sec: float = 0.005
    ) -> None:
        self.results: list[tuple[float, str]] = []
        self._port = server.inference_port
        self._model = model
        self._connections = connections
        self._pause_sec = pause_sec
        self.asked = 0
        self._stop = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Load:
        self._thread.start()
        wait_for(lambda: len(self.results) > 10 * self._connections, "load")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop = True
        self._thread.join(90)
        assert not self._thread.is_alive(), "a request without an answer"

    def outcomes(self) -> dict[str, int]:
        """How often each outcome came; `ok` is an answer that belongs to its request."""
        return dict(collections.Counter(outcome for _, outcome in self.results))

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(self._connections)))

    async def _client(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        count = 0
        while not self._stop:
            count += 1
            self.asked += 1
            body = f"{number}-{count}".encode()
            writer.write(
                f"POST /predictions/{self._model} HTTP/1.1\r\nHost: x\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            assert length, head
            answer = await reader.readexactly(int(length.group(1)))
            right = head.startswith(b"HTTP/1.1 200 ") and answer == body
            self.results.append((time.monotonic(), "ok" if right else f"{head!r} {answer!r}"))
            await asyncio.sleep(self._pause_sec)
        # Whatever else came would be in front of this.
        writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        rest = await reader.read()
        assert rest.count(b"HTTP/1.1 ") == 1, rest
        assert rest.startswith(b"HTTP/1.1 200 "), rest
        writer.close()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """One server for most of the tests, with two workers for each of its models."""
    running = TorchServe(tmp_path_factory.mktemp("busy"), config={"default_workers_per_model": "2"})
    running.store.write_handler("echo", ECHO, "maxWorkers: 4")
    running.store.write_handler("batched", ECHO, "batchSize: 8\nmaxBatchDelay: 2")
    running.store.write_handler("stream", STREAM, "batchSize: 64\nmaxBatchDelay: 500")
    running.start("echo", "batched", "stream")
    for model in ("echo", "batched", "stream"):
        running.wait_ready(model, 2)
    yield running
    running.stop()
    running.assert_nothing_left()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_mib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert match
    return int(match.group(1)) // 1024


def java(server: TorchServe) -> int:
    (pid,) = (pid for pid, words in server.processes().items() if "java" in words.split()[0])
    return pid


@pytest.mark.parametrize(
    ("model", "connections", "kills", "pause_sec"),
    [("echo", 64, 20, 0.0), ("batched", 32, 10, 0.005)],
)
def test_workers_killed_at_random_cost_no_request_and_leave_no_descriptor(
    busy: TorchServe, model: str, connections: int, kills: int, pause_sec: float
) -> None:
    pid = java(busy)
    before = descriptors(pid)
    with Load(busy, model, connections, pause_sec) as load:
        for _ in range(kills):
            victim = random.choice(wait_for(lambda: busy.worker_pids(model), "a worker"))
            os.kill(victim, signal.SIGKILL)
            seen = len(load.results)
            wait_for(lambda: len(load.results) > seen + 200, "load goes on")  # noqa: B023
    assert load.outcomes() == {"ok": load.asked}
    busy.wait_ready(model, 2)
    wait_for(lambda: descriptors(pid) <= before + 4, f"{descriptors(pid)} of {before} descriptors")


def test_init_and_zygote_killed_under_load_cost_no_request(busy: TorchServe) -> None:
    server = busy
    with Load(server, "echo", 16) as load:
        for name in ("ts-zygote", "ts-init"):
            (victim,) = server.named(name)
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: server.named(name) not in ([], [victim]), f"a new {name}")  # noqa: B023
            server.wait_ready("echo", 2)
            seen = len(load.results)
            wait_for(lambda: len(load.results) > seen + 200, "load goes on")  # noqa: B023
    # The end of init ends both workers at once: no worker is tried more than once before it.
    assert load.outcomes().keys() == {"ok"}


def test_worker_count_changes_under_load_cost_no_request(busy: TorchServe) -> None:
    server = busy
    with Load(server, "echo", 16) as load:
        for count in (4, 1, 3, 2):
            answer = requests.put(
                f"{server.management}/models/echo?min_worker={count}&max_worker={count}"
                "&synchronous=true",
                timeout=60,
            )
            assert answer.status_code == 200, answer.text
            assert len(server.worker_pids("echo")) == count
    assert load.outcomes().keys() == {"ok"}


def test_output_that_is_not_read_stops_nothing(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server")
    server.store.write_handler("echo", ECHO)
    # A pipe for stdout and stderr that is full soon.
    read_end, write_end = os.pipe()
    silent = subprocess.Popen(
        server.command(*server.start_words("echo"), "--foreground"),
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        stdout=write_end,
        stderr=write_end,
    )
    os.close(write_end)
    try:
        wait_for(lambda: answers(server), "the listeners")
        server.wait_ready("echo")
        # More lines than all buffers on the way to the console hold.
        assert server.predict("echo", data=b"talk").content == b"talk"
        assert server.predict("echo", data=b"x").content == b"x"
        silent.terminate()
        assert silent.wait(LIMIT_SEC) == 128 + signal.SIGTERM
    finally:
        os.close(read_end)
        silent.kill()
        silent.wait()


def answers(server: TorchServe) -> bool:
    """Whether both listeners are open; the one for management comes last."""
    try:
        return all(
            requests.get(url, timeout=30).ok
            for url in (f"{server.inference}/ping", f"{server.management}/models")
        )
    except requests.RequestException:
        return False


def test_disk_that_is_full_costs_log_lines_only(busy: TorchServe) -> None:
    pid = java(busy)
    subprocess.run(["prlimit", f"--pid={pid}", "--fsize=1000:unlimited"], check=True)
    try:
        with Load(busy, "echo", 8) as load:
            old = busy.worker_pids("echo")
            os.kill(old[0], signal.SIGKILL)
            busy.wait_new_worker("echo", old)
    finally:
        subprocess.run(["prlimit", f"--pid={pid}", "--fsize=unlimited:unlimited"], check=True)
    assert load.outcomes().keys() == {"ok"}


def test_streams_that_are_not_read_are_cut_within_bounded_memory(busy: TorchServe) -> None:
    server = busy
    pid = java(server)
    before = resident_mib(pid)
    request = b"POST /predictions/stream HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
    clients = [socket.create_connection(("127.0.0.1", server.inference_port)) for _ in range(64)]
    try:
        for client in clients:
            client.sendall(request)
        peak = 0

        def over() -> bool:
            nonlocal peak
            peak = max(peak, resident_mib(pid))
            workers = server.describe("stream")["workers"]
            idle = all(worker["inFlight"] == 0 for worker in workers)
            return idle and server.log("access_log.log").count("POST /predictions/stream") == 64

        wait_for(over, "64 streams to be cut")
        # 64 streams of 20 MB; each may hold a few.
        assert peak - before < 700, f"{before} MiB before, {peak} at most"
        assert server.predict("echo", data=b"x").content == b"x"
    finally:
        for client in clients:
            client.close()

"""Clients that send or read slowly, or do nothing: they cost memory, and other clients no time."""

from __future__ import annotations

import asyncio
import re
import resource
import select
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType

import pytest
import requests
from torchserve_process import TorchServe, wait_for

LARGE = 10_000_000
IDLE = 10_000
ANSWERS = """
def handle(data, context):
    answers = []
    for row in data or ():
        body = bytes(row["body"])
        size = int(body[5:]) if body.startswith(b"give ") else 0
        answers.append(b"x" * size if size else body)
    return answers
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server that echoes bodies of up to 11 MB, or gives as many bytes as it is asked for."""
    limits = {
        "max_request_size": "11000000",
        "max_response_size": "11000000",
        "inference_max_connections": str(2 * IDLE),
        "request_read_timeout_sec": "600",  # else the slowest are sent away one day
    }
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server's as well
    running = TorchServe(tmp_path_factory.mktemp("slow"), config=limits)
    running.store.write_handler("answers", ANSWERS, "maxWorkers: 1\njobQueueSize: 200")
    running.start("answers")
    running.wait_ready("answers")
    yield running
    running.stop()
    running.assert_nothing_left()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Clients:
    """Runs one coroutine per client in a thread of its own, until the block ends."""

    def __init__(self, count: int, client: Callable[[int], Awaitable[None]]) -> None:
        self._count = count
        self._client = client
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self.errors: list[BaseException] = []

    def __enter__(self) -> Clients:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(90)
        assert not self._thread.is_alive()
        self._loop.close()
        assert self.errors == []

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        tasks = [self._loop.create_task(self._guard(number)) for number in range(self._count)]
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def _guard(self, number: int) -> None:
        try:
            await self._client(number)
        except Exception as error:
            self.errors.append(error)


def head_of(length: int) -> bytes:
    return (
        "POST /predictions/answers HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def java(server: TorchServe) -> int:
    (pid,) = (pid for pid, words in server.processes().items() if "java" in words.split()[0])
    return pid


def status(pid: int, field: str) -> int:
    match = re.search(rf"{field}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match.group(1))


def resident_mib(pid: int) -> int:
    return status(pid, "VmRSS") // 1024


def slowest_of(server: TorchServe, count: int = 200) -> float:
    """Ask one after the other; return the 95th percentile in seconds."""
    took = []
    with requests.Session() as session:
        for number in range(count):
            body = f"request {number}".encode()
            started = time.monotonic()
            answer = session.post(f"{server.inference}/predictions/answers", data=body, timeout=60)
            took.append(time.monotonic() - started)
            assert answer.content == body
    return sorted(took)[int(count * 0.95)]


@pytest.mark.parametrize("what", ["sends", "reads"])
def test_client_that_sends_byte_by_byte_slows_no_other(
    slow: TorchServe, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    started = [0] * 32

    async def sends(number: int) -> None:
        client = socket.create_connection(("127.0.0.1", slow.inference_port))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        with client:
            await loop.sock_sendall(client, head_of(LARGE))
            while True:
                await loop.sock_sendall(client, b"x")
                started[number] += 1
                await asyncio.sleep(0.01)

    async def reads(number: int) -> None:
        client = socket.create_connection(("127.0.0.1", slow.inference_port))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        with client:
            await loop.sock_sendall(client, head_of(12) + b"give 1000000")
            while True:
                assert await loop.sock_recv(client, 1)
                started[number] += 1
                await asyncio.sleep(0.01)

    before = slowest_of(slow)
    with Clients(32, sends if what == "sends" else reads):
        wait_for(lambda: min(started) > 3, "all to be under way")
        during = slowest_of(slow)
    with capsys.disabled():
        print(f"\np95 {before * 1000:.1f} ms, with 32 slow clients {during * 1000:.1f} ms")
    # Far above what others on this machine do to it, and far below what waiting would be.
    assert during < 5 * before + 2


def test_large_bodies_of_slow_clients_take_bounded_memory(
    slow: TorchServe, capsys: pytest.CaptureFixture[str]
) -> None:
    """64 clients send 10 MB each, side by side and in steps, and then leave the answers unread."""
    clients = 64
    piece = b"x" * (LARGE // 20)
    sent = [0] * clients
    gate = threading.Event()
    pid = java(slow)

    async def client(number: int) -> None:
        # A small window, so that the answer stays with the server.
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", slow.inference_port))
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        with sock:
            await loop.sock_sendall(sock, head_of(LARGE))
            for _ in range(20):
                await loop.sock_sendall(sock, piece)
                sent[number] += 1
            while not gate.is_set():
                await asyncio.sleep(0.05)
            answer = bytearray()
            while not answer.endswith(b"\r\n\r\n"):
                answer += await loop.sock_recv(sock, 1)
            assert answer.startswith(b"HTTP/1.1 200")
            left = LARGE
            while left:
                part = await loop.sock_recv(sock, 1 << 20)
                assert part == b"x" * len(part) != b""
                left -= len(part)
            sent[number] += 1

    before = resident_mib(pid)
    peak = 0

    def is_over() -> bool:
        nonlocal peak
        peak = max(peak, resident_mib(pid))
        return (
            min(sent) == 20 and slow.describe("answers")["jobQueueStatus"]["pendingRequests"] == 0
        )

    with Clients(clients, client):
        wait_for(is_over, "all bodies to be sent and answered")
        assert slow.predict("answers", data=b"others").content == b"others"
        peak = max(peak, resident_mib(pid))
        gate.set()
        wait_for(lambda: min(sent) == 21, "all answers to be read")
    with capsys.disabled():
        print(f"\n{clients} slow clients of {LARGE / 1e6:.0f} MB: {before} MiB, {peak} at most")
    # Each has a body or an answer in memory, never both. Buffers that bodies came in are kept for
    # the next bodies, and cannot serve the answers, which come in on another event loop.
    assert peak - before < clients * LARGE / 2**20 * 3


def test_idle_connections_cost_memory_only(
    slow: TorchServe, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = java(slow)
    limit = min(
        resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        int(Path(f"/proc/{pid}/limits").read_text().split("Max open files")[1].split()[0]),
    )
    if limit < IDLE + 500:
        pytest.skip(f"{limit} files may be open here, {IDLE} connections need {IDLE + 500}")
    before, threads = resident_mib(pid), status(pid, "Threads")
    alone = slowest_of(slow)
    connections = []
    try:
        for _ in range(IDLE):
            connections.append(socket.create_connection(("127.0.0.1", slow.inference_port)))
        # One request on each in ten, so that the server is known to have it.
        for connection in connections[:: IDLE // 1000]:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in connections[:: IDLE // 1000]:
            connection.settimeout(60)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        during = slowest_of(slow)
        after = resident_mib(pid)
        ticks = processor_ticks(pid)
        idle_from = time.monotonic()
        wait_for(lambda: time.monotonic() - idle_from > 2, "two seconds of nothing")
        idle_ticks = processor_ticks(pid) - ticks
    finally:
        for connection in connections:
            connection.close()
    with capsys.disabled():
        print(
            f"\n{IDLE} idle connections: {before} to {after} MiB,"
            f" {(after - before) * 1024 / IDLE:.1f} KiB each;"
            f" p95 {alone * 1000:.1f} to {during * 1000:.1f} ms"
        )
    assert after - before < 400
    assert status(pid, "Threads") <= threads + 2
    assert idle_ticks < 50, "a quarter of one core while nothing happens"
    assert during < 5 * alone + 2
    assert slow.predict("answers", data=b"after").content == b"after"


def processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@pytest.fixture
def small(tmp_path: Path) -> Iterator[TorchServe]:
    """A server of little memory."""
    limits = {"max_request_size": "11000000", "max_response_size": "11000000"}
    vmargs = "-Xmx200m -Dio.netty.leakDetection.level=paranoid"
    running = TorchServe(tmp_path, config={**limits, "vmargs": vmargs})
    running.store.write_handler("answers", ANSWERS, "maxWorkers: 1")
    running.start("answers")
    running.wait_ready("answers")
    yield running
    running.stop()
    running.assert_nothing_left()


def test_large_bodies_cannot_use_up_the_memory(small: TorchServe) -> None:
    clients = [socket.create_connection(("127.0.0.1", small.inference_port)) for _ in range(64)]
    for client in clients:
        client.sendall(head_of(LARGE) + b"x" * (LARGE - 1))
    answered = wait_for(lambda: at_least(40, select.select(clients, [], [], 0)[0]), "refusals")
    assert all(client.recv(1024).startswith(b"HTTP/1.1 503 ") for client in answered)
    answer = requests.post(f"{small.inference}/predictions/answers", data=b"me", timeout=60)
    assert answer.content == b"me"
    for client in clients:
        client.close()
    body = b"x" * LARGE
    wait_for(
        lambda: (
            requests.post(f"{small.inference}/predictions/answers", body, timeout=60).content
            == body
        ),
        "room for a large body again",
    )
    assert "OutOfMemory" not in (small.logs / "ts_log.log").read_text()


def at_least(count: int, found: list[socket.socket]) -> list[socket.socket]:
    return found if len(found) >= count else []

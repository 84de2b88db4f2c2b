"""What drives the servers: it counts right, notices wrong answers, and loads this machine only."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from perf import open_loop, stream_client, wrk
from perf.check import check_stream, is_near, validate
from perf.clients import Target, WrongAnswer
from perf.work import CHUNKS, Echo, NoOp, chunks, load_work

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


def streamed(count: int = CHUNKS) -> bytes:
    parts = list(chunks())[:count]
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part.encode()) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], Target]]:
    """Returns a function that starts a server which answers everything with the given bytes."""
    listeners: list[socket.socket] = []

    def start(answer: bytes) -> Target:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def talk(channel: socket.socket) -> None:
            with channel, contextlib.suppress(ConnectionError):
                while channel.recv(1 << 16):
                    channel.sendall(answer)

        def accept() -> None:
            while True:
                try:
                    channel, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(channel,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        port = listener.getsockname()[1]
        return Target.of(f"http://127.0.0.1:{port}/predictions/m0", b"x")

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1:80/x", "http://example.com:80/", "https://127.0.0.1:1/", "http://127.0.0.1/"],
)
def test_only_ports_of_this_machine_are_loaded(url: str) -> None:
    with pytest.raises(ValueError, match="expected http"):
        Target.of(url, b"")


def test_a_wrong_status_and_a_wrong_answer_are_noticed(serve: Callable[[bytes], Target]) -> None:
    validate(serve(ANSWER), b"ok")
    with pytest.raises(WrongAnswer, match="expected b'no'"):
        validate(serve(ANSWER), b"no")
    with pytest.raises(WrongAnswer, match="status 503"):
        validate(serve(REFUSAL), b"ok")


def test_numbers_may_differ_a_little_and_nothing_else() -> None:
    assert is_near(b'{"class": "7", "p": [0.5]}', b'{"p": [0.5004], "class": "7"}')
    assert not is_near(b'{"class": "7", "p": [0.5]}', b'{"class": "7", "p": [0.6]}')
    assert not is_near(b'{"class": "1", "p": [0.5]}', b'{"class": "7", "p": [0.5]}')
    assert not is_near(b"[0.5]", b"[0.5, 0.5]")
    assert not is_near(b"ok", b"no")


def test_chunks_must_all_come_once_and_in_order() -> None:
    parts = [part.encode() for part in chunks()]
    check_stream(b"data: ".join(parts))
    for wrong in (parts[:-1], parts[::-1], [*parts, parts[0]]):
        with pytest.raises(WrongAnswer):
            check_stream(b"".join(wrong))


def test_streams_are_counted(serve: Callable[[bytes], Target]) -> None:
    streams = stream_client.run(serve(streamed()), 2, 1)
    assert streams.streams >= 2
    assert streams.chunk_rate >= CHUNKS
    assert streams.first_chunk_ms > 0


def test_a_stream_that_lacks_a_chunk_is_noticed(serve: Callable[[bytes], Target]) -> None:
    with pytest.raises(WrongAnswer, match="99 chunks, expected 100"):
        stream_client.run(serve(streamed(99)), 1, 0.5)


def test_open_loop_offers_what_it_was_told_to(serve: Callable[[bytes], Target]) -> None:
    load = open_loop.run(serve(ANSWER), rate=200, seconds=0.5, deadline_sec=60)
    assert load.offered == pytest.approx(200, rel=0.4), "offered, however late"
    assert (load.in_time, load.refused, load.unanswered) == (1, 0, 0)
    assert load.p50_ms <= load.p99_ms


def test_open_loop_counts_refusals(serve: Callable[[bytes], Target]) -> None:
    load = open_loop.run(serve(REFUSAL), rate=200, seconds=0.3, deadline_sec=60)
    assert (load.in_time, load.refused) == (0, 1)


def test_open_loop_counts_what_is_late_and_what_never_comes() -> None:
    tally = open_loop.Tally(0.1, sent=10, refused=2, latencies=[0.05, 0.1, 0.2, 3.0])
    load = tally.result(seconds=5)
    assert load == open_loop.OpenLoad(2, 100, 3000, 0.2, 0.2, 0.4)
    with pytest.raises(ValueError, match="rate 0"):
        open_loop.run(Target("127.0.0.1", 1, "/", b""), 0, 1, 1)


def test_the_result_of_wrk_is_read() -> None:
    output = (
        "Running 1s test\nRequests/sec: 9\n"
        'RESULT {"requests": 110, "microseconds": 2000000, "connect": 0, "read": 1, "write": 0,'
        ' "status": 10, "timeout": 0, "p50": 1500, "p99": 2500}\n'
    )
    assert wrk.parse(output) == wrk.Load(50, 1.5, 2.5, 11, 110)
    with pytest.raises(RuntimeError, match="no result"):
        wrk.parse("Running 1s test")


def test_work_answers_each_body() -> None:
    assert NoOp().answer([b"a", b"b"]) == [b"ok", b"ok"]
    assert Echo().answer([b"a", b"b"]) == [b"a", b"b"]
    with pytest.raises(ValueError, match="work 'cats'"):
        load_work("cats", Path())

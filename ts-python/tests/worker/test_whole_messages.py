"""Messages of a worker leave and come whole, or its connection ends, wherever something fails."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from ts._protocol.control import Load
from ts._protocol.errors import InDoubt, PeerClosed
from ts._protocol.frames import (
    ALL_ITEMS,
    FLAG_LAST_ITEM,
    Buffer,
    FrameType,
    encode_message,
    frontend_limits,
    worker_limits,
)
from ts._protocol.messages import decode_response, encode_predict
from ts._protocol.reader import FrameAssembler
from ts._protocol.writer import FrameWriter
from ts._worker import handler_run as handler_run_module
from ts._worker import inbox as inbox_module
from ts._worker import server as server_module
from ts._worker.connection import WorkerConnection
from ts._worker.server import BatchServer
from ts._zygote.output import Outgoing
from ts.context import Context

BODIES = [b"a" * 10, b"b" * 30_000, b"c" * 1_200_000]


class FailsAt:
    """A function that raises `MemoryError` at its call of that number, and does so once."""

    def __init__(self, function: Callable[..., Any], number: int) -> None:
        self._function = function
        self._left = number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            raise MemoryError
        return self._function(*args, **kwargs)

    @property
    def failed(self) -> bool:
        return self._left <= 0


class Peer:
    """The frontend's end: reads all that comes, and takes messages out of it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.data = b""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self.socket.recv(1 << 20):
                self.data += piece

    def messages(self) -> list[tuple[int, int, int, bytes]]:
        """Return type, batch, item and body of all, once the worker's end is closed."""
        self._thread.join()
        assembler = FrameAssembler(frontend_limits(1 << 24))
        found, at = [], 0
        while True:
            while (message := assembler.next_message()) is not None:
                found.append((message.type, message.id, message.item, bytes(message.body)))
            if at == len(self.data):
                break
            taken = 0
            for buffer in assembler.buffers():
                piece = self.data[at + taken : at + taken + len(buffer)]
                buffer[: len(piece)] = piece
                taken += len(piece)
            assembler.received(taken)
            at += taken
        whole = sum(len(b"".join(encode_message(m[0], m[1], m[2], (m[3],)))) for m in found)
        assert whole == len(self.data), "a part of a message was sent"
        return found


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class PartingSocket:
    """A socket of which one call sends what it can, and raises."""

    def __init__(self, sock: socket.socket, number: int, error: type[BaseException]) -> None:
        self._socket = sock
        self._left = number
        self._error = error

    def send(self, data: Buffer, flags: int) -> int:
        return self._count(self._socket.send(memoryview(data)[:100_000], flags))

    def sendmsg(self, buffers: Sequence[Buffer], ancillary: Sequence[Any], flags: int) -> int:
        return self._count(self._socket.send(memoryview(buffers[0])[:100_000], flags))

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def _count(self, sent: int) -> int:
        self._left -= 1
        if self._left == 0:
            raise self._error
        return sent


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, TimeoutError, ValueError])
def test_nothing_follows_a_message_whose_sending_was_interrupted(
    error: type[BaseException],
) -> None:
    message = encode_message(FrameType.RESPONSE, 1, 0, (BODIES[0], BODIES[2]))
    expected = b"".join(message)
    for number in itertools.count(1):
        ours, theirs = socket.socketpair()
        with theirs:
            peer = Peer(theirs)
            writer = FrameWriter(PartingSocket(ours, number, error))  # type: ignore[arg-type]
            writer.queue(message)
            try:
                writer.flush()
            except (error, PeerClosed):
                with pytest.raises(InDoubt):
                    writer.queue([b"next"])
                ours.close()
                with contextlib.suppress(AssertionError):
                    peer.messages()
                assert expected.startswith(peer.data)
                continue
            ours.close()
            peer.messages()
            assert peer.data == expected
            break
    assert number > 10


def test_a_message_that_cannot_be_queued_is_not_queued(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    outgoing = Outgoing(ends[0].fileno())
    with pytest.raises(TypeError):
        outgoing.queue([b"head", 5])  # type: ignore[list-item]
    assert outgoing.size == 0
    outgoing.queue([b"next"])
    assert outgoing.flush()
    assert ends[1].recv(100) == b"next"


def serve(
    handler: Callable[[list[Any], Any], Any], *batches: bytes
) -> tuple[BaseException, Peer, socket.socket]:
    """Run batches in a worker until it ends; return why, and what its frontend got."""
    ours, theirs = socket.socketpair()
    peer = Peer(theirs)
    theirs.sendall(b"".join(batches))
    context = Context("m", ".", {}, 1, -1, "1.0")
    connection = WorkerConnection(ours, worker_limits(1 << 24))
    load = Load("m", "1.0", ".", "h", 1, True, True, 1 << 24, 1 << 24, False)
    service: Any = SimpleNamespace(context=context, entry_point=handler)
    with ours:
        try:
            BatchServer(connection, service, load).serve()
        except BaseException as error:
            return error, peer, theirs
    raise AssertionError("the worker ended by itself")


def batch_of(request_of: Any, batch: int, items: int = 1) -> bytes:
    parts: list[bytes] = []
    for item in range(items):
        flags = FLAG_LAST_ITEM if item == items - 1 else 0
        body = encode_predict(request_of(b"x", id=f"{batch}.{item}"))
        parts += map(bytes, encode_message(FrameType.PREDICT, batch, item, body, flags=flags))
    return b"".join(parts)


def ended_items(peer: Peer, items: int) -> Counter[int]:
    counts: Counter[int] = Counter()
    for kind, _, item, _ in peer.messages():
        if kind in (FrameType.RESPONSE, FrameType.ERROR):
            counts.update(range(items) if item == ALL_ITEMS else [item])
    return counts


@pytest.mark.parametrize("function", ["encode_message", "encode_value", "encode_error"])
@pytest.mark.parametrize("fails", [False, True], ids=["answers", "fails"])
def test_each_request_ends_once_or_with_the_connection_wherever_memory_runs_out(
    monkeypatch: pytest.MonkeyPatch, request_of: Any, function: str, fails: bool
) -> None:
    def handle(data: list[Any], context: Any) -> list[bytes]:
        if fails:
            raise ValueError("bad")
        with contextlib.suppress(ValueError):
            context._handler_run.send_chunks([b"chunk"] * len(data))
        # The frontend leaves once this is answered.
        return BODIES

    for number in itertools.count(1):
        failing = FailsAt(getattr(handler_run_module, function), number)
        with monkeypatch.context() as patch:
            patch.setattr(handler_run_module, function, failing)
            error, peer, theirs = run_to_end(handle, batch_of(request_of, 1, 3))
        counts = ended_items(peer, 3)
        theirs.close()
        assert all(count == 1 for count in counts.values())
        if not isinstance(error, MemoryError):
            assert counts == {0: 1, 1: 1, 2: 1}
        if not failing.failed:
            break


def run_to_end(
    handler: Callable[[list[Any], Any], Any], *batches: bytes
) -> tuple[BaseException, Peer, socket.socket]:
    """As `serve`; the worker's next look for requests after the first batch finds the end."""
    served = False

    def handle(data: list[Any], context: Any) -> Any:
        nonlocal served
        served = True
        return handler(data, context)

    receive = WorkerConnection.receive

    def receive_once(self: WorkerConnection, *, wait: bool) -> Any:
        if served and wait:
            self.writer.flush()
            raise PeerClosed("end of the test")
        return receive(self, wait=wait)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorkerConnection, "receive", receive_once)
        return serve(handle, *batches)


def test_a_handler_may_use_the_bytes_that_it_returned_again(
    monkeypatch: pytest.MonkeyPatch, request_of: Any
) -> None:
    monkeypatch.setattr(server_module, "_BREATH_SEC", 1e9)
    sizes = iter((20_000, 30_000, 17_000, 900_000, 5))
    buffer = bytearray()
    calls = 0

    def handle(data: list[Any], context: Any) -> list[Any]:
        nonlocal calls
        calls += 1
        buffer[:] = bytes([calls]) * next(sizes)
        return [buffer]

    receive = WorkerConnection.receive

    def receive_all(self: WorkerConnection, *, wait: bool) -> Any:
        if calls == 5:
            self.writer.flush()
            raise PeerClosed("end of the test")
        return receive(self, wait=wait)

    monkeypatch.setattr(WorkerConnection, "receive", receive_all)
    _, peer, theirs = serve(handle, *(batch_of(request_of, n) for n in range(5)))
    bodies = [
        decode_response(body).body
        for kind, _, _, body in peer.messages()
        if kind == FrameType.RESPONSE
    ]
    theirs.close()
    assert [(body[:1], len(set(body)), len(body)) for body in bodies] == [
        (bytes([n + 1]), 1, size) for n, size in enumerate((20_000, 30_000, 17_000, 900_000, 5))
    ]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_worker_that_has_lost_a_part_of_a_batch_serves_no_more(
    monkeypatch: pytest.MonkeyPatch, request_of: Any, number: int
) -> None:
    second = batch_of(request_of, 2, 3)
    calls = 0
    peers: list[socket.socket] = []

    def handle(data: list[Any], context: Any) -> list[bytes]:
        nonlocal calls
        calls += 1
        peers[0].sendall(second)
        monkeypatch.setattr(
            inbox_module, "decode_predict", FailsAt(inbox_module.decode_predict, number)
        )
        with contextlib.suppress(MemoryError):
            context._handler_run.send_chunks([b"chunk"])
        return [b"x"]

    original = Peer.__init__

    def remember(self: Peer, sock: socket.socket) -> None:
        peers.append(sock)
        original(self, sock)

    monkeypatch.setattr(Peer, "__init__", remember)
    error, peer, theirs = serve(handle, batch_of(request_of, 1))
    assert isinstance(error, InDoubt)
    assert calls == 1
    assert all(batch == 1 for _, batch, _, _ in peer.messages() if batch)
    theirs.close()

"""A frontend in Python: starts ``init``, listens for workers, and speaks the worker protocol."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
import ts
from ts._protocol.control import decode_json, encode_json
from ts._protocol.errors import PeerClosed
from ts._protocol.frames import (
    ALL_ITEMS,
    FLAG_LAST_ITEM,
    FLAG_STDERR,
    INIT_SENT_LIMITS,
    FrameType,
    encode_message,
    frontend_limits,
)
from ts._protocol.handled_message import decode_handled
from ts._protocol.messages import (
    Part,
    PredictItem,
    decode_error,
    decode_response,
    encode_predict,
)
from ts._protocol.metric_message import decode_metric
from ts._protocol.reader import FrameAssembler, FrameReader
from ts.metrics._sample import MetricSample

PACKAGE = Path(ts.__file__).parent
INIT = PACKAGE / "_zygote" / "init.py"
WITHOUT_TORCH = Path(__file__).resolve().parents[3] / "test" / "without_torch"
"""Where a module says that there is no torch, whose import takes seconds of CPU."""
LIMIT_SEC = 60.0
T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, limit_sec: float = LIMIT_SEC) -> T:
    deadline = time.monotonic() + limit_sec
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_sec} s: {what}")
        time.sleep(0.005)
    return value


def process_state(pid: int) -> str:
    """The kernel's letter for what a process does; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    return process_state(pid) not in ("", "Z")


def load_fields(model_dir: Path, handler: str) -> dict[str, Any]:
    return {
        "model_name": "m",
        "model_version": "1.0",
        "model_dir": str(model_dir),
        "handler": handler,
        "batch_size": 1,
        "limit_max_image_pixels": True,
        "decode_input_request": True,
        "max_request_size": 1 << 28,
        "max_response_size": 1 << 28,
        "async": False,
    }


class WorkerChannel:
    """The frontend's end of one worker's connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.hello: dict[str, Any] | None = None
        self.loaded: dict[str, Any] | None = None
        self.failed: dict[str, Any] | None = None
        self.unusable: dict[str, Any] | None = None
        self.replies: list[tuple[str, int, int, Any]] = []
        self.metrics: list[MetricSample] = []
        self.pongs: list[int] = []
        self.withdrawals: list[tuple[str, int]] = []
        self.handled: list[tuple[int, int, tuple[int, int], int]] = []
        """Batch, item, times, and how many responses of the batch had come before."""
        self.handled_batches: list[tuple[int, tuple[int, int], int]] = []
        """The same, of what is said of a whole batch."""
        self.closed = False
        self.reading = threading.Event()
        self.reading.set()
        self._next_batch = 1
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        reader = FrameReader(self.socket, frontend_limits(1 << 30))
        try:
            while True:
                self.reading.wait()
                message = reader.read_message()
                kind = FrameType(message.type)
                if kind == FrameType.HELLO:
                    self.hello = decode_json(message.body)
                elif kind == FrameType.LOADED:
                    self.loaded = decode_json(message.body)
                elif kind == FrameType.FAILED:
                    self.failed = decode_json(message.body)
                elif kind == FrameType.UNUSABLE:
                    self.unusable = decode_json(message.body)
                elif kind in (FrameType.WITHDRAWN, FrameType.BEGUN):
                    self.withdrawals.append((kind.name, message.id))
                elif kind == FrameType.PONG:
                    self.pongs.append(message.id)
                elif kind == FrameType.HANDLED:
                    answered = len(self.of(message.id))
                    times = decode_handled(message.body)
                    if message.item == ALL_ITEMS:
                        self.handled_batches.append((message.id, times, answered))
                    else:
                        self.handled.append((message.id, message.item, times, answered))
                elif kind == FrameType.METRIC:
                    self.metrics.append(decode_metric(message.body))
                else:
                    decode = decode_error if kind == FrameType.ERROR else decode_response
                    reply = (kind.name, message.id, message.item, decode(message.body))
                    self.replies.append(reply)
        except (PeerClosed, OSError):
            self.closed = True

    def send(self, frame_type: int, message_id: int, item: int = 0, body: Any = ()) -> None:
        self.socket.sendall(b"".join(encode_message(frame_type, message_id, item, body)))

    def load(self, model_dir: Path, handler: str, **more: Any) -> None:
        fields = load_fields(model_dir, handler) | more
        self.send(FrameType.LOAD, 0, 0, (encode_json(fields),))

    def predict(self, *items: PredictItem) -> int:
        """Send one batch and return its id."""
        batch = self._next_batch
        self._next_batch += 1
        data = []
        for index, item in enumerate(items):
            flags = FLAG_LAST_ITEM if index == len(items) - 1 else 0
            data += encode_message(
                FrameType.PREDICT, batch, index, encode_predict(item), flags=flags
            )
        self.socket.sendall(b"".join(data))
        return batch

    def cancel(self, batch: int, item: int = ALL_ITEMS) -> None:
        self.send(FrameType.CANCEL, batch, item)

    def of(self, batch: int) -> list[tuple[str, int, Any]]:
        return [(kind, item, value) for kind, b, item, value in self.replies if b == batch]

    def ends(self, batch: int, count: int = 1) -> list[Any]:
        """Wait for the ends of a batch's items; return them by item."""

        def complete() -> dict[int, Any] | None:
            ends: dict[int, Any] = {}
            for kind, item, value in self.of(batch):
                if kind == "ERROR" and item == ALL_ITEMS:
                    for i in range(count):
                        ends.setdefault(i, value)
                elif kind != "CHUNK":
                    assert item not in ends, "an item was answered twice"
                    ends[item] = value
            return ends if len(ends) == count else None

        ends = wait_until(lambda: complete() or (self.closed and "closed"), "ends of a batch")
        assert ends != "closed", "the worker closed the connection"
        return [ends[index] for index in range(count)]

    def ask(self, *items: PredictItem) -> list[Any]:
        return self.ends(self.predict(*items), len(items))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.reading.set()
        self._thread.join(LIMIT_SEC)
        self.socket.close()


class Frontend:
    """Runs ``init`` and collects what it says."""

    def __init__(
        self,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        python_path: Path | None = None,
        torch: bool = False,
        start: Sequence[str] = (str(INIT),),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ts"))
        self.address = f"unix:{self.folder}/w"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.address[5:])
        self.listener.listen(64)
        self.messages: list[tuple[str, int, Any]] = []
        self.lines: list[tuple[int, bool, str]] = []
        self.workers: dict[int, WorkerChannel] = {}
        self.controls: dict[int, WorkerChannel] = {}
        """Second connections of workers whose LOAD asks for one."""
        self.secrets: dict[int, str] = {}
        self.ended = threading.Event()
        self._next_spawn_id = 1
        self.template = 1
        self.env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        if python_path is not None:
            self.env["PYTHONPATH"] = str(python_path)
        elif not torch:
            self.env["PYTHONPATH"] = str(WITHOUT_TORCH)
        self.env |= env or {}
        self.init = subprocess.Popen(
            [sys.executable, *start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.env,
            cwd=cwd or self.folder,
        )
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._read, self._accept)
        ]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.init.stdout is not None
        assembler = FrameAssembler(INIT_SENT_LIMITS)
        while True:
            buffers = assembler.buffers()
            count = os.readv(self.init.stdout.fileno(), buffers)
            if count == 0:
                self.ended.set()
                return
            assembler.received(count)
            while (message := assembler.next_message()) is not None:
                kind = FrameType(message.type).name
                if kind == "OUTPUT":
                    stderr = bool(message.flags & FLAG_STDERR)
                    for line in bytes(message.body).decode("utf-8", "replace").split("\n"):
                        self.lines.append((message.id, stderr, line))
                    self.messages.append((kind, message.id, bytes(message.body)))
                else:
                    self.messages.append((kind, message.id, decode_json(message.body)))

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            channel = WorkerChannel(sock)
            while channel.hello is None and not channel.closed:
                time.sleep(0.001)
            if channel.hello is not None:
                assert channel.hello["secret"] == self.secrets[channel.hello["launch"]]
                kept = self.controls if channel.hello.get("control") else self.workers
                kept[channel.hello["launch"]] = channel

    def send(self, frame_type: int, spawn_id: int, fields: dict[str, Any] | None = None) -> None:
        assert self.init.stdin is not None
        body = () if fields is None else (encode_json(fields),)
        self.init.stdin.write(b"".join(encode_message(frame_type, spawn_id, 0, body)))
        self.init.stdin.flush()

    def spawn(self, start: str, cwd: Path, **more: Any) -> int:
        """Ask for a worker; return its spawn id."""
        spawn_id = self._next_spawn_id
        self._next_spawn_id += 1
        self.secrets[spawn_id] = secrets.token_hex(32)
        fields = {
            "worker": str(8999 + spawn_id),
            "start": start,
            "python": sys.executable,
            "prefix": [],
            "env": self.env,
            "cwd": str(cwd),
            "path": [str(cwd)],
            "address": self.address,
            "secret": self.secrets[spawn_id],
        } | more
        self.send(FrameType.SPAWN, spawn_id, fields)
        return spawn_id

    def worker(self, spawn_id: int) -> WorkerChannel:
        return wait_until(lambda: self.workers.get(spawn_id), f"worker {spawn_id}; {self.lines}")

    def loaded(
        self, start: str, model_dir: Path, handler: str = "handler", **more: Any
    ) -> WorkerChannel:
        """Start a worker and have it load a model."""
        worker = self.worker(self.spawn(start, model_dir))
        worker.load(model_dir, handler, **more)
        wait_until(lambda: worker.loaded or worker.failed, f"the load; {self.lines}")
        assert worker.loaded, f"{worker.failed}"
        return worker

    def spawn_from_template(
        self, model_dir: Path, template_offset: int = 0, *, start: str = "fork", **more: Any
    ) -> int:
        """Ask for a worker that is forked from a template process; return its spawn id."""
        load = load_fields(model_dir, "handler")
        return self.spawn(
            start, model_dir, parent=self.template + template_offset, load=load, **more
        )

    def find(self, kind: str, spawn_id: int) -> list[Any]:
        return [value for k, i, value in self.messages if k == kind and i == spawn_id]

    def wait_for(self, kind: str, spawn_id: int = 0, count: int = 1) -> Any:
        found = wait_until(
            lambda: (
                (f := self.find(kind, spawn_id)) if len(self.find(kind, spawn_id)) >= count else []
            ),
            f"{kind} {spawn_id}; {self.messages[-5:]}",
        )
        return found[count - 1]

    def exit_of(self, spawn_id: int) -> dict[str, Any]:
        exited: dict[str, Any] = self.wait_for("EXITED", spawn_id)
        return exited

    def pid(self, spawn_id: int) -> int:
        return int(self.wait_for("SPAWNED", spawn_id)["pid"])

    def text(self, spawn_id: int, *, stderr: bool | None = None) -> str:
        return "\n".join(line for i, e, line in self.lines if i == spawn_id and stderr in (None, e))

    def close(self) -> None:
        pids = [self.init.pid, *(v["pid"] for k, _, v in self.messages if k in _WITH_PID)]
        assert self.init.stdin is not None
        with contextlib.suppress(OSError):
            self.init.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.init.wait(LIMIT_SEC)
        if self.init.poll() is None:
            self.init.kill()
            self.init.wait()
            raise AssertionError("init did not end with its standard input")
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for channel in (*self.workers.values(), *self.controls.values()):
            channel.close()
        for thread in self._threads:
            thread.join(LIMIT_SEC)
        assert self.init.stdout is not None
        self.init.stdout.close()
        for name in self.folder.iterdir():
            name.unlink()
        self.folder.rmdir()
        for pid in filter(None, pids):
            wait_until(lambda pid=pid: not is_alive(pid), f"process {pid} ends")


_WITH_PID = ("READY", "SPAWNED")


@pytest.fixture(scope="module")
def with_torch(request: pytest.FixtureRequest) -> bool:
    """Whether handlers of a module's tests import it, as its constant TORCH says."""
    return bool(getattr(request.module, "TORCH", False))


@pytest.fixture
def frontend(with_torch: bool) -> Iterator[Frontend]:
    """A frontend with a zygote of its own."""
    front = Frontend(torch=with_torch)
    yield front
    front.close()


@pytest.fixture(scope="module")
def shared_frontend(with_torch: bool) -> Iterator[Frontend]:
    """A frontend for the tests of a module that need no zygote of their own."""
    front = Frontend(torch=with_torch)
    yield front
    front.close()


@pytest.fixture
def make_frontend(with_torch: bool) -> Iterator[Callable[..., Frontend]]:
    """Makes frontends and closes them."""
    made: list[Frontend] = []

    def make(**arguments: Any) -> Frontend:
        made.append(Frontend(**{"torch": with_torch, **arguments}))
        return made[-1]

    yield make
    for front in made:
        front.close()


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model folder from the text of its handler."""

    def write(code: str, name: str = "handler.py", **manifest: Any) -> Path:
        (tmp_path / name).write_text(code)
        if manifest:
            (tmp_path / "MAR-INF").mkdir(exist_ok=True)
            text = json.dumps({"model": manifest})
            (tmp_path / "MAR-INF" / "MANIFEST.json").write_text(text)
        return tmp_path

    return write


def request(
    body: bytes | None = None,
    content_type: str = "",
    *,
    id: str = "r",
    time_left_ms: int = 0,
    headers: list[tuple[str, str]] | None = None,
    parts: list[Part] | None = None,
) -> PredictItem:
    if parts is None:
        parts = [] if body is None else [Part("body", content_type, bytearray(body))]
    return PredictItem(0, time_left_ms, id, headers or [], parts)


@pytest.fixture(name="request_of")
def _request_of() -> Callable[..., PredictItem]:
    """Makes requests."""
    return request


@pytest.fixture(name="until")
def _until() -> Callable[..., Any]:
    """Waits for a condition."""
    return wait_until


@pytest.fixture(name="alive")
def _alive() -> Callable[[int], bool]:
    """Tells whether a process lives."""
    return is_alive


@pytest.fixture(name="state")
def _state() -> Callable[[int], str]:
    """Tells what a process does."""
    return process_state

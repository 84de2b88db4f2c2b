"""The messages of TorchServe 0.12 that tests of handlers import."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ts import model_service_worker
from ts.async_service import AsyncService
from ts.context import Context, RequestProcessor
from ts.model_service_worker import TorchModelServiceWorker
from ts.protocol import otf_message_handler as messages
from ts.service import PREDICTION_METRIC, Service

LOADED = "000000c80000000e6c6f61646564206d6f64656c206dffffffff"
PREDICTED = (
    "000000c80000001250726564696374696f6e207375636365737300000002723000000000000000c800000000"
    "000000000000000c7b0a20202261223a20310a7dffffffff"
)
CHUNK = (
    "000000c8000000026f6b00000002723000000000000000c800000000000000010000000e74735f73747265616d"
    "5f6e657874000000047472756500000003746f6bffffffff"
)
FAILED = (
    "000001f70000001150726564696374696f6e206661696c656400000002723000000000000001f7000000000000"
    "0000000000056572726f72ffffffff"
)
LOAD = "4c00000001" + "6d" + "00000004" + b"/mdl".hex() + "00000001" + "00000004" + b"h.py".hex()
LOAD += "ffffffff0000000001"
PREDICT = "4900000002" + b"r0".hex() + "00000001" + "6b" + "00000001" + "76" + "ffffffff"
PREDICT += "00000004" + b"body".hex() + "0000000a" + b"text/plain".hex() + "00000002" + b"hi".hex()
PREDICT += "ffffffff" + "ffffffff"


def context_of_one() -> Context:
    context = Context("m", "/m", None, 1, None, "1.0.0")
    context.request_processor = [RequestProcessor({})]
    return context


def test_responses_have_their_old_bytes() -> None:
    assert messages.create_load_model_response(200, "loaded model m").hex() == LOADED
    ids = {0: "r0"}
    ok = messages.create_predict_response([{"a": 1}], ids, "Prediction success", 200)
    assert ok is not None
    assert ok.hex() == PREDICTED
    chunk = messages.create_predict_response(["tok"], ids, "ok", 200, context_of_one(), True)
    assert chunk is not None
    assert chunk.hex() == CHUNK
    failed = messages.create_predict_response(None, ids, "Prediction failed", 503)
    assert failed is not None
    assert failed.hex() == FAILED


def test_other_ranks_say_nothing(monkeypatch: Any) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert messages.create_predict_response([1], {0: "r"}, "", 200) is None


def test_messages_are_received() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(bytes.fromhex(LOAD + PREDICT) + b"Z")
        command, load = messages.retrieve_msg(theirs)
        assert command == messages.LOAD_MSG
        assert load == {
            "modelName": b"m",
            "modelPath": b"/mdl",
            "batchSize": 1,
            "handler": b"h.py",
            "envelope": b"",
            "limitMaxImagePixels": True,
        }
        command, requests = messages.retrieve_msg(theirs)
        assert command == messages.PREDICT_MSG
        assert requests == [
            {
                "requestId": b"r0",
                "headers": [{"name": b"k", "value": b"v"}],
                "parameters": [{"name": "body", "contentType": "text/plain", "value": "hi"}],
            }
        ]
        with pytest.raises(ValueError, match="Invalid command"):
            messages.retrieve_msg(theirs)
        ours.close()
        with pytest.raises(EOFError):
            messages.retrieve_msg(theirs)


class Recorded:
    """A connection as tests of handlers make it up: all it can do is to be read."""

    def __init__(self, content: bytes) -> None:
        self._left = io.BytesIO(content)

    def recv(self, size: int) -> bytes:
        # Less than was asked for, as a real one may.
        return self._left.read(min(size, 3))


def test_message_is_read_by_recv_alone() -> None:
    connection: Any = Recorded(bytes.fromhex(PREDICT))
    command, requests = messages.retrieve_msg(connection)
    assert command == messages.PREDICT_MSG
    assert requests[0]["parameters"][0]["value"] == "hi"
    with pytest.raises(EOFError):
        messages.retrieve_msg(connection)


BATCH = [{"requestId": b"r0", "headers": [], "parameters": []}]


class Metrics:
    def __init__(self) -> None:
        self.times: list[str] = []

    def set_request_ids(self, ids: dict[int, str]) -> None:
        self.ids = ids

    def add_time(self, name: str, value: float) -> None:
        self.times.append(name)


def test_service_predicts_in_the_old_format() -> None:
    metrics = Metrics()
    service = Service("m", "/m", None, lambda data, context: [{"a": 1}], None, 1, True, metrics)
    response = service.predict(BATCH)
    assert response is not None
    assert response.endswith(bytes.fromhex("0000000c7b0a20202261223a20310a7dffffffff"))
    assert metrics.times == [PREDICTION_METRIC]


@pytest.mark.parametrize(
    ("result", "code", "message"),
    [
        (ValueError("x"), 503, b"Prediction failed"),
        (MemoryError(), 507, b"Out of resources"),
        ("no list", 503, b"Invalid model predict output"),
        ([], 503, b"number of batch response mismatched"),
        ([object()], 503, b"Unsupported model output data type."),
    ],
)
def test_service_answers_failures(result: Any, code: int, message: bytes) -> None:
    def handle(data: Any, context: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    response = Service("m", "/m", None, handle, None, 1).predict(BATCH)
    assert response is not None
    assert response[:4] == code.to_bytes(4, "big")
    assert message in response


def test_service_refuses_no_batch() -> None:
    with pytest.raises(ValueError, match="Received invalid inputs"):
        Service.retrieve_data_for_inference(None)


def test_async_service_awaits_its_handler() -> None:
    async def handle(data: Any, context: Any) -> list[str]:
        return [context.get_request_id(0)]

    service = Service("m", "/m", None, handle, None, 1)
    first, second = AsyncService(service).run(BATCH, [{**BATCH[0], "requestId": b"r1"}])
    assert first is not None
    assert second is not None
    assert first.endswith(b"r0\xff\xff\xff\xff")
    assert second.endswith(b"r1\xff\xff\xff\xff")


def test_async_service_serves_its_connection_with_batches_side_by_side() -> None:
    second = asyncio.Event()

    async def handle(data: Any, context: Any) -> list[str]:
        if context.get_request_id(0) == "r0":
            await second.wait()  # so that the first is answered after the second
        else:
            second.set()
        return [context.get_request_id(0)]

    service = Service("m", "/m", None, handle, None, 1)
    with pytest.raises(ValueError, match="set it by set_cl_socket"):
        AsyncService(service).run()
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as threads:
        service.set_cl_socket(theirs)
        served = threads.submit(AsyncService(service).run)
        ours.settimeout(60)
        ours.sendall(bytes.fromhex(PREDICT) + bytes.fromhex(PREDICT).replace(b"r0", b"r1"))
        received = b""
        while received.count(b"\xff\xff\xff\xff") < 2:
            received += ours.recv(1000)
        assert received.index(b"r1\xff\xff\xff\xff") < received.index(b"r0\xff\xff\xff\xff")
        ours.sendall(bytes.fromhex(LOAD))
        with pytest.raises(ValueError, match="command b'L', expected a batch"):
            served.result(60)


def test_old_worker_serves_an_old_frontend(tmp_path: Path, monkeypatch: Any, until: Any) -> None:
    (tmp_path / "oldworkerhandler.py").write_text(
        "def handle(data, context):\n    return [row['body'] for row in data] if data else None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "s.9000"
    worker = TorchModelServiceWorker("unix", str(path))
    thread = threading.Thread(target=worker.run_server, daemon=True)
    thread.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        until(lambda: client.connect_ex(str(path)) == 0, "the worker listens")
        load = LOAD.replace("00000004" + b"/mdl".hex(), text(str(tmp_path)))
        client.sendall(
            bytes.fromhex(load.replace("00000004" + b"h.py".hex(), text("oldworkerhandler")))
        )
        assert client.recv(100).hex() == LOADED
        client.sendall(bytes.fromhex(PREDICT))
        assert client.recv(200).endswith(b"\0\0\0\2hi\xff\xff\xff\xff")
    thread.join(60)
    assert not thread.is_alive()


STREAMING = """
import warnings
import context
from ts.protocol.otf_message_handler import send_intermediate_predict_response as send

warnings.simplefilter("ignore")

def handle(data, ctx):
    if data is None:
        return None
    send([context.TOKEN], ctx.request_ids, "ok", 200, ctx)
    return ["end"]
"""
LAST_CHUNK = (
    "000000c80000001250726564696374696f6e207375636365737300000002723000000000000000c800000000"
    "000000010000000e74735f73747265616d5f6e6578740000000566616c736500000003656e64ffffffff"
)


def test_old_worker_s_script_streams_with_the_model_s_own_modules(tmp_path: Path) -> None:
    (tmp_path / "streaming.py").write_text(STREAMING)
    (tmp_path / "context.py").write_text("TOKEN = 'tok'")
    path = tmp_path / "s.9000"
    script = Path(model_service_worker.__file__)
    words = ["--sock-type", "unix", "--sock-name", str(path)]
    worker = subprocess.Popen(
        [sys.executable, str(script), *words],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{script.parents[1]}", "LOCAL_RANK": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with worker, socket.socket(socket.AF_UNIX) as client:
        assert worker.stdout is not None
        assert worker.stdout.readline() == f"[PID]{worker.pid}\n"
        assert worker.stdout.readline() == "Torch worker started.\n"
        client.settimeout(60)
        client.connect(str(path))
        load = LOAD.replace("00000004" + b"/mdl".hex(), text(str(tmp_path)))
        load = load.replace("00000004" + b"h.py".hex(), text("streaming.py"))
        client.sendall(bytes.fromhex(load))
        assert client.recv(100).hex() == LOADED
        client.sendall(bytes.fromhex(PREDICT))
        expected = bytes.fromhex(CHUNK + LAST_CHUNK)
        received = b""
        while len(received) < len(expected) and (piece := client.recv(1000)):
            received += piece
        assert received.hex() == expected.hex()
        client.close()
        assert worker.wait(60) == 0


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_ranks_of_an_old_group_listen_beside_each_other(
    kind: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "2")
    worker = TorchModelServiceWorker(kind, str(tmp_path / "s.9000"), port_num="9000")
    worker.sock.close()
    if kind == "unix":
        assert worker.sock_name == str(tmp_path / "s.9002")
    else:
        assert worker.port == 9002


def text(value: str) -> str:
    return len(value).to_bytes(4, "big").hex() + value.encode().hex()


def test_socket_on_which_another_worker_listens_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "s.9000"
    path.touch()
    with socket.socket(socket.AF_UNIX) as other:
        TorchModelServiceWorker("unix", str(path)).sock.close()  # what is left there goes
        other.bind(str(path))
        other.listen(1)
        with pytest.raises(RuntimeError, match="socket already in use"):
            TorchModelServiceWorker("unix", str(path))
        assert path.is_socket()
    TorchModelServiceWorker("unix", str(path)).sock.close()
    assert not path.exists()


@pytest.mark.parametrize(
    "arguments",
    [{}, {"s_type": "unix"}, {"s_type": "tcp"}, {"s_type": "unix", "s_name": "/" + "d" * 107}],
)
def test_old_worker_needs_a_socket(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"arguments|Incomplete|has 108 bytes"):
        TorchModelServiceWorker(**arguments)

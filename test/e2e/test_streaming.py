"""Streams: chunks arrive as they are made, and a stream does not hold up other requests."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe, wait_for


class StreamReader:
    """A client that reads the raw chunked answer bit by bit."""

    def __init__(self, server: TorchServe, order: dict[str, object], model: str = "commands"):
        body = json.dumps({"do": "stream", **order}).encode()
        self.socket = socket.create_connection(("127.0.0.1", server.inference_port), timeout=60)
        self.socket.sendall(
            f"POST /predictions/{model} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        self.received = b""

    def read_until(self, text: bytes) -> bytes:
        """Reads until `text` has come; fails if the stream ends first."""
        while text not in self.received:
            piece = self.socket.recv(65536)
            assert piece, f"closed before {text!r}: {self.received!r}"
            self.received += piece
        return self.received

    def read_all(self) -> bytes:
        """Reads to the end of the connection, or to the end of a complete chunked answer."""
        while not self.received.endswith(b"0\r\n\r\n"):
            piece = self.socket.recv(65536)
            if not piece:
                break
            self.received += piece
        return self.received

    def __enter__(self) -> StreamReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_chunks_reach_the_client_as_they_are_made(server: TorchServe, tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")
    with StreamReader(server, {"chunks": 3, "gate": gate}) as stream:
        for number in range(3):
            received = stream.read_until(f"part{number} ".encode())
            assert f"part{number + 1} ".encode() not in received
            Path(f"{gate}{number}").write_text("go")
        answer = stream.read_all()
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"transfer-encoding: chunked" in head.lower()
    assert body == b"6\r\npart0 \r\n6\r\npart1 \r\n6\r\npart2 \r\n4\r\nlast\r\n0\r\n\r\n"


def test_connection_is_usable_after_a_stream(server: TorchServe) -> None:
    with requests.Session() as session:
        for _ in range(2):
            answer = session.post(
                f"{server.inference}/predictions/commands",
                json={"do": "stream", "chunks": 2},
                timeout=30,
            )
            assert answer.text == "part0 part1 last"


def test_error_after_the_first_chunk_ends_the_stream_visibly(server: TorchServe) -> None:
    with StreamReader(server, {"chunks": 3, "raise_after": 1}) as stream:
        answer = stream.read_all()
    assert b"part0" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    with pytest.raises(requests.RequestException):
        server.order("stream", chunks=3, raise_after=1)
    assert server.order("echo").status_code == 200


def test_worker_killed_in_the_middle_ends_the_stream_as_an_error_and_comes_back(
    server: TorchServe,
) -> None:
    old = server.worker_pids("commands")
    with StreamReader(server, {"chunks": 3, "die_after": 1}) as stream:
        answer = stream.read_all()
    assert b"part0" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    server.wait_new_worker("commands", old)
    assert server.order("echo").status_code == 200


def test_client_that_leaves_stops_its_stream(server: TorchServe, tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    order = {"chunks": 100000, "pause": 0.01, "progress_file": str(progress)}
    with StreamReader(server, order) as stream:
        stream.read_until(b"part0 ")
    # The worker serves the next request: the stream did not run to its end (which takes 1000 s).
    assert server.order("echo").status_code == 200
    assert int(progress.read_text()) < 100000


def test_slow_client_does_not_block_others(server: TorchServe) -> None:
    requests.put(
        f"{server.management}/models/commands?min_worker=2&synchronous=true", timeout=60
    ).raise_for_status()
    order: dict[str, object] = {"chunks": 2000, "chunk_bytes": 100_000}
    with StreamReader(server, order) as stream:
        stream.read_until(b"part0 ")
        # It reads no more; 200 MB would follow. Others get their answers meanwhile.
        for _ in range(20):
            assert server.order("echo").status_code == 200
        # Its own stream is cut in the end, and the worker is free again.
        wait_for(
            lambda: all(w["inFlight"] == 0 for w in server.describe("commands")["workers"]),
            "the slow client's stream to be cut",
        )
    requests.put(
        f"{server.management}/models/commands?min_worker=1&synchronous=true", timeout=60
    ).raise_for_status()


def test_each_request_of_a_batch_gets_its_own_stream(server: TorchServe) -> None:
    registered = requests.post(
        f"{server.management}/models?url=commands&model_name=batched&batch_size=4"
        "&max_batch_delay=2000&initial_workers=1",
        timeout=60,
    )
    assert registered.status_code == 200, registered.text
    answers: dict[str, str] = {}

    def call(tag: str) -> None:
        answers[tag] = server.order("stream", "batched", tag=tag, chunks=2).text

    threads = [threading.Thread(target=call, args=(tag,)) for tag in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {tag: f"{tag}0 {tag}1 last" for tag in "abcd"}
    requests.delete(f"{server.management}/models/batched", timeout=60).raise_for_status()


def test_explanations_and_kserve_routes_stream_too(server: TorchServe) -> None:
    body = {"do": "stream", "chunks": 1}
    for path in ("/explanations/commands", "/v1/models/commands:predict"):
        answer = requests.post(server.inference + path, json=body, timeout=30)
        assert answer.text == "part0 last", path


def test_http_1_0_client_gets_the_stream_until_the_connection_closes(server: TorchServe) -> None:
    body = json.dumps({"do": "stream", "chunks": 2}).encode()
    with socket.create_connection(("127.0.0.1", server.inference_port), timeout=30) as client:
        client.sendall(
            b"POST /predictions/commands HTTP/1.0\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    head, received = answer.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head.lower()
    assert received == b"part0 part1 last"

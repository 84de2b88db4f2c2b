"""The other end of a worker's connection: loads one model, asks it, and keeps what it says."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ts._protocol.control import decode_json, encode_json
from ts._protocol.errors import PeerClosed, ProtocolError
from ts._protocol.frames import (
    ALL_ITEMS,
    FLAG_LAST_ITEM,
    FrameType,
    encode_message,
    frontend_limits,
)
from ts._protocol.messages import (
    BodyKind,
    ErrorResponse,
    Part,
    PredictItem,
    RequestKind,
    decode_error,
    decode_response,
    encode_predict,
)
from ts._protocol.reader import FrameReader, Message

_TYPES = {
    BodyKind.BYTES: "application/octet-stream",
    BodyKind.TEXT: "text/plain; charset=utf-8",
    BodyKind.JSON: "application/json",
    BodyKind.TENSOR: "application/octet-stream",
}


@dataclass(slots=True)
class Answer:
    """What one request got.

    Attributes:
        status: What the client would see, where the handler says so; else 200.
        chunks: The parts of a stream, or the one body.
        error: Why there is no body, or no more.
    """

    status: int = 200
    content_type: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    error: ErrorResponse | None = None
    ended: bool = False

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)


@dataclass(slots=True)
class Outcome:
    """What became of a model.

    Attributes:
        load_seconds: How long loading took; None if it did not succeed.
        failed: The report of the worker that could not load it: message, detail, traceback.
        rounds: The answers to each batch, with how long it took.
        unusable: Why the worker could serve no more; "" if it could.
        problem: What else ended the conversation; "" if nothing did.
    """

    load_seconds: float | None = None
    failed: dict[str, Any] | None = None
    rounds: list[tuple[float, list[Answer]]] = field(default_factory=list)
    unusable: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """The body of one request."""

    content_type: str
    body: bytes


class OneModelFrontend(threading.Thread):
    """Listens for one worker and has it load a model and run batches.

    Args:
        listener: A listening socket.
        load: The fields of the LOAD message.
        batches: What to ask, one batch after the other.
        kind: A `RequestKind`.
    """

    def __init__(
        self, listener: socket.socket, load: dict[str, Any], batches: list[list[Input]], kind: int
    ) -> None:
        super().__init__(name="frontend", daemon=True)
        self._listener = listener
        self._load = load
        self._batches = batches
        self._kind = kind
        self.outcome = Outcome()

    def run(self) -> None:
        """Speak with the worker until all is asked, or it has ended."""
        with self._listener:
            connection, _ = self._listener.accept()
        with connection:
            try:
                self._speak(connection, FrameReader(connection, frontend_limits(1 << 31)))
            except (PeerClosed, OSError):
                self.outcome.problem = self.outcome.problem or "the worker's connection has ended"
            except ProtocolError as error:
                self.outcome.problem = f"the worker's message is malformed: {error}"

    def _speak(self, connection: socket.socket, reader: FrameReader) -> None:
        reader.read_message()  # HELLO
        started = time.perf_counter()
        connection.sendall(
            b"".join(encode_message(FrameType.LOAD, 0, 0, (encode_json(self._load),)))
        )
        message = self._next(reader, FrameType.LOADED, FrameType.FAILED)
        if message.type == FrameType.FAILED:
            self.outcome.failed = decode_json(message.body)
            return
        self.outcome.load_seconds = time.perf_counter() - started
        for number, batch in enumerate(self._batches, 1):
            began = time.perf_counter()
            connection.sendall(self._encoded(number, batch))
            answers = [Answer() for _ in batch]
            self.outcome.rounds.append((0.0, answers))
            if not self._collect(reader, answers):
                return
            self.outcome.rounds[-1] = (time.perf_counter() - began, answers)

    def _encoded(self, number: int, batch: list[Input]) -> bytes:
        out = []
        for index, each in enumerate(batch):
            part = Part("body", each.content_type, bytearray(each.body))
            # As the frontend tells handlers which route it was.
            explain = str(self._kind == RequestKind.EXPLAIN)
            headers = [("content-type", each.content_type), ("explain", explain)]
            item = PredictItem(self._kind, 0, f"try-{number}-{index}", headers, [part])
            flags = FLAG_LAST_ITEM if index == len(batch) - 1 else 0
            encoded = encode_predict(item)
            out += encode_message(FrameType.PREDICT, number, index, encoded, flags=flags)
        return b"".join(out)

    def _collect(self, reader: FrameReader, answers: list[Answer]) -> bool:
        """Read until each request has its end; return whether the worker can serve more."""
        while not all(answer.ended for answer in answers):
            message = self._next(
                reader, FrameType.RESPONSE, FrameType.CHUNK, FrameType.ERROR, FrameType.UNUSABLE
            )
            if message.type == FrameType.UNUSABLE:
                self.outcome.unusable = str(decode_json(message.body).get("reason", ""))
                return False
            if message.type == FrameType.ERROR:
                error = decode_error(message.body)
                meant = answers if message.item == ALL_ITEMS else [answers[message.item]]
                for answer in meant:
                    if not answer.ended:
                        answer.error, answer.status, answer.ended = error, error.code, True
                continue
            response = decode_response(message.body)
            answer = answers[message.item]
            if not answer.chunks and not answer.headers:
                given = {name.lower(): value for name, value in response.headers}
                answer.headers = response.headers
                answer.status = response.status or 200
                answer.content_type = given.get("content-type") or _TYPES.get(
                    BodyKind(response.kind), ""
                )
            if response.body or not answer.chunks:
                answer.chunks.append(response.body)
            answer.ended = message.type == FrameType.RESPONSE
        return True

    @staticmethod
    def _next(reader: FrameReader, *types: int) -> Message:
        """Return the next message of these types; metrics are for a real frontend."""
        while (message := reader.read_message()).type not in types:
            pass
        return message

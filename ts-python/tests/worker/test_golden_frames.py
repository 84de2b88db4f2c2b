"""The frames in ``test/frames`` decode to what they mean, and are what the encoders make."""

from __future__ import annotations

import contextlib
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from ts._protocol import control, messages, metric_message
from ts._protocol.errors import ProtocolError
from ts._protocol.frames import (
    ALL_ITEMS,
    CONTROL_LIMITS,
    FLAG_LAST_ITEM,
    FLAG_STDERR,
    INIT_LIMITS,
    INIT_SENT_LIMITS,
    MAX_BATCH_ITEMS,
    MAX_FRAME_LENGTH,
    FrameType,
    encode_message,
    frontend_limits,
    worker_limits,
)
from ts._protocol.handled_message import decode_handled, encode_handled
from ts._protocol.reader import FrameAssembler, Message
from ts._worker.inbox import Inbox
from ts.metrics._sample import MetricSample

FRAMES = Path(__file__).parents[3] / "test" / "frames"
NAMES = sorted(path.stem for path in FRAMES.glob("*.hex"))
VALID = [name for name in NAMES if not name.startswith("invalid-")]
INVALID = [name for name in NAMES if name.startswith("invalid-")]

BODY_KINDS = ["bytes", "text", "json", "tensor", "none"]
KINDS = ["predict", "explain", "describe"]
JSON_TYPES = (
    "HELLO LOAD LOADED FAILED UNUSABLE SPAWN SIGNAL READY SPAWNED EXITED ZYGOTE_EXITED IMPORTED"
).split()


class Golden:
    def __init__(self, name: str) -> None:
        self.data = bytes.fromhex((FRAMES / f"{name}.hex").read_text())
        self.spec: dict[str, Any] = json.loads((FRAMES / f"{name}.json").read_text())
        self.frame_limit = self.spec.get("frame_limit", MAX_FRAME_LENGTH)

    def assembler(self) -> FrameAssembler:
        sizes = self.spec.get("limits", {})
        if self.spec["channel"] == "init":
            limits = INIT_LIMITS if self.spec["to"] == "init" else INIT_SENT_LIMITS
        elif self.spec["to"] == "worker":
            limits = {**worker_limits(sizes.get("request", 6553500)), **CONTROL_LIMITS}
        else:
            limits = frontend_limits(sizes.get("response", 6553500))
        return FrameAssembler(limits, self.frame_limit)

    def decode(self, pieces: list[bytes]) -> list[dict[str, Any]]:
        """Feed the pieces; what was decoded before an error is in `decoded`."""
        self.decoded: list[dict[str, Any]] = []
        assembler, inbox = self.assembler(), Inbox()
        for piece in pieces:
            while piece:
                piece = feed(assembler, piece)
                while (message := assembler.next_message()) is not None:
                    self.decoded.append(decode(message, inbox))
        return self.decoded


def feed(assembler: FrameAssembler, data: bytes) -> bytes:
    """Put bytes into the assembler as a socket would; return what it has no room for."""
    count = 0
    for buffer in assembler.buffers():
        size = min(len(buffer), len(data) - count)
        buffer[:size] = data[count : count + size]
        count += size
    assembler.received(count)
    return data[count:]


def decode(message: Message, inbox: Inbox) -> dict[str, Any]:
    kind = FrameType(message.type).name
    result: dict[str, Any] = {
        "type": kind,
        "item": -1 if message.item == ALL_ITEMS else message.item,
        "id": message.id,
    }
    if kind in JSON_TYPES:
        result["json"] = control.decode_json(message.body)
        if kind == "HELLO":
            control.Hello.decode(message.body)
        elif kind == "LOAD":
            control.Load.decode(message.body)
        elif kind == "SPAWN":
            control.Spawn.decode(message.body)
        elif kind == "IMPORTED":
            control.imports_of(result["json"])
    elif kind == "PREDICT":
        item = messages.decode_predict(memoryview(bytes(message.body)))
        inbox.take(message)
        result |= {
            "last_item": bool(message.flags & FLAG_LAST_ITEM),
            "kind": KINDS[item.kind],
            "time_left_ms": item.time_left_ms,
            "request_id": item.request_id,
            "headers": [list(pair) for pair in item.headers],
            "parts": [
                {"name": p.name, "content_type": p.content_type, "value_hex": p.value.hex()}
                for p in item.parts
            ],
        }
        if item.tensors:
            result["tensors"] = True
        if item.context is not None:
            result["context"] = item.context
    elif kind == "HANDLED":
        if message.item >= MAX_BATCH_ITEMS and message.item != ALL_ITEMS:
            raise ProtocolError(f"item {message.item}")
        result["began_ns"], result["ended_ns"] = decode_handled(message.body)
    elif kind in ("RESPONSE", "CHUNK"):
        if message.item >= MAX_BATCH_ITEMS:
            raise ProtocolError(f"item {message.item}")
        response = messages.decode_response(message.body)
        result |= {
            "status": response.status,
            "body_kind": BODY_KINDS[response.kind],
            "reason": response.reason,
            "headers": [list(pair) for pair in response.headers],
            "body_hex": response.body.hex(),
        }
    elif kind == "ERROR":
        result |= messages.decode_error(message.body)._asdict()
        result["headers"] = [list(pair) for pair in result["headers"]]
    elif kind == "METRIC":
        m = metric_message.decode_metric(message.body)
        result |= {
            "metric": m.type,
            "name": m.name,
            "unit": m.unit,
            "value": m.value,
            "time_ms": m.time_ms,
            "request_ids": m.request_ids,
            "dimensions": [list(pair) for pair in m.dimensions],
        }
    elif kind == "OUTPUT":
        result |= {
            "stderr": bool(message.flags & FLAG_STDERR),
            "body_hex": bytes(message.body).hex(),
        }
    return result


def encode(spec: dict[str, Any], frame_limit: int) -> bytes:
    kind, flags = spec["type"], 0
    body: list[Any] = []
    if kind == "PREDICT":
        flags = FLAG_LAST_ITEM if spec["last_item"] else 0
        parts = [
            messages.Part(p["name"], p["content_type"], bytearray.fromhex(p["value_hex"]))
            for p in spec["parts"]
        ]
        body = messages.encode_predict(
            messages.PredictItem(
                KINDS.index(spec["kind"]),
                spec["time_left_ms"],
                spec["request_id"],
                spec["headers"],
                parts,
                spec.get("tensors", False),
                spec.get("context"),
            )
        )
    elif kind in ("RESPONSE", "CHUNK"):
        head = messages.encode_response_head(
            spec["status"], BODY_KINDS.index(spec["body_kind"]), spec["reason"], spec["headers"]
        )
        body = [head, bytes.fromhex(spec["body_hex"])]
    elif kind == "ERROR":
        texts = (spec[name] for name in ("code", "message", "detail", "traceback", "headers"))
        body = [messages.encode_error(messages.ErrorResponse(*texts))]
    elif kind == "METRIC":
        names = ("metric", "name", "unit", "value", "time_ms", "request_ids")
        values = [spec[name] for name in names]
        body = [metric_message.encode_metric(MetricSample(*values, spec["dimensions"]))]
    elif kind == "HANDLED":
        body = [encode_handled(spec["began_ns"], spec["ended_ns"])]
    elif kind == "OUTPUT":
        flags = FLAG_STDERR if spec["stderr"] else 0
        body = [bytes.fromhex(spec["body_hex"])]
    item = ALL_ITEMS if spec["item"] == -1 else spec["item"]
    return b"".join(
        encode_message(
            FrameType[kind], spec["id"], item, body, flags=flags, max_frame_length=frame_limit
        )
    )


def test_there_are_golden_frames() -> None:
    assert len(VALID) > 20
    assert len(INVALID) > 20


@pytest.mark.parametrize("name", VALID)
def test_decodes_to_what_it_means(name: str) -> None:
    golden = Golden(name)
    assert golden.decode([golden.data]) == golden.spec["messages"]


@pytest.mark.parametrize("name", VALID)
def test_survives_a_cut_at_every_byte(name: str) -> None:
    golden = Golden(name)
    size = len(golden.data)
    cuts = range(size) if size < 4096 else random.Random(1).sample(range(size), 200)
    for cut in cuts:
        assert golden.decode([golden.data[:cut], golden.data[cut:]]) == golden.spec["messages"]


@pytest.mark.parametrize("name", VALID)
def test_survives_one_byte_at_a_time(name: str) -> None:
    golden = Golden(name)
    if len(golden.data) < 4096:
        pieces = [golden.data[i : i + 1] for i in range(len(golden.data))]
        assert golden.decode(pieces) == golden.spec["messages"]


@pytest.mark.parametrize("name", VALID)
def test_is_what_the_encoder_makes(name: str) -> None:
    golden = Golden(name)
    specs = golden.spec["messages"]
    if any(spec["type"] in JSON_TYPES for spec in specs):
        return  # the order of JSON members is the sender's
    assert b"".join(encode(spec, golden.frame_limit) for spec in specs) == golden.data


@pytest.mark.parametrize("name", INVALID)
def test_is_refused(name: str) -> None:
    golden = Golden(name)
    for pieces in ([golden.data], [golden.data[i : i + 1] for i in range(len(golden.data))]):
        with pytest.raises(ProtocolError):
            golden.decode(pieces)
        assert golden.decoded == golden.spec["messages"]


def test_random_damage_raises_nothing_but_protocol_errors() -> None:
    rng = random.Random(7)
    for _ in range(3000):
        golden = Golden(rng.choice(VALID)) if _ % 10 == 0 else golden  # noqa: F821
        data = bytearray(golden.data[:8192])
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(ProtocolError):
            golden.decode([bytes(data)])


def malformed(data: bytes, rng: random.Random) -> bytes:
    """One change of the kind that a broken or hostile peer makes."""
    at = rng.randrange(len(data))
    end = min(len(data), at + rng.randint(1, 16))
    piece = data[at:end]
    return rng.choice(
        [
            data[:at],
            data[:at] + data[end:],
            data[:at] + piece + data[at:],
            data[:at] + rng.randbytes(len(piece)) + data[at:],
            data[:at] + rng.choice([b"\xff", b"\0"]) * len(piece) + data[end:],
        ]
    )


def test_ten_thousand_malformed_streams_raise_nothing_but_protocol_errors() -> None:
    rng = random.Random(11)
    golden = [Golden(name) for name in VALID]
    tracemalloc.start()
    try:
        for _ in range(10_000):
            first = rng.choice(golden)
            peers = [each for each in golden if each.spec["channel"] == first.spec["channel"]]
            pieces = [first.data[:8192], *(rng.choice(peers).data[:8192] for _ in range(2))]
            stream = b"".join(malformed(piece, rng) for piece in pieces[: rng.randint(1, 3)])
            with contextlib.suppress(ProtocolError):
                first.decode([stream])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A frame that claims to be long makes room for its total once, within the limit.
    assert peak < 32 * 1024 * 1024

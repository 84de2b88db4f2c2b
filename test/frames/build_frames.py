"""Write the golden frames of this folder, from docs/worker-protocol.md and without either codec."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
FRAME_LIMIT = 524288
MORE, CONTINUED, LAST_ITEM, STDERR = 1, 2, 4, 8
TYPES = {
    "HELLO": 1,
    "LOAD": 2,
    "LOADED": 3,
    "FAILED": 4,
    "PREDICT": 16,
    "RESPONSE": 17,
    "CHUNK": 18,
    "ERROR": 19,
    "CANCEL": 20,
    "PING": 21,
    "PONG": 22,
    "METRIC": 23,
    "UNUSABLE": 24,
    "HANDLED": 25,
    "WITHDRAW": 26,
    "WITHDRAWN": 27,
    "BEGUN": 28,
    "SPAWN": 32,
    "SIGNAL": 33,
    "SHUTDOWN": 34,
    "RELEASE": 40,
    "IMPORTED": 41,
    "READY": 35,
    "SPAWNED": 36,
    "EXITED": 37,
    "OUTPUT": 38,
    "ZYGOTE_EXITED": 39,
}
KINDS = ["predict", "explain", "describe"]
BODY_KINDS = ["bytes", "text", "json", "tensor", "none"]
METRICS = ["counter", "gauge", "histogram"]
SECRET = "0123456789abcdef" * 4

Message = dict[str, Any]


def str16(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def str32(text: str) -> bytes:
    return bytes32(text.encode())


def bytes32(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def header_list(headers: list[list[str]]) -> bytes:
    pairs = b"".join(str16(name) + str32(value) for name, value in headers)
    return struct.pack(">H", len(headers)) + pairs


def sized_header_list(headers: list[list[str]]) -> bytes:
    pairs = header_list(headers)[2:]
    return struct.pack(">HI", len(headers), len(pairs)) + pairs


def body_of(message: Message) -> bytes:
    kind = message["type"]
    if "json" in message:
        return json.dumps(message["json"], separators=(",", ":"), ensure_ascii=False).encode()
    if kind == "PREDICT":
        parts = b"".join(
            str16(part["name"])
            + str16(part["content_type"])
            + bytes32(bytes.fromhex(part["value_hex"]))
            for part in message["parts"]
        )
        return (
            struct.pack(
                ">BI",
                KINDS.index(message["kind"])
                | (0x80 if message.get("tensors") else 0)
                | (0x40 if "context" in message else 0),
                message["time_left_ms"],
            )
            + str16(message["request_id"])
            + (str16(message["context"]) if "context" in message else b"")
            + sized_header_list(message["headers"])
            + struct.pack(">H", len(message["parts"]))
            + parts
        )
    if kind in ("RESPONSE", "CHUNK"):
        return (
            struct.pack(">HB", message["status"], BODY_KINDS.index(message["body_kind"]))
            + str16(message["reason"])
            + header_list(message["headers"])
            + bytes.fromhex(message["body_hex"])
        )
    if kind == "ERROR":
        return (
            struct.pack(">H", message["code"])
            + str16(message["message"])
            + str32(message["detail"])
            + str32(message["traceback"])
            + header_list(message["headers"])
        )
    if kind == "METRIC":
        dimensions = message["dimensions"]
        return (
            struct.pack(">B", METRICS.index(message["metric"]))
            + str16(message["name"])
            + str16(message["unit"])
            + struct.pack(">dQ", message["value"], message["time_ms"])
            + str16(message["request_ids"])
            + struct.pack(">H", len(dimensions))
            + b"".join(str16(name) + str16(value) for name, value in dimensions)
        )
    if kind == "HANDLED":
        return struct.pack(">QQ", message["began_ns"], message["ended_ns"])
    if kind == "OUTPUT":
        return bytes.fromhex(message["body_hex"])
    return b""


def frame(kind: int | str, flags: int, item: int, number: int, body: bytes) -> bytes:
    code = TYPES[kind] if isinstance(kind, str) else kind
    return struct.pack(">IBBHI", 8 + len(body), code, flags, item & 0xFFFF, number) + body


def frames_of(message: Message, limit: int) -> bytes:
    kind, item, number = message["type"], message["item"], message["id"]
    final = LAST_ITEM if message.get("last_item") else STDERR if message.get("stderr") else 0
    every = final & STDERR
    body = body_of(message)
    room = limit - 8
    if len(body) <= room:
        return frame(kind, final, item, number, body)
    pieces = [struct.pack(">I", len(body)) + body[: room - 4]]
    pieces += [body[at : at + room] for at in range(room - 4, len(body), room)]
    wire = b""
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        flags = (CONTINUED if index else 0) | (final if last else MORE | every)
        wire += frame(kind, flags, item, number, piece)
    return wire


def write(name: str, wire: bytes, meaning: dict[str, Any]) -> None:
    text = wire.hex()
    lines = "\n".join(text[at : at + 96] for at in range(0, len(text), 96))
    (FOLDER / f"{name}.hex").write_text(lines + "\n")
    (FOLDER / f"{name}.json").write_text(json.dumps(meaning, indent=2, ensure_ascii=False) + "\n")


def valid(
    name: str, channel: str, to: str, *messages: Message, frame_limit: int | None = None
) -> None:
    meaning: dict[str, Any] = {"channel": channel, "to": to}
    if frame_limit is not None:
        meaning["frame_limit"] = frame_limit
    meaning["messages"] = list(messages)
    wire = b"".join(frames_of(message, frame_limit or FRAME_LIMIT) for message in messages)
    write(name, wire, meaning)


def invalid(name: str, to: str, error: str, wire: bytes, *messages: Message, **more: Any) -> None:
    channel = more.pop("channel", "worker")
    meaning = {"channel": channel, "to": to, **more, "messages": list(messages), "error": error}
    write(f"invalid-{name}", wire, meaning)


def message(kind: str, number: int = 0, item: int = 0, /, **content: Any) -> Message:
    return {"type": kind, "item": item, "id": number, **content}


def part(name: str, content_type: str, value: bytes) -> dict[str, Any]:
    return {"name": name, "content_type": content_type, "value_hex": value.hex()}


HELLO = message(
    "HELLO",
    0,
    json={
        "protocol": 1,
        "launch": 17,
        "secret": SECRET,
        "pid": 4711,
        "python": "3.11.7",
        "torch": "2.9.1",
    },
)
LOAD = message(
    "LOAD",
    0,
    json={
        "model_name": "digits",
        "model_version": "1.0",
        "model_dir": "/models/digits",
        "handler": "image_classifier",
        "batch_size": 4,
        "gpu_id": None,
        "envelope": "json",
        "limit_max_image_pixels": True,
        "decode_input_request": True,
        "metrics_config": None,
        "max_request_size": 6553500,
        "max_response_size": 6553500,
        "async": False,
    },
)
FIRST_ITEM = message(
    "PREDICT",
    7,
    0,
    last_item=False,
    kind="predict",
    time_left_ms=1500,
    request_id="r-1",
    headers=[["Content-Type", "image/png"], ["x-name", "Zürich ✓"]],
    parts=[part("body", "image/png", b"\x89PNG\x00\xff")],
)
SECOND_ITEM = message(
    "PREDICT",
    7,
    1,
    last_item=True,
    kind="explain",
    time_left_ms=0,
    request_id="r-2",
    headers=[["explain", "True"]],
    parts=[
        part("data", "", b"one"),
        part("target", "application/json", b"0"),
        part("empty", "", b""),
    ],
)
ANSWER = message(
    "RESPONSE",
    7,
    0,
    status=0,
    body_kind="json",
    reason="",
    headers=[],
    body_hex=b'{"7": 0.98}'.hex(),
)
NO_JSON_MESSAGE = message("PONG", 1)


def worker_channel() -> None:
    valid("hello", "worker", "frontend", HELLO)
    minimal = {key: value for key, value in HELLO["json"].items() if key != "torch"}
    valid(
        "hello-without-torch",
        "worker",
        "frontend",
        message("HELLO", 0, json={**minimal, "new": [1]}),
    )
    control = {**HELLO["json"], "control": True}
    valid("hello-control", "worker", "frontend", message("HELLO", 0, json=control))
    valid("load", "worker", "worker", LOAD)
    controlled = {**LOAD["json"], "control": True}
    valid("load-control", "worker", "worker", message("LOAD", 0, json=controlled))
    loaded = {"message": "loaded model digits", "load_ms": 123, "memory_bytes": 5_000_000_000}
    valid("loaded", "worker", "frontend", message("LOADED", 0, json=loaded))
    imported = {**loaded, "imported": ["torchvision", "torchvision.ops", "PIL"]}
    valid("loaded-with-imports", "worker", "frontend", message("LOADED", 0, json=imported))
    failed = {
        "code": 507,
        "message": "model failed to load",
        "detail": "RuntimeError: CUDA out of memory",
        "traceback": "Traceback (most recent call last):\n  ...\n",
    }
    valid("failed", "worker", "frontend", message("FAILED", 0, json=failed))
    unusable = {"reason": "its accelerator fails every call: AcceleratorError: launch failed"}
    valid("unusable", "worker", "frontend", message("UNUSABLE", 0, json=unusable))

    valid("predict-two-items", "worker", "worker", FIRST_ITEM, SECOND_ITEM)
    describe = message(
        "PREDICT",
        0xFFFFFFFE,
        0,
        last_item=True,
        kind="describe",
        time_left_ms=0xFFFFFFFF,
        request_id="",
        headers=[["describe", "True"]],
        parts=[],
    )
    valid("predict-describe", "worker", "worker", describe)
    tensors = {**SECOND_ITEM, "item": 0, "tensors": True}
    valid("predict-for-tensors", "worker", "worker", tensors)
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    valid(
        "predict-followed",
        "worker",
        "worker",
        {**FIRST_ITEM, "context": traceparent},
        {**SECOND_ITEM, "context": "", "tensors": True},
    )
    long_value = bytes(range(256)) * 2
    long_item = {**SECOND_ITEM, "item": 0, "parts": [part("data", "", long_value)]}
    valid("predict-cut", "worker", "worker", long_item, message("PING", 3), frame_limit=128)

    full = {**ANSWER, "status": 201, "body_kind": "text", "reason": "Créé", "body_hex": "c3a9"}
    full["headers"] = [["content-type", "text/plain"], ["X-Two", ""], ["X-Two", "2"]]
    valid("response", "worker", "frontend", ANSWER)
    valid("response-with-head", "worker", "frontend", full)
    empty = {**ANSWER, "item": 4095, "id": 0, "body_kind": "bytes", "body_hex": ""}
    valid("response-empty", "worker", "frontend", empty)
    cut = {**full, "body_kind": "tensor", "body_hex": long_value.hex()}
    valid("response-cut", "worker", "frontend", cut, ANSWER, frame_limit=100)
    exact = {**ANSWER, "body_kind": "bytes", "body_hex": (b"x" * (64 - 8 - 7)).hex()}
    valid("response-fills-a-frame", "worker", "frontend", exact, frame_limit=64)
    over = {**exact, "body_hex": (b"x" * (64 - 8 - 7 + 1)).hex()}
    valid("response-one-byte-over", "worker", "frontend", over, frame_limit=64)
    chunk = {**full, "type": "CHUNK"}
    later = {**ANSWER, "type": "CHUNK", "body_kind": "bytes", "body_hex": "00"}
    other = {**later, "item": 1}
    end = {**ANSWER, "body_kind": "bytes", "body_hex": ""}
    valid("stream", "worker", "frontend", chunk, other, later, {**end, "item": 1}, end)
    valid("stream-of-chunks", "worker", "frontend", chunk, {**end, "body_kind": "none"})

    error = {"code": 503, "message": "Prediction failed", "detail": "ValueError: bad dígit"}
    error |= {"headers": []}
    traceback = "Traceback (most recent call last):\n  ...\nValueError: bad dígit\n"
    valid("error-item", "worker", "frontend", message("ERROR", 7, 1, **error, traceback=traceback))
    cancelled = {"code": 499, "message": "cancelled", "detail": "", "traceback": ""}
    cancelled |= {"headers": []}
    refused = {
        **error,
        "code": 429,
        "traceback": "",
        "headers": [["Retry-After", "3"], ["X-É", ""]],
    }
    valid("error-with-headers", "worker", "frontend", message("ERROR", 7, 0, **refused))
    valid("error-batch", "worker", "frontend", message("ERROR", 7, -1, **cancelled))
    handled = {"began_ns": 1795353600123456789, "ended_ns": 1795353600135956789}
    valid(
        "handled",
        "worker",
        "frontend",
        message("HANDLED", 7, 1, **handled),
        message("HANDLED", 7, -1, **handled),
    )
    valid("cancel-item", "worker", "worker", message("CANCEL", 7, 1))
    valid("cancel-batch", "worker", "worker", message("CANCEL", 7, -1))
    valid("withdraw", "worker", "worker", message("WITHDRAW", 0xFFFFFFFF, -1))
    withdrawn, begun = message("WITHDRAWN", 7, -1), message("BEGUN", 0xFFFFFFFF, -1)
    valid("withdrawal", "worker", "frontend", withdrawn, begun)
    valid("ping", "worker", "worker", message("PING", 0xFFFFFFFF))
    valid("pong", "worker", "frontend", message("PONG", 0xFFFFFFFF))
    gauge = message(
        "METRIC",
        0,
        0,
        metric="gauge",
        name="HandlerTime",
        unit="Milliseconds",
        value=12.5,
        time_ms=1795353600123,
        request_ids="r-1,r-2",
        dimensions=[["ModelName", "digits"], ["Level", "Model|:,"]],
    )
    plain = {**gauge, "metric": "counter", "value": -1e300, "request_ids": "", "dimensions": []}
    valid("metrics", "worker", "frontend", gauge, plain, {**plain, "metric": "histogram"})


def init_channel() -> None:
    spawn = {
        "worker": "9000",
        "start": "fork",
        "python": "/usr/bin/python3",
        "prefix": [],
        "env": {"PATH": "/usr/bin", "NAME": "Zürich"},
        "cwd": "/models/digits",
        "path": ["/models/digits"],
        "address": "unix:/tmp/x/w",
        "secret": SECRET,
        "threads": 2,
    }
    valid("spawn-fork", "init", "init", message("SPAWN", 17, json=spawn))
    fresh = {**spawn, "start": "spawn", "address": "tcp:127.0.0.1:4711"}
    del fresh["threads"]
    valid("spawn-cut", "init", "init", message("SPAWN", 18, json=fresh), frame_limit=128)
    load = {
        "model_name": "digits",
        "model_version": "1.0",
        "model_dir": "/models/digits",
        "handler": "handler.py",
        "batch_size": 8,
        "limit_max_image_pixels": True,
        "decode_input_request": True,
        "max_request_size": 6553500,
        "max_response_size": 6553500,
        "async": False,
    }
    preload = {**spawn, "parent": 3, "load": load}
    valid("spawn-preload", "init", "init", message("SPAWN", 19, json=preload))
    valid("release", "init", "init", message("RELEASE", 3))
    wanted = {"version": 4, "handler": "handler.py", "envelope": "json", "history": "/logs/imports"}
    shared = {**spawn, "imports": {**wanted, "names": ["torchvision.ops"]}}
    valid("spawn-imports", "init", "init", message("SPAWN", 20, json=shared))
    valid("imported", "init", "init", message("IMPORTED", 4, json={"names": ["PIL", "a.b:C"]}))
    valid("signal", "init", "init", message("SIGNAL", 17, json={"signal": 9}))
    valid("shutdown", "init", "init", message("SHUTDOWN"))
    ready = {"python": "3.11.7", "torch": "2.9.1", "fork": True, "import_ms": 2600, "pid": 4700}
    valid("ready", "init", "frontend", message("READY", 0, json=ready))
    valid("spawned", "init", "frontend", message("SPAWNED", 17, json={"pid": 4711}))
    plain = {"pid": 4711, "plain_fork": "importing a started threads that still run (b)"}
    valid("spawned-plain-fork", "init", "frontend", message("SPAWNED", 17, json=plain))
    valid(
        "exited",
        "init",
        "frontend",
        message("EXITED", 17, json={"pid": 4711, "code": 3}),
        message("EXITED", 18, json={"pid": 4712, "signal": 9}),
        message("EXITED", 19, json={"pid": 0, "code": 127, "error": "no such file: /x/python"}),
    )
    valid(
        "output",
        "init",
        "frontend",
        message(
            "OUTPUT",
            17,
            stderr=False,
            body_hex=b"Torch worker started.\nPython runtime: 3.11.7".hex(),
        ),
        message("OUTPUT", 17, stderr=True, body_hex="ff00 0a c3bc".replace(" ", "")),
        message("OUTPUT", 0, stderr=False, body_hex=""),
    )
    valid("zygote-exited", "init", "frontend", message("ZYGOTE_EXITED", 0, json={"signal": 11}))


def invalid_frames() -> None:
    answer = body_of(ANSWER)
    pong = frames_of(NO_JSON_MESSAGE, FRAME_LIMIT)
    to_frontend: list[tuple[str, str, bytes]] = [
        ("length-too-small", "length 7", struct.pack(">IBBHI", 7, 22, 0, 0, 0)),
        ("length-too-large", "length 524289", struct.pack(">IBBHI", FRAME_LIMIT + 1, 17, 0, 0, 7)),
        ("unknown-type", "type 99", frame(99, 0, 0, 1, b"")),
        ("unknown-flag", "flag 0x80", frame("PONG", 0x80, 0, 1, b"")),
        (
            "wrong-direction",
            "PREDICT to the frontend",
            frame("PREDICT", LAST_ITEM, 0, 7, body_of(SECOND_ITEM)),
        ),
        ("wrong-channel", "SPAWNED on the worker channel", frame("SPAWNED", 0, 0, 7, b'{"pid":1}')),
        ("pong-with-body", "a body where none belongs", frame("PONG", 0, 0, 1, b"x")),
        ("response-item-too-large", "item 4096", frame("RESPONSE", 0, 4096, 7, answer)),
        ("response-to-all", "item 0xFFFF in RESPONSE", frame("RESPONSE", 0, 0xFFFF, 7, answer)),
        ("response-truncated", "6 bytes of a head", frame("RESPONSE", 0, 0, 7, answer[:6])),
        (
            "response-header-beyond-end",
            "a header value longer than the body",
            frame("RESPONSE", 0, 0, 7, b"\0\xc8\0\0\0\0\1\0\1a\xff\xff\xff\xff"),
        ),
        (
            "response-too-many-headers",
            "1025 headers",
            frame("RESPONSE", 0, 0, 7, b"\0\xc8\0\0\0" + header_list([["a", ""]] * 1025)),
        ),
        ("response-body-kind", "body kind 5", frame("RESPONSE", 0, 0, 7, b"\0\0\5\0\0\0\0")),
        (
            "response-bad-utf8",
            "a reason that is not UTF-8",
            frame("RESPONSE", 0, 0, 7, b"\0\0\0\0\1\xff\0\0"),
        ),
        (
            "error-trailing",
            "bytes after the end",
            frame("ERROR", 0, 0, 7, b"\1\xf7" + b"\0" * 12 + b"x"),
        ),
        ("metric-type", "metric type 3", frame("METRIC", 0, 0, 0, b"\3" + b"\0" * 24)),
        (
            "continued-without-start",
            "CONTINUED that continues nothing",
            frame("CHUNK", CONTINUED, 0, 7, answer),
        ),
        (
            "more-without-total",
            "3 bytes where total belongs",
            frame("CHUNK", MORE, 0, 7, b"\0\0\1"),
        ),
        ("total-over-limit", "total 4294967295", frame("CHUNK", MORE, 0, 7, b"\xff\xff\xff\xff")),
        (
            "parts-exceed-total",
            "the parts exceed total",
            frame("CHUNK", MORE, 0, 7, struct.pack(">I", len(answer)) + answer)
            + frame("CHUNK", CONTINUED, 0, 7, b"x"),
        ),
        (
            "parts-short-of-total",
            "the parts end before total",
            frame("CHUNK", MORE, 0, 7, struct.pack(">I", len(answer) + 2) + answer)
            + frame("CHUNK", CONTINUED, 0, 7, b"x"),
        ),
        (
            "interleaved",
            "a frame of another message in between",
            frame("CHUNK", MORE, 0, 7, struct.pack(">I", 100) + answer) + pong,
        ),
        (
            "continued-other-item",
            "the item changes within a message",
            frame("CHUNK", MORE, 0, 7, struct.pack(">I", len(answer) + 1) + answer)
            + frame("CHUNK", CONTINUED, 1, 7, b"x"),
        ),
        (
            "started-twice",
            "a message begins within a message",
            frame("CHUNK", MORE, 0, 7, struct.pack(">I", len(answer) + 1) + answer)
            + frame("CHUNK", 0, 0, 7, answer),
        ),
        (
            "hello-in-two-frames",
            "HELLO is one frame",
            frame("HELLO", MORE, 0, 0, struct.pack(">I", 200) + b"{"),
        ),
        ("hello-not-json", "not JSON", frame("HELLO", 0, 0, 0, b"{'protocol': 1")),
        ("hello-not-an-object", "not an object", frame("HELLO", 0, 0, 0, b"[1]")),
        (
            "hello-without-secret",
            "no secret",
            frame("HELLO", 0, 0, 0, b'{"protocol":1,"launch":17,"pid":1,"python":"3.11"}'),
        ),
        ("withdrawn-with-body", "a body in WITHDRAWN", frame("WITHDRAWN", 0, 0xFFFF, 7, b"x")),
        ("begun-with-flag", "MORE in BEGUN", frame("BEGUN", MORE, 0xFFFF, 7, bytes(4))),
        (
            "hello-control-not-a-flag",
            "control is no flag",
            frame(
                "HELLO",
                0,
                0,
                0,
                body_of(message("HELLO", 0, json={**HELLO["json"], "control": 1})),
            ),
        ),
        ("handled-short", "HANDLED ends too early", frame("HANDLED", 0, 0, 7, bytes(15))),
        ("handled-long", "HANDLED over its limit", frame("HANDLED", 0, 0, 7, bytes(17))),
        (
            "handled-item-too-large",
            "item 4096",
            frame("HANDLED", 0, 4096, 7, bytes(16)),
        ),
        (
            "last-item-on-response",
            "LAST_ITEM where it does not belong",
            frame("RESPONSE", LAST_ITEM, 0, 7, answer),
        ),
    ]
    for name, error, wire in to_frontend:
        invalid(name, "frontend", error, wire)
    invalid(
        "after-a-valid-one", "frontend", "type 99", pong + frame(99, 0, 0, 1, b""), NO_JSON_MESSAGE
    )

    item = body_of(FIRST_ITEM)
    to_worker: list[tuple[str, str, bytes]] = [
        (
            "predict-context",
            "no traceparent",
            frame(
                "PREDICT",
                LAST_ITEM,
                0,
                7,
                body_of({**FIRST_ITEM, "context": "00-4bf92f3577b34da6a3ce929d0e0e4736"}),
            ),
        ),
        ("predict-kind", "kind 3", frame("PREDICT", LAST_ITEM, 0, 7, b"\3" + item[1:])),
        (
            "predict-truncated",
            "a part value longer than the body",
            frame("PREDICT", LAST_ITEM, 0, 7, item[:-1]),
        ),
        (
            "predict-trailing",
            "bytes after the end",
            frame("PREDICT", LAST_ITEM, 0, 7, item + b"\0"),
        ),
        (
            "predict-headers-over-the-end",
            "headers longer than the body",
            frame("PREDICT", LAST_ITEM, 0, 7, struct.pack(">BIHHI", 0, 0, 0, 1, len(item))),
        ),
        ("predict-item-skipped", "item 1 first", frame("PREDICT", LAST_ITEM, 1, 7, item)),
        ("predict-to-all", "item 0xFFFF in PREDICT", frame("PREDICT", LAST_ITEM, 0xFFFF, 7, item)),
        (
            "predict-two-batches-mixed",
            "batch 8 begins while batch 7 is not complete",
            frame("PREDICT", 0, 0, 7, item) + frame("PREDICT", LAST_ITEM, 0, 8, item),
        ),
        (
            "predict-total-over-limit",
            "total over max_request_size + 1 MiB",
            frame("PREDICT", MORE, 0, 7, struct.pack(">I", 6553500 + (1 << 20) + 1)),
        ),
        ("response-to-worker", "RESPONSE to the worker", frame("RESPONSE", 0, 0, 7, answer)),
    ]
    for name, error, wire in to_worker:
        before = [FIRST_ITEM] if name == "predict-two-batches-mixed" else []
        invalid(name, "worker", error, wire, *before)
    invalid("init-worker-type", "frontend", "PONG on the init channel", pong, channel="init")
    invalid(
        "init-exited-not-json",
        "frontend",
        "not JSON",
        frame("EXITED", 0, 0, 1, b"x"),
        channel="init",
    )


def main() -> None:
    for old in [*FOLDER.glob("*.hex"), *FOLDER.glob("*.json")]:
        old.unlink()
    worker_channel()
    init_channel()
    invalid_frames()


if __name__ == "__main__":
    main()

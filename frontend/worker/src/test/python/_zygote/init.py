"""An init that starts no process: the test is the worker.

It answers SPAWN with SPAWNED and prints its body as the worker's output, so that the test knows the
address and the secret. The handler's name says what happens next; see `spawn`. SIGNAL ends a worker.
"""

import json
import os
import struct
import sys

SPAWN, SIGNAL, SHUTDOWN, READY, SPAWNED, EXITED, OUTPUT, ZYGOTE_EXITED, RELEASE, IMPORTED = range(
    32, 42
)
MORE, STDERR = 1, 8

live = set()


def send(kind, spawn_id, body=b"", flags=0):
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    sys.stdout.buffer.write(struct.pack(">IBBHI", 8 + len(body), kind, flags, 0, spawn_id) + body)
    sys.stdout.buffer.flush()


def read_exact(size):
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        os._exit(0)
    return data


def read_message():
    body = b""
    while True:
        length, kind, flags, _, spawn_id = struct.unpack(">IBBHI", read_exact(12))
        part = read_exact(length - 8)
        body += part[4:] if flags == MORE else part
        if not flags & MORE:
            return kind, spawn_id, body


def ended(spawn_id, **how):
    if spawn_id in live:
        live.discard(spawn_id)
        send(EXITED, spawn_id, {"pid": 1000 + spawn_id, **how})


def spawn(spawn_id, request):
    behaviour = request["env"].get("FAKE_BEHAVIOUR", "")
    if behaviour == "cannot start":
        send(EXITED, spawn_id, {"pid": 0, "code": 127, "error": "no such file: /x/python"})
        return
    live.add(spawn_id)
    if behaviour == "late":
        send(OUTPUT, spawn_id, json.dumps(request).encode())
        return
    send(SPAWNED, spawn_id, {"pid": 1000 + spawn_id})
    send(OUTPUT, spawn_id, json.dumps(request).encode())
    if behaviour == "crash":
        send(OUTPUT, spawn_id, b"Traceback\nImportError: no module named x", STDERR)
        ended(spawn_id, code=1)
    elif behaviour == "print":
        send(OUTPUT, spawn_id, b"one\ntw\xc3\xb6\r\n\nlast")
        send(OUTPUT, spawn_id, b"warned \xff", STDERR)
        metric = b"[METRICS]Speed.ms:1.5|#Level:Model|#type:GAUGE|#hostname:h,1700000000,r1"
        send(OUTPUT, spawn_id, metric + b"\n[METRICS]nonsense")
        send(OUTPUT, 0, b"from the zygote", STDERR)
        send(OUTPUT, 4242, b"from no worker")
    elif behaviour == "garbage":
        sys.stdout.buffer.write(b"\0\0\0\1 this is no frame")
        sys.stdout.buffer.flush()
    elif behaviour == "die":
        print("about to die", file=sys.stderr)
        sys.stderr.flush()
        os._exit(7)


def main():
    torch = os.environ.get("FAKE_TORCH")
    send(READY, 0, {"python": "3.11.7", "torch": torch, "fork": True, "import_ms": 12, "pid": 1})
    while True:
        kind, spawn_id, body = read_message()
        if kind == SPAWN:
            spawn(spawn_id, json.loads(body))
        elif kind == SIGNAL:
            ended(spawn_id, signal=json.loads(body)["signal"])
        elif kind == RELEASE:
            send(OUTPUT, 0, f"release of {spawn_id}".encode())
        elif kind == IMPORTED:
            send(OUTPUT, 0, f"imported of {spawn_id} {body.decode()}".encode())
        elif kind == SHUTDOWN:
            for one in sorted(live):
                ended(one, signal=9)
            sys.exit(0)


main()

"""An init that starts no process: the test is the worker.

It answers SPAWN with SPAWNED and prints the order as the launch's output, so that the test knows the
address and the secret. The handler's name says what happens next; see `spawn`. SIGNAL ends a launch.
"""

import json
import os
import struct
import sys

SPAWN, SIGNAL, SHUTDOWN, READY, SPAWNED, EXITED, OUTPUT, ZYGOTE_EXITED, RELEASE = range(32, 41)
MORE, STDERR = 1, 8

live = set()


def send(kind, launch, body=b"", flags=0):
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    sys.stdout.buffer.write(struct.pack(">IBBHI", 8 + len(body), kind, flags, 0, launch) + body)
    sys.stdout.buffer.flush()


def read_exact(size):
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        os._exit(0)
    return data


def read_message():
    body = b""
    while True:
        length, kind, flags, _, launch = struct.unpack(">IBBHI", read_exact(12))
        part = read_exact(length - 8)
        body += part[4:] if flags == MORE else part
        if not flags & MORE:
            return kind, launch, body


def ended(launch, **how):
    if launch in live:
        live.discard(launch)
        send(EXITED, launch, {"pid": 1000 + launch, **how})


def spawn(launch, order):
    behaviour = order["env"].get("FAKE_BEHAVIOUR", "")
    if behaviour == "cannot start":
        send(EXITED, launch, {"pid": 0, "code": 127, "error": "no such file: /x/python"})
        return
    live.add(launch)
    if behaviour == "late":
        send(OUTPUT, launch, json.dumps(order).encode())
        return
    send(SPAWNED, launch, {"pid": 1000 + launch})
    send(OUTPUT, launch, json.dumps(order).encode())
    if behaviour == "crash":
        send(OUTPUT, launch, b"Traceback\nImportError: no module named x", STDERR)
        ended(launch, code=1)
    elif behaviour == "print":
        send(OUTPUT, launch, b"one\ntw\xc3\xb6\r\n\nlast")
        send(OUTPUT, launch, b"warned \xff", STDERR)
        metric = b"[METRICS]Speed.ms:1.5|#Level:Model|#type:GAUGE|#hostname:h,1700000000,r1"
        send(OUTPUT, launch, metric + b"\n[METRICS]nonsense")
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
        kind, launch, body = read_message()
        if kind == SPAWN:
            spawn(launch, json.loads(body))
        elif kind == SIGNAL:
            ended(launch, signal=json.loads(body)["signal"])
        elif kind == RELEASE:
            send(OUTPUT, 0, f"release of {launch}".encode())
        elif kind == SHUTDOWN:
            for one in sorted(live):
                ended(one, signal=9)
            sys.exit(0)


main()

"""What a server answers to the commands: a fake of its HTTP APIs, on one port."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FakeServer:
    """Answers each path with the next of its answers; the last one stays."""

    url: str = ""
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def answer(self, path: str, *values: Any, status: int = 200) -> None:
        self.answers[path] = [(status, value) for value in values]

    def has_models(self, *descriptions: dict[str, Any]) -> None:
        """Let it be ready with these models."""
        self.answer("/ready", {"status": "Ready"})
        listed = [{"modelName": d["modelName"], "modelUrl": d["modelUrl"]} for d in descriptions]
        self.answer("/models", {"models": listed})
        for each in descriptions:
            for suffix in ("", "/all"):
                self.answer(f"/models/{each['modelName']}{suffix}", [each])

    def next_answer(self, path: str) -> tuple[int, Any]:
        answers = self.answers.get(path.partition("?")[0])
        if not answers:
            name = path.rpartition("/")[2]
            error = {"code": 404, "type": "ModelNotFoundException"}
            return 404, {**error, "message": f"Model not found: {name}"}
        return answers.pop(0) if len(answers) > 1 else answers[0]


def description(name: str, state: str = "READY", **more: Any) -> dict[str, Any]:
    """What a server says about a version with one worker."""
    ready = int(state == "READY")
    worker = {
        "id": "9000",
        "state": "READY" if ready else "LOADING",
        "startTime": "2030-01-01T10:00:00.000Z",
        "stateSince": "2030-01-01T10:00:03.100Z",
    }
    return {
        "modelName": name,
        "modelVersion": "1.0",
        "modelUrl": f"{name}.mar",
        "minWorkers": 1,
        "batchSize": 1,
        "state": state,
        "readyWorkers": ready,
        "workers": [worker],
        **more,
    }


def load_error(cause: str = "KeyError: 'vocab'", *frames: str) -> dict[str, str]:
    """A member `lastLoadError`, with the frames `file:line`."""
    lines = [
        f'  File "{frame.split(":")[0]}", line {frame.split(":")[1]}, in f' for frame in frames
    ]
    traceback = "\n".join(["Traceback (most recent call last):", *lines, cause])
    return {"type": cause.split(":")[0], "detail": cause, "message": "", "traceback": traceback}


@contextmanager
def serving() -> Iterator[FakeServer]:
    fake = FakeServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            fake.requests.append((self.command, self.path, headers, body))
            status, value = fake.next_answer(self.path)
            kind = "application/octet-stream" if isinstance(value, bytes) else "application/json"
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        fake.url = f"http://127.0.0.1:{server.server_port}"
        yield fake
        server.shutdown()
        thread.join()

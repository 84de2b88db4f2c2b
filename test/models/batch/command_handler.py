"""Does what the request says: a handler for tests of what can go wrong.

The body is a JSON object. ``do`` names an action below, the other members are its arguments.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.utils.util import PredictionException


class CommandHandler:
    """A class entry point: ``initialize`` once, ``handle`` per batch."""

    def __init__(self) -> None:
        self.calls = 0

    def initialize(self, context: Any) -> None:
        """Remembers nothing but that it was called."""
        self.properties = context.system_properties

    def handle(self, data: list[dict[str, Any]], context: Any) -> Any:
        """Runs the batch; whole-batch actions are decided by its first request."""
        self.calls += 1
        bodies = [self._body(row) for row in data]
        action = bodies[0].get("do", "echo")
        if action == "raise":
            raise ValueError(bodies[0].get("text", "bad digit"))
        if action == "prediction_exception":
            raise PredictionException(bodies[0]["text"], bodies[0]["code"])
        if action == "memory_error":
            raise MemoryError("no more")
        if action == "not_a_list":
            return {"answer": 1}
        if action == "too_many":
            return ["one"] * (len(data) + 1)
        if action == "hang":
            time.sleep(bodies[0].get("seconds", 3600))
        if action == "die_if_absent":
            self._die_if_absent(bodies[0]["file"])
        if action == "kill_me":
            self._touch(bodies[0]["file"])
            os.kill(os.getpid(), signal.SIGKILL)
        if action == "print":
            print(bodies[0]["text"])
            print(bodies[0]["text"], file=sys.stderr)
        if action == "stream":
            return self._stream(bodies, context)
        return [self._one(i, row, body, context) for i, (row, body) in enumerate(zip(data, bodies))]

    def _one(self, index: int, row: dict[str, Any], body: dict[str, Any], context: Any) -> Any:
        action = body.get("do", "echo")
        if action == "status":
            context.set_response_status(body["code"], body.get("phrase", ""), index)
            return body.get("text", "")
        if action == "header":
            context.set_response_header(index, body["name"], body["value"])
            return "ok"
        if action == "content_type":
            context.set_response_content_type(index, body["value"])
            return "ok"
        if action == "unencodable":
            return {"answer": object()}
        if action == "pid":
            return {"pid": os.getpid()}
        if action == "bytes":
            return b"\x00" * body["size"]
        if action == "text":
            return body["text"]
        if action == "headers":
            headers = context.get_all_request_header(index)
            return {k: v for k, v in headers.items() if isinstance(v, str)}
        if action == "request_id":
            return {"id": context.get_request_id(index)}
        if action == "environment":
            return {name: os.environ.get(name) for name in body["names"]}
        if action == "sleep":
            time.sleep(body["seconds"])
        if action == "batch_size":
            return {"batch": len(context.request_ids)}
        return {
            "inputs": {key: self._show(value) for key, value in row.items()},
            "types": {key: type(value).__name__ for key, value in row.items()},
        }

    def _stream(self, bodies: list[dict[str, Any]], context: Any) -> list[str]:
        count = max(body.get("chunks", 3) for body in bodies)
        for number in range(count):
            pieces = [f"{body.get('tag', 'part')}{number} " for body in bodies]
            size = bodies[0].get("chunk_bytes")
            if size:
                pieces = [piece.ljust(size, "x") for piece in pieces]
            send_intermediate_predict_response(
                pieces, context.request_ids, "Intermediate Prediction success", 200, context
            )
            if "progress_file" in bodies[0]:
                with open(bodies[0]["progress_file"], "w", encoding="utf-8") as progress:
                    progress.write(str(number + 1))
            if number + 1 == bodies[0].get("raise_after"):
                raise ValueError("in the middle of a stream")
            if number + 1 == bodies[0].get("die_after"):
                os.kill(os.getpid(), signal.SIGKILL)
            gate = bodies[0].get("gate")
            while gate and not os.path.exists(f"{gate}{number}"):
                time.sleep(0.005)
            time.sleep(bodies[0].get("pause", 0))
        return ["last" for _ in bodies]

    @staticmethod
    def _body(row: dict[str, Any]) -> dict[str, Any]:
        body = row.get("body")
        return body if isinstance(body, dict) else {}

    @staticmethod
    def _show(value: Any) -> Any:
        return bytes(value).decode("latin-1") if isinstance(value, (bytes, bytearray)) else value

    @staticmethod
    def _touch(path: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write("x")

    def _die_if_absent(self, path: str) -> None:
        if not os.path.exists(path):
            self._touch(path)
            os.kill(os.getpid(), signal.SIGKILL)

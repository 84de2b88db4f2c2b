"""Workers start both ways, answer, and end with the right code."""

from __future__ import annotations

from typing import Any

import pytest

ECHO = """
import os
def handle(data, context):
    if data is None:
        return None
    return [{"body": str(row.get("body")), "pid": os.getpid(), "cwd": os.getcwd()} for row in data]
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_loads_answers_and_ends_with_code_0(
    shared_frontend: Any, model: Any, request_of: Any, start: str
) -> None:
    folder = model(ECHO)
    launch = shared_frontend.order(start, folder)
    worker = shared_frontend.worker(launch)
    assert worker.hello["pid"] == shared_frontend.pid(launch)
    worker.load(folder, "handler.py", batch_size=2)
    first, second = worker.ask(request_of(b"one", "text/plain"), request_of(b"two"))
    assert b'"body": "one"' in first.body
    assert b"bytearray(b'two')" in second.body
    assert f'"cwd": "{folder}"'.encode() in first.body
    assert worker.loaded["message"] == "loaded model m"
    worker.close()
    exited = shared_frontend.exit_of(launch)
    assert exited == {"pid": worker.hello["pid"], "code": 0}
    text = shared_frontend.text(launch, stderr=False)
    assert f"[PID]{exited['pid']}\nTorch worker started.\nPython runtime: 3" in text
    assert "model_name: m, batchSize: 2" in text
    assert shared_frontend.text(launch, stderr=True) == ""

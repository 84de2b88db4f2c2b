"""A Mosec server; what it serves stands as JSON in the variable BENCH_SETTINGS."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mosec import Runtime, Server, SSEWorker, Worker

# A worker is spawned and imports this file anew: the environment reaches it, the command line,
# which Mosec parses, does not.
SETTINGS: dict[str, Any] = json.loads(os.environ["BENCH_SETTINGS"])
FOLDER = Path(SETTINGS["folder"])
BATCHED = SETTINGS["batch_size"] > 1
sys.path.insert(0, str(FOLDER))

from work import chunks, load_work  # type: ignore[import-not-found,unused-ignore]  # noqa: E402


class WorkWorker(Worker):  # type: ignore[misc,unused-ignore]
    """Bytes in, bytes out."""

    def __init__(self) -> None:
        super().__init__()
        self._work = load_work(SETTINGS["work"], FOLDER)

    def deserialize(self, data: bytes) -> bytes:
        """Take the body as it is."""
        return data

    def serialize(self, data: bytes) -> bytes:
        """Give the answer as it is."""
        return data

    def forward(self, data: Any) -> Any:
        """Answer one body, or a list of them if batches are on."""
        return self._work.answer(data) if BATCHED else self._work.answer([data])[0]


class StreamWorker(SSEWorker):  # type: ignore[misc,unused-ignore]
    """Sends the chunks as events."""

    def deserialize(self, data: bytes) -> bytes:
        """Take the body as it is."""
        return data

    def forward(self, data: Any) -> Any:
        """Stream."""
        for chunk in chunks():
            self.send_stream_event(chunk)
        return data


if __name__ == "__main__":
    worker = StreamWorker if SETTINGS["work"] == "stream" else WorkWorker
    server = Server()
    runtime = (SETTINGS["workers"], SETTINGS["batch_size"], SETTINGS["batch_delay_ms"])
    server.register_runtime(
        {
            f"/predictions/m{index}": [Runtime(worker, *runtime)]
            for index in range(SETTINGS["models"])
        }
    )
    server.run()

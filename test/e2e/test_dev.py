"""`torchserve dev` serves a folder by the real server, and loads each change, or none of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from torchserve_process import WITHOUT_TORCH, wait_for

HANDLER = """
from pathlib import Path
def handle(data, context):
    if data is None:
        return None
    print("asked for", WORD, flush=True)
    folder = Path(context.system_properties["model_dir"])
    return [{"word": WORD, "file": (folder / "words.txt").read_text()}]
"""


class Dev:
    """The command, with its events."""

    def __init__(self, path: Path, tmp_path: Path) -> None:
        (tmp_path / "tmp").mkdir()
        self.folder = path
        self.temporary = tmp_path / "tmp"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TS_")}
        self.process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "torchserve"),
                "dev",
                str(path),
                "--port",
                "0",
                "--json",
            ],
            env={**environ, "TMPDIR": str(self.temporary), "PYTHONPATH": str(WITHOUT_TORCH)},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self.events.extend(map(json.loads, lines))

    def wait(self, event: str, count: int = 1) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            fitting = [each for each in list(self.events) if each["event"] == event]
            return fitting[count - 1] if len(fitting) >= count else None

        answer: dict[str, Any] = wait_for(found, f"{event} {count}; {self.events}")
        return answer

    def output(self) -> str:
        return "\n".join(each["line"] for each in list(self.events) if each["event"] == "output")

    def ask(self, url: str) -> requests.Response:
        return requests.post(f"{url}/predictions/model", data=b"x", timeout=60)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(60)
        self._reader.join(60)
        return status


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "handler.py").write_text("WORD = 'one'\n" + HANDLER)
    (folder / "words.txt").write_text("first")
    running = Dev(folder, tmp_path)
    yield running
    running.process.kill()
    running.process.wait()


def test_each_change_is_loaded_and_a_broken_one_changes_nothing(dev: Dev) -> None:
    handler = dev.folder / "handler.py"
    url = dev.wait("serving")["inference"]
    dev.wait("loaded")
    assert dev.ask(url).json() == {"word": "one", "file": "first"}
    wait_for(lambda: "asked for one" in dev.output(), "what the handler printed")

    (dev.folder / "words.txt").write_text("second")
    assert dev.wait("changed")["files"] == ["words.txt"]
    dev.wait("loaded", 2)
    assert dev.ask(url).json() == {"word": "one", "file": "second"}

    handler.write_text("WORD = {}['vocab']\n" + HANDLER)
    assert "KeyError: 'vocab'" in dev.wait("failed")["cause"]
    assert f'File "{handler}", line 1' in dev.output(), "the traceback has the user's own path"
    assert dev.ask(url).json() == {"word": "one", "file": "second"}

    handler.write_text("WORD = 'three'\n" + HANDLER)
    dev.wait("loaded", 3)
    assert dev.ask(url).json() == {"word": "three", "file": "second"}
    management = dev.wait("serving")["management"]
    versions = requests.get(f"{management}/models/model/all", timeout=60).json()
    assert [len(version["workers"]) for version in versions] == [1]

    assert dev.end() == 130
    wait_for(lambda: not list(dev.temporary.glob("ts-*")), "nothing is left")
    assert sorted(path.name for path in dev.folder.iterdir()) == ["handler.py", "words.txt"]

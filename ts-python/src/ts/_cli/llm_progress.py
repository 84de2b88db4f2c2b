"""What the LLM launcher prints while its model loads, and once it can be asked."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import threading
import time
from pathlib import Path

from ts._cli.commands.logs import LINE
from ts._cli.commands.running import RunningServer, servers_here, trust_of
from ts._cli.errors import Refusal
from ts.client import Client, ClientError

_POLL_SEC = 0.5
_TELL_EVERY_SEC = 10.0
_TAIL_BYTES = 4096
_MAX_LINE = 120


class LlmProgress:
    """Tells how long a model has been loading, and how to ask it.

    Args:
        model: Its registered name.
        tokens: Whether the server asks for tokens.
    """

    def __init__(self, model: str, *, tokens: bool) -> None:
        self._model = model
        self._tokens = tokens
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="llm-progress", daemon=True)

    def start(self) -> None:
        """Begin to watch, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """The server has ended, or is about to."""
        self._ended.set()

    def _watch(self) -> None:
        began = told = time.monotonic()
        while not self._ended.wait(_POLL_SEC):
            running = _server_of_this_folder()
            if running is not None and self._is_ready(running):
                print(self.how_to_ask(running.status.addresses["inference"]), flush=True)
                return
            now = time.monotonic()
            if now - told >= _TELL_EVERY_SEC:
                told = now
                print(self.progress(running, now - began), flush=True)

    def _is_ready(self, running: RunningServer) -> bool:
        address = running.status.addresses.get("inference")
        if address is None:
            return False
        try:
            with Client(address, trust=trust_of(running.server.entry)) as client:
                return client.ready(self._model).ready
        except (ClientError, OSError):
            return False

    def progress(self, running: RunningServer | None, seconds: float) -> str:
        """Return the line about a model that is not ready yet."""
        line = _last_line(running.logs) if running is not None and running.logs else ""
        return f"{self._model} is loading, {seconds:.0f} s so far" + (f": {line}" if line else "")

    def how_to_ask(self, address: str) -> str:
        """Return a command that asks the model, as it can be typed in this folder."""
        body = {"model": self._model, "messages": [{"role": "user", "content": "Hello"}]}
        words = [f"curl {address}/v1/chat/completions", "-H 'Content-Type: application/json'"]
        if self._tokens:
            words.append(f'-H "Authorization: Bearer $({_command()} token)"')
        words.append(f"-d {shlex.quote(json.dumps(body))}")
        return f"{self._model} is ready:\n\n  " + " \\\n    ".join(words) + "\n"


def _command() -> str:
    """Return the command ``torchserve``, with its folder if the path would find another one."""
    own = Path(sys.executable).parent / "torchserve"
    found = shutil.which("torchserve")
    if found is not None and Path(found) == own:
        return "torchserve"
    if own.exists():
        return shlex.quote(str(own))
    return f"{shlex.quote(sys.executable)} -m ts.model_server"


def _server_of_this_folder() -> RunningServer | None:
    try:
        servers = servers_here(os.environ)[0]
    except (Refusal, OSError):
        return None
    here = str(Path.cwd())
    return next((each for each in servers if each.server.entry.cwd == here), None)


def _last_line(logs: Path) -> str:
    """Return the newest line of the model log, without its head; empty if there is none."""
    try:
        with (logs / "model_log.log").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    # A progress bar writes over its line.
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    if not lines:
        return ""
    found = LINE.match(lines[-1])
    return (found["message"] if found else lines[-1])[:_MAX_LINE]

"""Starts and stops a server from Python, as tests and notebooks do."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Queue
from typing import IO, Any

_STARTED = "Model server started"
_KEPT_LINES = 20
_MANAGEMENT = "http://localhost:8081"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the management API, whatever its status."""

    status_code: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    def json(self) -> Any:
        """Return the body as JSON. Raises ValueError if it is none."""
        return json.loads(self.text)


def start(
    model_store: str | None = None,
    snapshot_file: str | None = None,
    no_config_snapshots: bool = False,
    plugin_folder: str | None = None,
    disable_token: bool = False,
    models: str | Sequence[str] | None = None,
    enable_model_api: bool = False,
) -> Queue[str]:
    """Stop a running server, start one, and return once its listeners are open.

    Args:
        model_store: Folder of the archives.
        snapshot_file: A config.properties.
        no_config_snapshots: Neither read nor write snapshots.
        plugin_folder: Folder of plug-ins.
        disable_token: Serve without tokens.
        models: What to load: words separated by blanks, or a sequence of them.
        enable_model_api: Let the management API register and unregister models.

    Returns:
        The lines that the server prints from then on, filled by a thread until it ends.

    Raises:
        RuntimeError: The server ended before it was ready; the message has its last lines.
    """
    stop()
    words = ["--start", "--foreground"]
    for option, value in (
        ("--model-store", model_store),
        ("--ts-config", snapshot_file),
        ("--plugins-path", plugin_folder),
    ):
        if value:
            words += [option, value]
    for option, wanted in (
        ("--no-config-snapshots", no_config_snapshots),
        ("--disable-token-auth", disable_token),
        ("--enable-model-api", enable_model_api),
    ):
        if wanted:
            words.append(option)
    if models:
        words += ["--models", *(models.split() if isinstance(models, str) else models)]
    process = subprocess.Popen(
        [*_command(), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C is for the caller, who then calls stop()
    )
    if process.stdout is None:
        raise RuntimeError("the output of torchserve is not a pipe")
    _await_start(process, process.stdout)
    lines: Queue[str] = Queue()
    threading.Thread(
        target=_pump, args=(process, process.stdout, lines), name="torchserve-output", daemon=True
    ).start()
    return lines


def stop(wait: bool = True) -> None:
    """Stop the running server, if any.

    Args:
        wait: Kept for compatibility: this always returns after the server has gone.

    Raises:
        RuntimeError: It could not be stopped.
    """
    stopped = subprocess.run(
        [*_command(), "--stop", *(["--foreground"] if wait else [])],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if stopped.returncode:
        raise RuntimeError((stopped.stdout + stopped.stderr).strip())


def register_model(model_name: str, url: str) -> Reply:
    """Register a model at the management API, with one worker, and wait until it is ready."""
    return register_model_with_params(
        {"model_name": model_name, "url": url, "initial_workers": "1", "synchronous": "true"}
    )


def register_model_with_params(
    params: Mapping[str, str] | Iterable[tuple[str, str]],
) -> Reply:
    """Register a model with these parameters of `POST /models`.

    Raises:
        urllib.error.URLError: No server answers at the default management address.
    """
    pairs = params.items() if isinstance(params, Mapping) else params
    query = urllib.parse.urlencode(list(pairs))
    request = urllib.request.Request(f"{_MANAGEMENT}/models?{query}", method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own http address
            return Reply(answer.status, answer.read().decode(), dict(answer.headers))
    except urllib.error.HTTPError as refused:
        with refused:
            return Reply(refused.code, refused.read().decode(), dict(refused.headers))


def _command() -> list[str]:
    return [sys.executable, "-m", "ts.model_server"]


def _await_start(process: subprocess.Popen[str], output: IO[str]) -> None:
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    for line in output:
        if _STARTED in line:
            return
        last.append(line)
    output.close()
    raise RuntimeError(f"torchserve ended with status {process.wait()}:\n{''.join(last).strip()}")


def _pump(process: subprocess.Popen[str], output: IO[str], lines: Queue[str]) -> None:
    with output:
        for line in output:
            lines.put(line)
    process.wait()

"""Starts and stops a server from Python, as tests and notebooks do."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from queue import Queue
from typing import IO, TYPE_CHECKING, Any

from ts import _http_response
from ts._cli.errors import Refusal
from ts._cli.registry import Registry, Server
from ts._cli.status import State
from ts._cli.stopping import stop_limit_of, stop_server
from ts._cli.temporary import named_folder

if TYPE_CHECKING:
    import requests

__all__ = [
    "PrintTillTheEnd",
    "Tee",
    "register_model",
    "register_model_with_params",
    "start",
    "stop",
]

_STARTED = "Model server started"
_KEPT_LINES = 20
_STATUS_LIMIT_SEC = 10.0
_POLL_SEC = 0.02
_END_LIMIT_SEC = 60.0
_DEFAULT_MANAGEMENT = "http://localhost:8081"
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what a client asks instead

logger = logging.getLogger(__name__)


class _StartedServer:
    """A server that `start` began.

    The command becomes the server, so that its process is the server's.
    """

    def __init__(self, process: subprocess.Popen[str], registry: Registry) -> None:
        self.process = process
        self._registry = registry

    def management(self) -> str:
        """Return the URL of its management API, as it told when it had started.

        Raises:
            RuntimeError: It has ended, or has no such listener on a TCP port.
        """
        end = time.monotonic() + _STATUS_LIMIT_SEC
        while (server := self._entry()) is not None:
            # The line that says it has started comes just before the file that says where.
            status = self._registry.status(server.entry)
            if status is not None and status.state is State.STARTED:
                return _url(status.addresses.get("management", ""))
            if time.monotonic() >= end:
                break
            time.sleep(_POLL_SEC)
        raise RuntimeError(f"The server that was started (pid {self.process.pid}) has ended.")

    def stop(self) -> None:
        """Stop it and wait until it has gone.

        Raises:
            Refusal: It cannot be stopped.
        """
        server = self._entry()
        if server is not None:
            stop_server(server, self._registry, stop_limit_of(server.entry))
        else:  # it has ended, or is not a server yet
            self.process.terminate()
        try:
            self.process.wait(_END_LIMIT_SEC)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _entry(self) -> Server | None:
        if self.process.poll() is not None:
            return None
        pid = self.process.pid
        return next((s for s in self._registry.running() if s.process.pid == pid), None)


_servers: list[_StartedServer] = []
"""The one that `start` began and `stop` ends; empty while there is none."""


def start(
    model_store: str | os.PathLike[str] | None = None,
    snapshot_file: str | os.PathLike[str] | None = None,
    no_config_snapshots: bool = False,
    plugin_folder: str | os.PathLike[str] | None = None,
    disable_token: bool = False,
    models: str | Sequence[str] | None = None,
    enable_model_api: bool = False,
) -> Queue[str]:
    """Start a server, and return once its listeners are open.

    A server that an earlier call began is stopped first; no other server is touched.

    Args:
        model_store: Folder of the archives.
        snapshot_file: A config.properties; its addresses are those of the server.
        no_config_snapshots: Neither read nor write snapshots.
        plugin_folder: Folder of plug-ins.
        disable_token: Serve without tokens.
        models: What to load: words separated by blanks, or a sequence of them.
        enable_model_api: Let the management API register and unregister models.

    Returns:
        The lines that the server prints from then on, filled by a thread until it ends.

    Raises:
        RuntimeError: The server ended before it was ready; the message has its last lines. Also
            where another server has its addresses, which `torchserve --stop` ends.
    """
    stop()
    words = ["--start", "--foreground"]
    for option, value in (
        ("--model-store", model_store),
        ("--ts-config", snapshot_file),
        ("--plugins-path", plugin_folder),
    ):
        if value:
            words += [option, os.fspath(value)]
    for option, wanted in (
        ("--no-config-snapshots", no_config_snapshots),
        ("--disable-token-auth", disable_token),
        ("--enable-model-api", enable_model_api),
    ):
        if wanted:
            words.append(option)
    if models:
        words += ["--models", *(models.split() if isinstance(models, str) else models)]
    registry = Registry(named_folder(os.environ).resolve())
    process = subprocess.Popen(
        [*_command(), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C is for the caller, who then calls stop()
    )
    _servers.append(_StartedServer(process, registry))
    if process.stdout is None:
        raise RuntimeError("the output of torchserve is not a pipe")
    try:
        _await_start(process, process.stdout)
    except BaseException:
        with contextlib.suppress(Refusal):
            _servers.pop().stop()
        process.stdout.close()
        raise
    lines: Queue[str] = Queue()
    threading.Thread(
        target=_pump, args=(process, process.stdout, lines), name="torchserve-output", daemon=True
    ).start()
    return lines


def stop(wait: bool = True) -> None:
    """Stop the server that `start` began in this process, if there is one.

    Other servers go on, also one in the same folder: `torchserve --stop` ends those.

    Args:
        wait: Kept for compatibility: this always returns after the server has gone.

    Raises:
        RuntimeError: It could not be stopped.
    """
    if not _servers:
        logger.info("Nothing to stop: this process has started no server")
        return
    server = _servers.pop()
    try:
        server.stop()
    except Refusal as refusal:
        raise RuntimeError(str(refusal)) from refusal


def register_model(model_name: str, url: str) -> _http_response.Response | requests.Response:
    """Register a model at the management API, with one worker, and wait until it is ready.

    Returns:
        As `register_model_with_params`.
    """
    return register_model_with_params(
        {"model_name": model_name, "url": url, "initial_workers": "1", "synchronous": "true"}
    )


def register_model_with_params(
    params: Mapping[str, Any] | Iterable[tuple[str, Any]],
) -> _http_response.Response | requests.Response:
    """Register a model with these parameters of `POST /models`.

    The management API is that of the server that `start` began, wherever its settings put it; where
    this process started none, that of http://localhost:8081.

    Returns:
        The response, whatever its status: a `requests.Response` where that package is installed,
        else an object with the same properties and methods.

    Raises:
        OSError: No server answers there (`requests.ConnectionError`, or `urllib.error.URLError`).
        RuntimeError: The server has ended, or its management API has no TCP port.
    """
    pairs = params.items() if isinstance(params, Mapping) else params
    query = urllib.parse.urlencode(list(pairs))
    server = _servers[0].management() if _servers else _DEFAULT_MANAGEMENT
    url = f"{server}/models?{query}"
    try:
        import requests
    except ImportError:
        return _http_response.post(url)
    # Straight to the server: a proxy of the environment could not reach it.
    no_proxies: Any = {"http": None, "https": None, "all": None}
    return requests.post(url, proxies=no_proxies, allow_redirects=False)  # noqa: S113 - loading takes what it takes


class Tee(threading.Thread):
    """Copies each line of a text stream into two queues, in a thread, until the stream ends.

    Args:
        reader: The stream, or anything that can be iterated.

    Attributes:
        queue1: One copy of the lines; None behind the last.
        queue2: The other one.
    """

    def __init__(self, reader: Iterable[str]) -> None:
        super().__init__(name="torchserve-tee", daemon=True)
        self.reader = reader
        self.queue1: Queue[str | None] = Queue()
        self.queue2: Queue[str | None] = Queue()

    def run(self) -> None:
        """Copy until the end."""
        try:
            for line in self.reader:
                self.queue1.put(line)
                self.queue2.put(line)
        finally:
            self.queue1.put(None)
            self.queue2.put(None)


class PrintTillTheEnd(threading.Thread):
    """Prints the lines of a queue, in a thread, until it takes None out of it.

    Args:
        queue: Such as a queue of a `Tee`, or the one that `start` returns.
    """

    def __init__(self, queue: Queue[str] | Queue[str | None]) -> None:
        super().__init__(name="torchserve-print", daemon=True)
        self._queue = queue

    def run(self) -> None:
        """Print until the end."""
        while (line := self._queue.get()) is not None:
            print(line.rstrip("\r\n"), flush=True)


def _command() -> list[str]:
    return [sys.executable, "-m", "ts.model_server"]


def _url(address: str) -> str:
    """Return the URL under which a client of this machine finds a listener."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https"):
        raise RuntimeError(
            f"The management API listens on {address or 'no address'}, expected one such as "
            "http://127.0.0.1:8081"
        )
    host = parts.hostname or ""
    host = _LOOPBACK.get(host, f"[{host}]" if ":" in host else host)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _await_start(process: subprocess.Popen[str], output: IO[str]) -> None:
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    for line in output:
        if _STARTED in line:
            return
        last.append(line)
    raise RuntimeError(f"torchserve ended with status {process.wait()}:\n{''.join(last).strip()}")


def _pump(process: subprocess.Popen[str], output: IO[str], lines: Queue[str]) -> None:
    with output:
        for line in output:
            lines.put(line)
    process.wait()

"""`ts.serve`: a server that lives as long as the program, or the `with` block, that started it."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from ts._cli.commands.loading import LoadReport, Loads, watch
from ts._cli.errors import Refusal
from ts._cli.options import Options
from ts._cli.prepared_start import prepare_start
from ts._cli.registry import Registry, Server
from ts._cli.starting import start_server
from ts._cli.status import Status
from ts._cli.stopping import stop_limit_of, stop_server
from ts._serve.settings import environment, properties, temporary_of, words_of
from ts.client import AsyncClient, Client, ClientError, ModelFailed, RequestTimeout, Tokens

PACKAGE = Path(__file__).resolve().parents[1]
_LOG_LINES = 20


def serve(
    model_store: str | os.PathLike[str],
    models: str | Iterable[str] | Mapping[str, str] = "all",
    *,
    config: Mapping[str, object] | None = None,
    tokens: bool = True,
    model_api: bool = False,
    wait: bool = True,
    timeout: float = 120.0,
) -> RunningServer:
    """Start a server on free ports of loopback, for this program alone, and return it.

    It ends with the `with` block, with `stop`, or with this program, however that ends. Its logs,
    settings and temporary files are in a folder of their own, which goes with it.

    Args:
        model_store: The folder of the models.
        models: Which to load: names in the store, with or without ``.mar``; a mapping of names to
            files; or ``"all"``.
        config: Settings as in config.properties, such as ``{"default_workers_per_model": 2}``.
        tokens: Whether the server asks for tokens; its clients have them.
        model_api: Whether clients may register and unregister models.
        wait: Whether to return only when the models are ready.
        timeout: Seconds until the server listens, and until the models are ready.

    Raises:
        FileNotFoundError: The store, or a model in it, does not exist.
        ModelFailed: A model cannot be loaded; the text has the traceback.
        RequestTimeout: The models are not ready in time.
        RuntimeError: The server cannot be started; the text says why.
    """
    store = Path(model_store).absolute()
    if not store.is_dir():
        raise FileNotFoundError(f"There is no model store {store}.")
    words = words_of(models, store)
    folder = Path(tempfile.mkdtemp(prefix="ts-serve-"))
    guard = start_guard(folder)
    try:
        server, status, given = _start(
            store, words, config or {}, folder, tokens, model_api, timeout
        )
    except BaseException:
        release(guard)
        raise
    running = RunningServer(server, status, given, folder, guard)
    if wait:
        try:
            running.wait_ready(timeout)
        except BaseException:
            running.stop()
            raise
    return running


def _start(
    store: Path,
    words: tuple[str, ...],
    config: Mapping[str, object],
    folder: Path,
    tokens: bool,
    model_api: bool,
    timeout: float,
) -> tuple[Server, Status, Tokens]:
    temporary_of(folder).mkdir()
    settings = folder / "config.properties"
    settings.write_text(properties(config, folder), encoding="utf-8")
    environ = environment(os.environ, folder)
    given = Tokens()
    if tokens:
        # Not those of the key file, which expire: a notebook may stay open for longer.
        given = Tokens(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        environ |= {
            "TS_INFERENCE_TOKEN": str(given.inference),
            "TS_MANAGEMENT_TOKEN": str(given.management),
        }
    options = Options(
        ts_config=str(settings),
        model_store=str(store),
        models=words,
        no_config_snapshots=True,
        disable_token_auth=not tokens,
        enable_model_api=model_api,
    )
    try:
        prepared = prepare_start(options, environ)
        registry = Registry(temporary_of(folder))
        server, status = start_server(prepared, registry, environ, PACKAGE, timeout)
    except Refusal as refusal:
        log = _tail(folder / "logs" / "ts_log.log")
        raise RuntimeError(f"{refusal}{log}") from refusal
    return server, status, given


class RunningServer:
    """A server that was started by `ts.serve`; a context manager that stops it.

    Attributes:
        inference: Address of the inference API.
        management: Address of the management API.
        addresses: Every address, by its role: also ``metrics`` and ``grpc``.
        tokens: What it asks for.
        pid: Of its process.
        folder: Its logs (``logs/``) and its settings.
    """

    def __init__(
        self,
        server: Server,
        status: Status,
        tokens: Tokens,
        folder: Path,
        guard: subprocess.Popen[bytes],
    ) -> None:
        self.inference = status.addresses["inference"]
        self.management = status.addresses["management"]
        self.addresses = dict(status.addresses)
        self.tokens = tokens
        self.pid = server.process.pid
        self.folder = folder
        self._server = server
        self._stopping = threading.Lock()
        self._stopped = False
        self._guard = guard
        atexit.register(self.stop)

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return not self._stopped and self._server.process.runs()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else f"pid {self.pid}"
        return f"<ts.serve {self.inference}, {state}>"

    def client(self, *, timeout: float | None = 120.0) -> Client:
        """Return a client that has the server's tokens; `timeout` in seconds, see `Client`."""
        return Client(self.inference, self.management, tokens=self.tokens, timeout=timeout)

    def async_client(self, *, timeout: float | None = 120.0) -> AsyncClient:
        """Return a client for asyncio. Raises `ImportError` if httpx is not installed."""
        return AsyncClient(self.inference, self.management, tokens=self.tokens, timeout=timeout)

    def log(self, name: str = "model_log.log") -> str:
        """Return the text of a log: what handlers print, or of the server ``ts_log.log``."""
        path = self.folder / "logs" / name
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def wait_ready(self, timeout: float = 120.0) -> None:
        """Wait until every model is ready.

        Raises:
            ModelFailed: One cannot be loaded; the text has the traceback.
            RequestTimeout: One is neither ready nor failed within `timeout` seconds.
            RuntimeError: The server has ended.
        """
        alive = self._server.process.runs
        try:
            with self.client() as client:
                report = LoadReport(sys.stderr, silent=True)
                loads = watch(client, report, limit_sec=timeout, alive=alive)
                if loads.failed:
                    raise ModelFailed(_failures(client, loads))
        except ClientError as problem:
            if not isinstance(problem, ModelFailed) and not alive():
                log = _tail(self.folder / "logs" / "ts_log.log")
                raise RuntimeError(f"The server has ended.{log}") from problem
            raise
        if not loads.ended:
            waiting = ", ".join(model.line for model in loads.models if not model.ended)
            raise RequestTimeout(f"Not ready within {timeout:g} s: {waiting or loads.pending}")

    def stop(self) -> None:
        """Stop the server once it has finished what is in flight, and remove its folder."""
        with self._stopping:
            if self._stopped:
                return
            self._stopped = True
            entry = self._server.entry
            stop_server(self._server, Registry(entry.folder.parent), stop_limit_of(entry))
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            shutil.rmtree(self.folder, ignore_errors=True)
            release(self._guard)
            atexit.unregister(self.stop)


def start_guard(folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that ends the server of a folder, and the folder, after this program."""
    inherited = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join([str(PACKAGE.parent), *([inherited] if inherited else [])])
    return subprocess.Popen(
        [sys.executable, "-m", "ts._serve.guard", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )


def release(guard: subprocess.Popen[bytes]) -> None:
    """Let the guard do now what it does after this program, and wait for it."""
    if guard.stdin is not None:
        guard.stdin.close()
    guard.wait()


def _failures(client: Client, loads: Loads) -> str:
    lines = []
    for model in loads.failed:
        lines.append(model.line)
        with contextlib.suppress(ClientError):
            error = client.describe(model.name)[0].last_load_error
            if error is not None and error.traceback:
                lines.append(error.traceback.rstrip())
    return "\n".join(lines)


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return ""
    return "\nThe end of its log:\n" + "\n".join(lines)

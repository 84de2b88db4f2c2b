"""A server of one folder: each change becomes a version, which takes the place of the last one."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

from ts._cli.commands.terminal import Colour, paint
from ts._cli.errors import Refusal
from ts._cli.trying.dev_logs import DevLogs
from ts._cli.trying.source import Choices, ModelSource, copy, stage, watched_files
from ts._serve.server import RunningServer, release, serve, start_guard
from ts.client import Client, ClientError, ServerError

_POLL_SEC = 0.25
_MAX_FILES = 10_000
_LOAD_LIMIT_SEC = 600.0
_START_LIMIT_SEC = 120.0


class DevServer:
    """Serves the model of a folder, and loads what changes in it. All or nothing: a version that
    cannot be loaded leaves the one before in its place.

    Args:
        path: The folder, or the handler's file in it.
        choices: What the command line says of the model.
        port: Of the inference API; 0 for free ones.
        as_json: Whether events are told as JSON.

    Raises:
        Refusal: The server cannot be started, or there is no model.
    """

    def __init__(self, path: Path, choices: Choices, port: int, *, as_json: bool) -> None:
        self._path = path
        self._choices = choices
        self._as_json = as_json
        self._writing = threading.Lock()
        self._next = 1
        self._serving: ModelSource | None = None
        self._seen = self._watched()
        self._scratch = Path(tempfile.mkdtemp(prefix="ts-dev-")).resolve()
        self._guard = start_guard(self._scratch)
        self._server: RunningServer | None = None
        try:
            self._store = self._scratch / "store"
            self._store.mkdir()
            self._first = self._stage()
            self._server = self._start(port)
            self._client = self._server.client(timeout=_LOAD_LIMIT_SEC)
        except BaseException:
            self.close()
            raise
        self._logs = DevLogs(self._server.folder / "logs", self._tell_output)

    def __enter__(self) -> DevServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server and remove what was copied."""
        if self._server is not None:
            self._server.stop()
        release(self._guard)

    def serve(self) -> None:
        """Serve until the user ends it.

        Raises:
            KeyboardInterrupt: The user did.
            Refusal: The server has ended.
        """
        server = self._server
        if server is None:
            raise RuntimeError("the server was closed")
        name = self._first.name
        self._tell(
            "serving",
            f"Serving {name} from {self._path}\n"
            f"  curl -T FILE {server.inference}/predictions/{name}\n"
            f"  management  {server.management}\n"
            "  Each change is loaded at once; Ctrl-C ends it.",
            model=name,
            inference=server.inference,
            management=server.management,
        )
        with self._logs:
            self._load(self._first)
            while True:
                time.sleep(_POLL_SEC)
                if not server.alive:
                    raise Refusal(f"The server has ended:\n{server.log('ts_log.log')[-4000:]}")
                if self._has_changed():
                    self._reload()

    def _start(self, port: int) -> RunningServer:
        # Both on one machine's loopback; what a developer does not ask for stays closed.
        config = {
            "inference_address": f"http://127.0.0.1:{port}",
            "management_address": f"http://127.0.0.1:{port + 1 if port else 0}",
            "enable_metrics_api": False,
            "enable_grpc_api": False,
        }
        try:
            return serve(
                self._store,
                (),
                config=config,
                tokens=False,
                model_api=True,
                wait=False,
                timeout=_START_LIMIT_SEC,
            )
        except RuntimeError as problem:
            reason = str(problem).partition("\nLogs: ")[0]
            hint = "\n--port names another port, --port 0 takes free ones." if port else ""
            raise Refusal(f"{reason}{hint if 'in use' in reason.lower() else ''}") from problem

    def _watched(self) -> dict[str, tuple[int, int]]:
        found = watched_files(self._path)
        if len(found) > _MAX_FILES:
            folder = self._path if self._path.is_dir() else self._path.parent
            raise Refusal(
                f"{folder} has {len(found)} files, expected at most {_MAX_FILES}: put the model"
                " into a folder of its own."
            )
        return found

    def _has_changed(self) -> bool:
        """Return whether files changed, once no further change comes."""
        now = self._watched()
        if now == self._seen:
            return False
        while True:
            time.sleep(_POLL_SEC)
            later = self._watched()
            if later == now:
                break
            now = later
        names = sorted(
            Path(name).name
            for name in now.keys() | self._seen.keys()
            if now.get(name) != self._seen.get(name)
        )
        self._seen = now
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        self._tell("changed", f"{shown} changed", files=names)
        return True

    def _reload(self) -> None:
        try:
            source = self._stage()
        except (Refusal, OSError) as problem:
            self._tell_failure(str(problem))
            return
        self._load(source)

    def _stage(self) -> ModelSource:
        """Lay out a copy of the folder as it is now."""
        number = self._next
        self._next += 1
        choices = Choices(self._choices.name, self._choices.handler, force_version=str(number))
        folder = self._store / f"v{number}"
        try:
            return stage(self._path, choices, folder, copy)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _load(self, source: ModelSource) -> None:
        """Load a version; if it can be loaded, it takes the place of the one before."""
        self._logs.calls(source.folder, source.origin)
        started = time.monotonic()
        try:
            self._client.register(source.folder.name, model_name=source.name, initial_workers=1)
        except ServerError as error:
            self._logs.drain()
            shutil.rmtree(source.folder, ignore_errors=True)
            self._tell_failure(source.in_users_words(error.detail or error.message))
            return
        except ClientError as problem:
            self._tell_failure(str(problem))
            return
        before, self._serving = self._serving, source
        if before is not None:
            self._replace(self._client, before, source)
        seconds = time.monotonic() - started
        self._logs.drain()
        self._tell(
            "loaded",
            f"{source.name} loaded in {seconds:.1f} s",
            Colour.GREEN,
            version=source.version,
        )

    def _replace(self, client: Client, before: ModelSource, source: ModelSource) -> None:
        try:
            if before.name == source.name:
                client.set_default(source.name, source.version)
            client.unregister(before.name, before.version)
        except ClientError as problem:
            self._tell("problem", f"The version before is still there: {problem}", Colour.RED)
            return
        shutil.rmtree(before.folder, ignore_errors=True)

    def _tell_failure(self, cause: str) -> None:
        rest = "the version before serves on" if self._serving else "nothing is served yet"
        self._tell(
            "failed",
            f"Not loaded: {cause}\n  {rest}; save a change to try again",
            Colour.RED,
            cause=cause,
        )

    def _tell(self, event: str, text: str, colour: Colour | None = None, **members: object) -> None:
        with self._writing:
            if self._as_json:
                print(json.dumps({"event": event, **members}), flush=True)
                return
            shown = paint(text, colour, sys.stdout) if colour else text
            print(f"[{time.strftime('%H:%M:%S')}] {shown}", flush=True)

    def _tell_output(self, line: str) -> None:
        """Tell what a handler printed, a traceback, or a request."""
        with self._writing:
            print(
                json.dumps({"event": "output", "line": line}) if self._as_json else line, flush=True
            )

"""Rank 0: has the others load and run what it loads and runs, and notices when one is of no use.

A thread listens to the followers, since the main thread may hang in a collective operation that
waits for the very rank that has failed. What that thread finds ends the process, so that the
frontend gives the requests to another worker: no answer of rank 0 counts once a rank is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ts._protocol.control import Failed, Load, Unusable
from ts._protocol.errors import PeerClosed
from ts._protocol.frames import FrameType
from ts._protocol.messages import ErrorResponse
from ts._ranks.channel import Door, Kind, RankChannel, named
from ts._ranks.crowding import crowding, usable_cpus
from ts._ranks.membership import Membership
from ts._ranks.requests import encode_run, wanted
from ts._worker.connection import WorkerConnection
from ts._worker.console import report
from ts._worker.exit_codes import EXIT_CRASHED, EXIT_LOAD_FAILED, EXIT_UNUSABLE
from ts._worker.failures import WorkerUnusable
from ts._worker.handler_run import HandlerRun
from ts._worker.inbox import PendingRequest

JOIN_SEC = 60.0
"""How long a rank may take to dial in after rank 0 has its LOAD; torchrun starts all at once."""
AGREE_SEC = 10.0
"""How long the ranks may disagree on whether a call has ended, after one has failed in it."""
_REMIND_SEC = 30.0
_LINGER_SEC = 1.0


class RankLeader:
    """The followers, as rank 0 sees them.

    Args:
        connection: To the frontend; all but its `writer` and `linger` belong to the main thread.
        membership: Of this process.
        secret: Of the worker; every rank of it knows it.
    """

    def __init__(self, connection: WorkerConnection, membership: Membership, secret: str) -> None:
        self._connection = connection
        self._membership = membership
        self._door = Door(secret)
        self._channels: dict[int, RankChannel] = {}
        self._pids: dict[int, int] = {0: os.getpid()}
        self._runs_everywhere = True
        self._model_name = ""
        self._state = threading.Condition()
        self._end = threading.Lock()
        # Guarded by _state.
        self._loaded: dict[int, int] = {}
        self._has_loaded = False
        self._serving = False
        self._closing = False
        self._number = 0
        self._ended_number = 0
        self._synced: dict[int, int] = {}
        self._run: HandlerRun | None = None
        self._failure: tuple[int, str, float] | None = None
        self._unusable: str | None = None

    @property
    def pids(self) -> list[int]:
        """Process ids by rank."""
        return [self._pids[rank] for rank in sorted(self._pids)]

    def admit(self, load: Load, body: bytes) -> None:
        """Wait for the others, and have them load the model.

        Args:
            load: What the frontend said.
            body: The same as it came.

        Raises `TimeoutError` with the ranks that did not join.
        """
        self._model_name = load.model_name
        self._runs_everywhere = load.parallel_type != "pp"
        if load.gpu_id is None and (remark := crowding(self._membership.size, usable_cpus())):
            report(remark)
        try:
            joined = self._door.admit(self._membership.size, JOIN_SEC)
        finally:
            self._door.close()
            _remove_folder_of_launcher()
        for rank, (channel, pid) in joined.items():
            self._channels[rank] = channel
            self._pids[rank] = pid
        threading.Thread(target=self._watch, name="ts-ranks", daemon=True).start()
        for rank, channel in self._channels.items():
            self._send(rank, channel, Kind.LOAD, 0, body)

    def wait_until_loaded(self) -> int:
        """Wait until the others have loaded the model; return their resident bytes together.

        How long that may take is for the frontend to say (`startupTimeout`).
        """
        with self._state:
            self._has_loaded = True
            self._state.wait_for(lambda: self._loaded.keys() == self._channels.keys())
            return sum(self._loaded.values())

    def begin_serving(self) -> None:
        """Take note that the worker is ready: what fails before this is a failure of the load."""
        with self._state:
            self._serving = True
        for rank, channel in self._channels.items():
            self._send(rank, channel, Kind.SERVE, 0)

    def fail_load(self, failed: Failed, rank: int = 0) -> None:
        """Tell the frontend why the model cannot be loaded. The first cause wins: others follow."""
        self._end.acquire()  # never released: whoever comes second waits for the end of the process
        if self._membership.size > 1:
            failed = replace(failed, detail=f"rank {rank}: {failed.detail}")
        self._connection.send(FrameType.FAILED, 0, failed.encode())

    def begin(self, requests: Sequence[PendingRequest]) -> None:
        """Have the others run what is wanted of `requests`, as the caller does next.

        Raises `WorkerUnusable` if a rank has said that it can serve no more.
        """
        if not self._channels or not self._runs_everywhere:
            return
        run = wanted(requests)
        if not run:
            return
        with self._state:
            if self._unusable is not None:
                raise WorkerUnusable(self._unusable)
            self._number += 1
            number = self._number
        body = encode_run(run)
        for rank, channel in self._channels.items():
            self._send(rank, channel, Kind.RUN, number, body)

    def running(self, run: HandlerRun) -> None:
        """Take note of the run that was begun: its requests have to be answered if it hangs."""
        with self._state:
            self._run = run

    def settle(self) -> str | None:
        """Wait until the others have ended the call in which this rank has failed.

        Returns why the group cannot go on, or None. Does not return if a rank is gone: the failure
        came of that, and is no answer to the requests.
        """
        if not self._channels:
            return None
        number = self._number
        for rank, channel in self._channels.items():
            self._send(rank, channel, Kind.SYNC, number)
        with self._state:
            if self._state.wait_for(lambda: not self._behind(number), AGREE_SEC):
                return None
            behind = self._behind(number)
        return (
            f"{named(behind)} did not end the call in which rank 0 has failed within"
            f" {AGREE_SEC:.0f} s"
        )

    def end(self) -> None:
        """Take note that the call has ended. Raises `WorkerUnusable` if a rank is of no use."""
        with self._state:
            self._ended_number = self._number
            self._run = None
            if self._failure is not None and self._failure[0] <= self._ended_number:
                self._failure = None
            if self._unusable is not None:
                raise WorkerUnusable(self._unusable)

    def close(self) -> None:
        """Let the others go."""
        with self._state:
            self._closing = True
        self._door.close()
        for channel in self._channels.values():
            channel.close()

    def _behind(self, number: int) -> set[int]:
        return {rank for rank in self._channels if self._synced.get(rank, 0) < number}

    def _send(
        self, rank: int, channel: RankChannel, kind: Kind, number: int, body: bytes = b""
    ) -> None:
        try:
            channel.send(kind, number, body)
        except PeerClosed:
            self._give_up_on(rank)

    # The thread

    def _watch(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                for rank, channel in self._channels.items():
                    selector.register(channel.socket, selectors.EVENT_READ, rank)
                while True:
                    events = selector.select(self._time_left())
                    for key, _ in events:
                        self._take(key.data)
                    if not events:
                        self._remind()
                    self._end_if_stuck()
        except BaseException:
            if not self._closing:
                with contextlib.suppress(BaseException):
                    traceback.print_exc()
                _exit(EXIT_CRASHED)

    def _take(self, rank: int) -> None:
        try:
            kind, number, body = self._channels[rank].receive()
        except PeerClosed:
            self._give_up_on(rank)
        fields: dict[str, Any] = json.loads(body) if body else {}
        if kind == Kind.FAILED:
            texts = [str(fields.get(name, "")) for name in ("message", "detail", "traceback")]
            self._end_load(Failed(int(fields.get("code", 500)), *texts), rank)
        with self._state:
            if kind == Kind.LOADED:
                self._loaded[rank] = int(fields.get("memory_bytes") or 0)
            elif kind == Kind.SYNCED:
                self._synced[rank] = number
            elif kind == Kind.RUN_FAILED:
                self._run_failed(rank, number, fields)
            self._state.notify_all()

    def _run_failed(self, rank: int, number: int, fields: dict[str, Any]) -> None:
        """Give rank 0 time to end the call too, be it well or not; with `_state`."""
        if fields.get("unusable"):
            self._unusable = f"rank {rank}: {fields['unusable']}"
        if number > self._ended_number and self._failure is None:
            detail = f"rank {rank}: {fields.get('detail')}"
            self._failure = (number, detail, time.monotonic() + AGREE_SEC)

    def _time_left(self) -> float | None:
        with self._state:
            if self._failure is None:
                return None if self._serving else _REMIND_SEC
            return max(0.0, self._failure[2] - time.monotonic())

    def _remind(self) -> None:
        """Name the ranks that load for a long time: they may wait for each other."""
        with self._state:
            missing = set(self._channels.keys() - self._loaded.keys())
            if not self._has_loaded:
                missing.add(0)
            if not self._serving and missing:
                report(f"The model is not loaded yet by {named(missing)}")

    def _end_if_stuck(self) -> None:
        """Answer for a main thread that waits for a rank which has failed, and end the process."""
        with self._state:
            if self._failure is None or time.monotonic() < self._failure[2]:
                return
            _, detail, _ = self._failure
            reason = f"rank 0 did not end the call in which another one has failed ({detail})"
            if not self._serving:
                message = f"Model {self._model_name!r} could not be loaded"
                self._end_load(Failed(500, message, f"The warm-up failed: {reason}", ""), 0)
            report(f"This worker can serve no more: {reason}")
            # The main thread can end nothing before this is released, which is never.
            if self._run is not None:
                self._run.fail(ErrorResponse(503, "Prediction failed", detail))
            body = Unusable(reason).encode()
            self._connection.send(FrameType.UNUSABLE, 0, body)
            self._connection.linger(_LINGER_SEC)
            _exit(EXIT_UNUSABLE)

    def _end_load(self, failed: Failed, rank: int) -> NoReturn:
        """Tell the frontend of a rank that has not loaded the model, and end this process."""
        with contextlib.suppress(PeerClosed):
            self.fail_load(failed, rank)
            self._connection.linger(_LINGER_SEC)
        _exit(EXIT_LOAD_FAILED)

    def _give_up_on(self, rank: int) -> NoReturn:
        """End this process, since a rank is gone."""
        if self._closing:
            raise PeerClosed("the ranks are closed")
        pid = self._pids.get(rank, 0)
        if not self._serving:
            message = f"Model {self._model_name!r} could not be loaded"
            detail = (
                f"rank {rank} (pid {pid}) has ended while it loaded the model; its output is in the"
                " model log"
            )
            self._end_load(Failed(500, message, detail, ""), rank)
        report(f"Rank {rank} (pid {pid}) has ended, and its worker ends with it")
        _exit(EXIT_CRASHED)


def _exit(code: int) -> NoReturn:
    """End the process at once: its main thread may hang in C."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(code)


def _remove_folder_of_launcher() -> None:
    """Remove what torchrun keeps for this run: nothing is written there, and it would pile up."""
    error_file = os.environ.pop("TORCHELASTIC_ERROR_FILE", None)
    if error_file:
        run = Path(error_file).parents[2]
        if run.name.startswith(os.environ.get("TORCHELASTIC_RUN_ID", "\0")):
            shutil.rmtree(run, ignore_errors=True)

"""``init``: starts the zygote and the workers, reaps everything, and tells the frontend.

One thread and one selector. Only the kernel and the frontend wake it; nothing it does blocks.
Over 400 lines, since each event, an exit above all, may touch every launch and the zygote; what
concerns parents alone is in `ts._zygote.parents`.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from ts._protocol.control import Spawn, decode_json
from ts._protocol.errors import ProtocolError
from ts._protocol.frames import INIT_LIMITS, FrameType
from ts._protocol.reader import FrameAssembler, Message
from ts._zygote import children, lifeline, linux
from ts._zygote.frontend_channel import ZYGOTE_LAUNCH, FrontendChannel, FrontendGone
from ts._zygote.launches import Launch, launch_limit, send_signal
from ts._zygote.output import LinePump
from ts._zygote.parents import Parents, copies_for
from ts._zygote.reapers import Reapers
from ts._zygote.zygote_process import ZygoteProcess, restart_delay

_REAP_ALL_SEC = 5.0
_NOT_STARTED = 127
_REAPER_LOST = "its reaper ended before it was started"
EXIT_PROTOCOL_ERROR = 4


def main() -> int:
    """Run until the frontend goes or says SHUTDOWN; return the exit code."""
    with contextlib.suppress(PermissionError):  # it leads its session already
        os.setsid()
    linux.set_process_name("ts-init")
    can_fork = linux.become_subreaper() and lifeline.kernel_can_kill()
    # Nothing else may use the channel: not a library that prints, and no child by inheritance.
    channel_in, channel_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return Init(channel_in, channel_out, can_fork=can_fork).run()


class _Shutdown(Exception):
    """The loop ends."""


class Init:
    """The loop.

    Args:
        channel_in: From the frontend.
        channel_out: To the frontend.
        can_fork: Whether this system can have a zygote.
    """

    def __init__(self, channel_in: int, channel_out: int, *, can_fork: bool) -> None:
        os.set_blocking(channel_in, False)
        os.set_blocking(channel_out, False)
        self._in = channel_in
        self._assembler = FrameAssembler(INIT_LIMITS)
        self._selector = selectors.DefaultSelector()
        self._frontend = FrontendChannel(channel_out, self._selector)
        self._reapers = Reapers(self, self._selector)
        self._parents = Parents(self, self._frontend, self._reapers, self._selector)
        self._launches: dict[int, Launch] = {}
        self._can_fork = can_fork
        self._zygote: ZygoteProcess | None = None
        self._zygote_pumps: list[LinePump] = []
        self._zygote_failures = 0
        self._zygote_start_at = math.inf
        self._zygote_hopeful = can_fork
        self._waiting: deque[Launch] = deque()
        self._forking: Launch | None = None

    def run(self) -> int:
        """Serve; return the exit code when everything is killed and reaped."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self._watch(wake_read, lambda: self._on_signals(wake_read))
        self._watch(self._in, self._on_frontend)
        code = 0
        try:
            if self._can_fork:
                self._start_zygote()
            else:
                self._report_no_fork()
            while True:
                self._turn()
        except (_Shutdown, FrontendGone):
            pass
        except ProtocolError as error:
            self._frontend.log(f"init: protocol error: {error}")
            code = EXIT_PROTOCOL_ERROR
        finally:
            self._kill_all()
        return code

    # The loop

    def _turn(self) -> None:
        self._frontend.flush()
        zygote_at = self._zygote.answer_by if self._zygote else self._zygote_start_at
        wake_at = min(zygote_at, self._parents.due_at())
        timeout = None if wake_at == math.inf else max(0.0, wake_at - time.monotonic())
        for key, _ in self._selector.select(timeout):
            # An earlier event of this turn may have closed it; a closed socket has no number.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        if time.monotonic() >= wake_at:
            self._zygote_due()
            self._parents.end_overdue()

    def _watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    # Orders of the frontend

    def _on_frontend(self) -> None:
        buffers = self._assembler.buffers()
        try:
            count = os.readv(self._in, buffers)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count == 0:
            raise _Shutdown
        self._assembler.received(count)
        while (message := self._assembler.next_message()) is not None:
            self._on_order(message)

    def _on_order(self, message: Message) -> None:
        if message.type == FrameType.SHUTDOWN:
            raise _Shutdown
        if message.type == FrameType.SIGNAL:
            number = decode_json(message.body).get("signal")
            if not isinstance(number, int) or not 0 < number < signal.NSIG:
                raise ProtocolError(f"signal {number!r}, expected 1 to {signal.NSIG - 1}")
            self._signal(message.id, number)
            return
        if message.type == FrameType.RELEASE:
            self._parents.release(message.id)
            return
        if message.id in self._launches or message.id == ZYGOTE_LAUNCH:
            raise ProtocolError(f"SPAWN for launch {message.id}, which is in use")
        try:
            spawn = Spawn.decode(message.body)
        except ProtocolError as error:
            self._report_not_started(message.id, str(error))
            return
        if len(self._launches) >= (room := launch_limit()):
            reason = f"ulimit -n leaves room for {room} workers; raise it for more"
            self._report_not_started(message.id, reason)
            return
        launch = Launch(message.id, spawn)
        self._launches[launch.id] = launch
        if spawn.parent is None:
            self.start(launch)
        elif self._can_fork:
            self._parents.order(launch)
        else:
            reason = "preloadModel needs an init that can fork workers, which takes Linux"
            self.not_started(launch, {"code": _NOT_STARTED, "error": reason})

    def start(self, launch: Launch) -> None:
        """Fork a launch from the zygote, or start it as a program; see `Starter`."""
        if launch.spawn.start == "spawn":
            self._start_program(launch)
        elif self._zygote_hopeful:
            self._waiting.append(launch)
            self._fork_next()
        else:
            self._spawn_instead(launch, "there is no zygote")

    def _signal(self, launch_id: int, number: int) -> None:
        launch = self._launches.get(launch_id)
        if launch is None:
            return  # it has ended already
        if launch.pid and launch.reaper is not None:
            launch.reaper.signal(number)
        elif launch is self._forking:
            launch.signal = number
        elif number in (signal.SIGKILL, signal.SIGTERM):
            if launch in self._waiting:
                self._waiting.remove(launch)
                waited_for = "the zygote"
            elif self._parents.take_back(launch):
                waited_for = "its parent"
            else:
                launch.signal = number
                return
            reason = f"taken back by signal {number} before {waited_for} was ready"
            self.not_started(launch, {"code": _NOT_STARTED, "error": reason})

    def withdraw(self, launch: Launch) -> None:
        """End a launch that has no process yet; see `Starter`."""
        if launch in self._waiting:
            self._waiting.remove(launch)
            self.not_started(
                launch, {"code": _NOT_STARTED, "error": "no worker waits for it any more"}
            )
        else:
            launch.signal = signal.SIGKILL

    # Starting workers

    def _start_program(self, launch: Launch) -> None:
        launch.pumps, ends = self._frontend.open_pumps(launch.id)
        read_end, launch.lifeline_end = lifeline.create()
        try:
            self._reapers.start_program(launch, ends[0], ends[1], read_end)
        except OSError as error:
            reason = f"its reaper cannot be started: {error}"
            self.not_started(launch, {"code": _NOT_STARTED, "error": reason})
        finally:
            for end in (*ends, read_end):
                os.close(end)

    def _spawn_instead(self, launch: Launch, reason: str) -> None:
        what = "The parent of worker" if launch.is_parent else "Worker"
        self._frontend.log(f"{what} {launch.spawn.worker} is spawned rather than forked: {reason}")
        self._start_program(launch)

    def _fork_next(self) -> None:
        """Give the zygote the next order, if it is ready and has none."""
        zygote = self._zygote
        if zygote is None or not zygote.ready or self._forking or not self._waiting:
            return
        launch = self._forking = self._waiting.popleft()
        launch.pumps, ends = self._frontend.open_pumps(launch.id)
        read_end, launch.lifeline_end = lifeline.create()
        # An error here is the end of the zygote, which is noticed when it is reaped.
        with contextlib.suppress(OSError):
            files = (self._reapers.open(launch), *ends, read_end, *copies_for(launch))
            sent = zygote.order_fork(launch.id, launch.spawn, files)
            self._watch_channel(zygote, writable=not sent)

    def started(self, launch: Launch, pid: int) -> None:
        """A launch has a process; see `Starter`."""
        launch.pid = pid
        launch.close_channel()
        if not launch.is_parent:
            self._frontend.send(FrameType.SPAWNED, launch.id, {"pid": pid})
        if launch.signal is not None and launch.reaper is not None:
            launch.reaper.signal(launch.signal)

    def not_started(self, launch: Launch, ending: Mapping[str, Any]) -> None:
        """A launch never gets a process; see `Starter`."""
        self._forget(launch)
        if launch.is_parent:
            self._parents.not_started(launch, ending)
        else:
            self._frontend.send(FrameType.EXITED, launch.id, {"pid": 0, **ending})

    def _report_not_started(self, launch_id: int, reason: str) -> None:
        fields = {"pid": 0, "code": _NOT_STARTED, "error": reason}
        self._frontend.send(FrameType.EXITED, launch_id, fields)

    def _forget(self, launch: Launch) -> None:
        """Close what belongs to a launch, its last output first."""
        launch.close_lifeline()
        launch.close_channel()
        self._frontend.end_pumps(launch.pumps)
        if not launch.is_parent:
            self._launches.pop(launch.id, None)
        self._reapers.close(launch)

    # The zygote

    def _zygote_due(self) -> None:
        """Start a zygote when it is time, or end one that hangs; its exit decides what follows."""
        zygote = self._zygote
        if zygote is None:
            if time.monotonic() >= self._zygote_start_at:
                self._start_zygote()
        elif time.monotonic() >= zygote.answer_by:
            zygote.answer_by = math.inf
            self._frontend.log("The zygote has not answered in time and is killed")
            send_signal(zygote.pid, signal.SIGKILL)

    def _start_zygote(self) -> None:
        self._zygote_start_at = math.inf
        self._zygote_pumps, ends = self._frontend.open_pumps(ZYGOTE_LAUNCH)
        try:
            zygote = ZygoteProcess(*ends)
        except OSError as error:
            self._frontend.log(f"The zygote cannot be started: {error}")
            self._frontend.end_pumps(self._zygote_pumps)
            self._zygote_lost("it cannot be started", hopeful=False)
            return
        finally:
            for end in ends:
                os.close(end)
        self._zygote = zygote
        self._selector.register(zygote.channel, selectors.EVENT_READ, self._on_zygote_channel)

    def _on_zygote_channel(self) -> None:
        zygote = self._zygote
        if zygote is None:
            return
        with contextlib.suppress(OSError):
            self._watch_channel(zygote, writable=not zygote.flush())
        for frame_type, launch_id, fields in zygote.receive():
            if frame_type == FrameType.READY:
                zygote.ready = True
                self._zygote_hopeful = True
                self._frontend.send(FrameType.READY, 0, fields)
            else:
                self._on_forked(launch_id, fields)
        if zygote.at_end:
            # Its exit is on its way; until then there is nothing to wait for here.
            self._unwatch_channel(zygote)
        self._fork_next()

    def _on_forked(self, launch_id: int, fields: dict[str, Any]) -> None:
        launch, self._forking = self._forking, None
        if launch is None or launch.id != launch_id:
            raise ProtocolError(f"the zygote answers launch {launch_id}, which it was not given")
        self._reapers.receive()
        if "error" in fields or (not launch.pid and launch.reaper is None):
            self._drop_attempt(launch)
            self._spawn_instead(launch, str(fields.get("error", _REAPER_LOST)))

    def _drop_attempt(self, launch: Launch) -> None:
        """Give up a fork that was begun: what there is of it dies with its lifeline."""
        launch.close_lifeline()
        self._reapers.close(launch)
        self._frontend.end_pumps(launch.pumps)

    def _zygote_exited(self, fields: dict[str, int]) -> None:
        zygote = self._zygote
        assert zygote is not None
        self._on_zygote_channel()
        self._unwatch_channel(zygote)
        zygote.close()
        self._zygote = None
        self._frontend.end_pumps(self._zygote_pumps)
        self._frontend.send(FrameType.ZYGOTE_EXITED, 0, fields)
        if zygote.is_stable():
            self._zygote_failures = 0
        how = ", ".join(f"{name} {value}" for name, value in fields.items())
        self._zygote_lost(f"the zygote ended with {how}", hopeful=zygote.ready)

    def _zygote_lost(self, reason: str, *, hopeful: bool) -> None:
        """Plan the next start; orders that cannot wait for it are spawned."""
        self._zygote_hopeful = hopeful
        self._zygote_start_at = time.monotonic() + restart_delay(self._zygote_failures)
        self._zygote_failures += 1
        orphaned, self._forking = self._forking, None
        if orphaned is not None:
            self._reapers.receive()
            if not orphaned.pid:
                self._drop_attempt(orphaned)
                self._spawn_instead(orphaned, reason)
        if not hopeful:
            while self._waiting:
                self._spawn_instead(self._waiting.popleft(), reason)

    def _watch_channel(self, zygote: ZygoteProcess, *, writable: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        key = self._selector.get_map().get(zygote.channel)
        if key is not None and key.events != events:
            self._selector.modify(zygote.channel, events, self._on_zygote_channel)

    def _unwatch_channel(self, zygote: ZygoteProcess) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(zygote.channel)

    def _report_no_fork(self) -> None:
        try:
            torch: str | None = metadata.version("torch")
        except metadata.PackageNotFoundError:
            torch = None
        python = platform.python_version()
        ready = {"python": python, "torch": torch, "fork": False, "import_ms": 0, "pid": 0}
        self._frontend.send(FrameType.READY, 0, ready)

    # Ends

    def _on_signals(self, wake_read: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while numbers := os.read(wake_read, 4096):
                if any(number != signal.SIGCHLD for number in numbers):
                    raise _Shutdown
        self._reap()

    def _reap(self) -> None:
        """Bury every child that has ended. What ends of workers is told by their reapers."""
        with contextlib.suppress(ChildProcessError):
            while (ended := children.peek()) is not None:
                pid, status = ended
                zygote = self._zygote
                if zygote is not None and pid == zygote.pid:
                    # While it is a zombie, its number cannot be another group's.
                    send_signal(pid, signal.SIGKILL)
                    children.bury(pid)
                    self._zygote_exited(status)
                    self._reapers.lost()
                else:
                    children.bury(pid)
        self._kill_strays()

    def _kill_strays(self) -> None:
        zygote = {self._zygote.pid} if self._zygote else set()
        self._reapers.kill_strays(zygote, self._take_in_forks)

    def _take_in_forks(self) -> None:
        self._on_zygote_channel()
        self._parents.receive()

    def log(self, text: str) -> None:
        """Tell the model log; see `Hearer`."""
        self._frontend.log(text)

    def reaper_lost(self, launch: Launch) -> None:
        """A reaper has ended before it had a program; see `Hearer`."""
        self.not_started(launch, {"code": _NOT_STARTED, "error": _REAPER_LOST})

    def ended(self, launch: Launch, status: Mapping[str, int]) -> None:
        """A process has ended, with all that came from it; see `Hearer`."""
        if launch.is_parent:
            self._parents.receive()
        self._forget(launch)
        if launch.is_parent:
            self._parents.exited(launch, status)
        else:
            fields = {"pid": launch.pid, **status}
            self._frontend.send(FrameType.EXITED, launch.id, fields)

    def _kill_all(self) -> None:
        """Kill and reap everything, as far as that takes no more than a few seconds."""
        if self._zygote is not None:
            send_signal(self._zygote.pid, signal.SIGKILL)
            self._zygote.close()
        for launch in (*self._launches.values(), *self._parents.give_up()):
            launch.close_lifeline()
            if launch.reaper is not None:
                launch.reaper.signal(signal.SIGKILL)
        deadline = time.monotonic() + _REAP_ALL_SEC
        while self._reapers.wait(deadline):
            pass
        while time.monotonic() < deadline:
            # What is left has no reaper any more.
            children.kill_all(set(linux.children_of(os.getpid())))
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.002)
            except ChildProcessError:
                break
        with contextlib.suppress(FrontendGone):
            self._frontend.flush()

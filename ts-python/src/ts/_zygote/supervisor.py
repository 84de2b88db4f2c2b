"""``init``: starts the zygote and the workers, reaps everything, and tells the frontend.

One thread and one selector. Only the kernel and the frontend wake it; nothing it does blocks.
Over 400 lines, since each event, an exit above all, may touch every process and the zygote; what
concerns template processes alone is in `ts._zygote.template_processes`.
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
from ts._zygote.managed_process import ManagedProcess, process_limit, send_signal
from ts._zygote.output import LinePump
from ts._zygote.reapers import Reapers
from ts._zygote.template_processes import TemplateProcesses, copies_for
from ts._zygote.zygote_process import ZygoteProcess, restart_delay

_REAP_ALL_SEC = 5.0
_NOT_STARTED = 127
_REAPER_LOST = "its reaper ended before it was started"
EXIT_PROTOCOL_ERROR = 4


def main() -> int:
    """Run until the frontend closes the channel or sends SHUTDOWN; return the exit code."""
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
        self._templates = TemplateProcesses(self, self._frontend, self._reapers, self._selector)
        self._processes: dict[int, ManagedProcess] = {}
        self._can_fork = can_fork
        self._zygote: ZygoteProcess | None = None
        self._zygote_pumps: list[LinePump] = []
        self._zygote_failures = 0
        self._zygote_start_at = math.inf
        self._zygote_usable = can_fork
        self._waiting: deque[ManagedProcess] = deque()
        self._forking: ManagedProcess | None = None

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
        zygote_at = self._zygote.response_deadline if self._zygote else self._zygote_start_at
        wake_at = min(zygote_at, self._templates.due_at())
        timeout = None if wake_at == math.inf else max(0.0, wake_at - time.monotonic())
        for key, _ in self._selector.select(timeout):
            # An earlier event of this turn may have closed it; a closed socket has no number.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        if time.monotonic() >= wake_at:
            self._zygote_due()
            self._templates.kill_overdue()

    def _watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    # Messages of the frontend

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
            self._on_message(message)

    def _on_message(self, message: Message) -> None:
        if message.type == FrameType.SHUTDOWN:
            raise _Shutdown
        if message.type == FrameType.SIGNAL:
            number = decode_json(message.body).get("signal")
            if not isinstance(number, int) or not 0 < number < signal.NSIG:
                raise ProtocolError(f"signal {number!r}, expected 1 to {signal.NSIG - 1}")
            self._signal(message.id, number)
            return
        if message.type == FrameType.RELEASE:
            self._templates.release(message.id)
            return
        if message.id in self._processes or message.id == ZYGOTE_LAUNCH:
            raise ProtocolError(f"SPAWN for launch {message.id}, which is in use")
        try:
            spawn = Spawn.decode(message.body)
        except ProtocolError as error:
            self._report_not_started(message.id, str(error))
            return
        if len(self._processes) >= (room := process_limit()):
            reason = f"ulimit -n leaves room for {room} workers; raise it for more"
            self._report_not_started(message.id, reason)
            return
        process = ManagedProcess(message.id, spawn)
        self._processes[process.id] = process
        if spawn.template is None:
            self.start(process)
        elif self._can_fork:
            self._templates.submit(process)
        else:
            reason = "preloadModel needs Linux: init cannot fork workers on this system"
            self.not_started(process, {"code": _NOT_STARTED, "error": reason})

    def start(self, process: ManagedProcess) -> None:
        """Fork a process from the zygote, or start it as a program; see `ProcessStarter`."""
        if process.spawn.start == "spawn":
            self._start_program(process)
        elif self._zygote_usable:
            self._waiting.append(process)
            self._fork_next()
        else:
            self._spawn_instead(process, "there is no zygote")

    def _signal(self, launch_id: int, number: int) -> None:
        process = self._processes.get(launch_id)
        if process is None:
            return  # it has ended already
        if process.pid and process.reaper is not None:
            process.reaper.signal(number)
        elif process is self._forking:
            process.signal = number
        elif number in (signal.SIGKILL, signal.SIGTERM):
            if process in self._waiting:
                self._waiting.remove(process)
                waited_for = "the zygote"
            elif self._templates.cancel(process):
                waited_for = "its template process"
            else:
                process.signal = number
                return
            reason = f"cancelled by signal {number} before {waited_for} was ready"
            self.not_started(process, {"code": _NOT_STARTED, "error": reason})

    def cancel_start(self, process: ManagedProcess) -> None:
        """Cancel the start of a process that has no pid yet; see `ProcessStarter`."""
        if process in self._waiting:
            self._waiting.remove(process)
            self.not_started(
                process, {"code": _NOT_STARTED, "error": "no worker waits for it any more"}
            )
        else:
            process.signal = signal.SIGKILL

    # Starting workers

    def _start_program(self, process: ManagedProcess) -> None:
        process.pumps, ends = self._frontend.open_pumps(process.id)
        read_end, process.lifeline_end = lifeline.create()
        try:
            self._reapers.start_program(process, ends[0], ends[1], read_end)
        except OSError as error:
            reason = f"its reaper cannot be started: {error}"
            self.not_started(process, {"code": _NOT_STARTED, "error": reason})
        finally:
            for end in (*ends, read_end):
                os.close(end)

    def _spawn_instead(self, process: ManagedProcess, reason: str) -> None:
        what = "The template process of worker" if process.is_template else "Worker"
        self._frontend.log(f"{what} {process.spawn.worker} is spawned rather than forked: {reason}")
        self._start_program(process)

    def _fork_next(self) -> None:
        """Send the zygote the next spawn request, if it is ready and has none."""
        zygote = self._zygote
        if zygote is None or not zygote.ready or self._forking or not self._waiting:
            return
        process = self._forking = self._waiting.popleft()
        process.pumps, ends = self._frontend.open_pumps(process.id)
        read_end, process.lifeline_end = lifeline.create()
        # An error here is the end of the zygote, which is noticed when it is reaped.
        with contextlib.suppress(OSError):
            files = (self._reapers.open(process), *ends, read_end, *copies_for(process))
            sent = zygote.request_fork(process.id, process.spawn, files)
            self._watch_channel(zygote, writable=not sent)

    def started(self, process: ManagedProcess, pid: int) -> None:
        """A process has a pid; see `ProcessStarter`."""
        process.pid = pid
        process.close_channel()
        if not process.is_template:
            self._frontend.send(FrameType.SPAWNED, process.id, {"pid": pid})
        if process.signal is not None and process.reaper is not None:
            process.reaper.signal(process.signal)

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A process could not be started; see `ProcessStarter`."""
        self._forget(process)
        if process.is_template:
            self._templates.not_started(process, ending)
        else:
            self._frontend.send(FrameType.EXITED, process.id, {"pid": 0, **ending})

    def _report_not_started(self, launch_id: int, reason: str) -> None:
        fields = {"pid": 0, "code": _NOT_STARTED, "error": reason}
        self._frontend.send(FrameType.EXITED, launch_id, fields)

    def _forget(self, process: ManagedProcess) -> None:
        """Close what belongs to a process, its last output first."""
        process.close_lifeline()
        process.close_channel()
        self._frontend.end_pumps(process.pumps)
        if not process.is_template:
            self._processes.pop(process.id, None)
        self._reapers.close(process)

    # The zygote

    def _zygote_due(self) -> None:
        """Start a zygote when it is due, or kill one that hangs; its exit decides what follows."""
        zygote = self._zygote
        if zygote is None:
            if time.monotonic() >= self._zygote_start_at:
                self._start_zygote()
        elif time.monotonic() >= zygote.response_deadline:
            zygote.response_deadline = math.inf
            self._frontend.log("The zygote did not respond in time and is killed")
            send_signal(zygote.pid, signal.SIGKILL)

    def _start_zygote(self) -> None:
        self._zygote_start_at = math.inf
        self._zygote_pumps, ends = self._frontend.open_pumps(ZYGOTE_LAUNCH)
        try:
            zygote = ZygoteProcess(*ends)
        except OSError as error:
            self._frontend.log(f"The zygote cannot be started: {error}")
            self._frontend.end_pumps(self._zygote_pumps)
            self._zygote_lost("it cannot be started", usable=False)
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
                self._zygote_usable = True
                self._frontend.send(FrameType.READY, 0, fields)
            else:
                self._on_forked(launch_id, fields)
        if zygote.at_end:
            # Its exit is on its way; until then there is nothing to wait for here.
            self._unwatch_channel(zygote)
        self._fork_next()

    def _on_forked(self, launch_id: int, fields: dict[str, Any]) -> None:
        process, self._forking = self._forking, None
        if process is None or process.id != launch_id:
            raise ProtocolError(f"the zygote reports launch {launch_id}, which was not requested")
        self._reapers.receive()
        if "error" in fields or (not process.pid and process.reaper is None):
            self._drop_attempt(process)
            self._spawn_instead(process, str(fields.get("error", _REAPER_LOST)))

    def _drop_attempt(self, process: ManagedProcess) -> None:
        """Abandon a fork that was begun: its processes die with its lifeline."""
        process.close_lifeline()
        self._reapers.close(process)
        self._frontend.end_pumps(process.pumps)

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
        self._zygote_lost(f"the zygote ended with {how}", usable=zygote.ready)

    def _zygote_lost(self, reason: str, *, usable: bool) -> None:
        """Plan the next start; workers that cannot wait for it are spawned."""
        self._zygote_usable = usable
        self._zygote_start_at = time.monotonic() + restart_delay(self._zygote_failures)
        self._zygote_failures += 1
        orphaned, self._forking = self._forking, None
        if orphaned is not None:
            self._reapers.receive()
            if not orphaned.pid:
                self._drop_attempt(orphaned)
                self._spawn_instead(orphaned, reason)
        if not usable:
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
        """Reap every child that has ended. The ends of workers are reported by their reapers."""
        with contextlib.suppress(ChildProcessError):
            while (ended := children.peek()) is not None:
                pid, status = ended
                zygote = self._zygote
                if zygote is not None and pid == zygote.pid:
                    # While it is a zombie, its number cannot be another group's.
                    send_signal(pid, signal.SIGKILL)
                    children.reap(pid)
                    self._zygote_exited(status)
                    self._reapers.lost()
                else:
                    children.reap(pid)
        self._kill_strays()

    def _kill_strays(self) -> None:
        zygote = {self._zygote.pid} if self._zygote else set()
        self._reapers.kill_strays(zygote, self._receive_forks)

    def _receive_forks(self) -> None:
        self._on_zygote_channel()
        self._templates.receive()

    def log(self, text: str) -> None:
        """Tell the model log; see `ReaperListener`."""
        self._frontend.log(text)

    def reaper_lost(self, process: ManagedProcess) -> None:
        """A reaper has ended before it had a program; see `ReaperListener`."""
        self.not_started(process, {"code": _NOT_STARTED, "error": _REAPER_LOST})

    def ended(self, process: ManagedProcess, status: Mapping[str, int]) -> None:
        """A process has ended, with all that came from it; see `ReaperListener`."""
        if process.is_template:
            self._templates.receive()
        self._forget(process)
        if process.is_template:
            self._templates.exited(process, status)
        else:
            fields = {"pid": process.pid, **status}
            self._frontend.send(FrameType.EXITED, process.id, fields)

    def _kill_all(self) -> None:
        """Kill and reap everything, as far as that takes no more than a few seconds."""
        if self._zygote is not None:
            send_signal(self._zygote.pid, signal.SIGKILL)
            self._zygote.close()
        for process in (*self._processes.values(), *self._templates.abandon()):
            process.close_lifeline()
            if process.reaper is not None:
                process.reaper.signal(signal.SIGKILL)
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

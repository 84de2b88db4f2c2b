"""``init``: starts the zygote and the workers, reaps everything, and tells the frontend.

One thread and one selector. Only the kernel and the frontend wake it; nothing it does blocks.
What concerns the zygote alone is in `ts._zygote.zygote_forks`, what concerns template processes in
`ts._zygote.template_processes`.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from ts._protocol.control import Spawn, decode_json, imports_of
from ts._protocol.errors import ProtocolError
from ts._protocol.frames import INIT_LIMITS, FrameType
from ts._protocol.reader import FrameAssembler, Message
from ts._zygote import children, lifeline, linux
from ts._zygote.frontend_channel import ZYGOTE_ID, FrontendChannel, FrontendGone
from ts._zygote.import_templates import ImportTemplates
from ts._zygote.managed_process import ManagedProcess, process_limit, send_signal
from ts._zygote.pinning import CorePinning
from ts._zygote.reapers import REAPER_LOST, Reapers
from ts._zygote.template_processes import TemplateProcesses
from ts._zygote.zygote_forks import ZygoteForks

_REAP_ALL_SEC = 5.0
_NOT_STARTED = 127
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
        self._imports = ImportTemplates(self, self._frontend, self._reapers, self._selector)
        self._pinning = CorePinning(self._frontend.log)
        self._processes: dict[int, ManagedProcess] = {}
        self._can_fork = can_fork
        self._zygote = ZygoteForks(
            self, self._frontend, self._reapers, self._selector, can_fork=can_fork
        )

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
            self._zygote.start()
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
        wake_at = min(self._zygote.due_at(), self._templates.due_at(), self._imports.due_at())
        timeout = None if wake_at == math.inf else max(0.0, wake_at - time.monotonic())
        for key, _ in self._selector.select(timeout):
            # An earlier event of this turn may have closed it; a closed socket has no number.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        if time.monotonic() >= wake_at:
            self._zygote.start_or_kill_due()
            self._templates.do_due()
            self._imports.do_due()

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
            self._imports.release(message.id)
            return
        if message.type == FrameType.IMPORTED:
            self._imports.learned(message.id, imports_of(decode_json(message.body)))
            return
        if message.id in self._processes or message.id == ZYGOTE_ID:
            raise ProtocolError(f"SPAWN with the id {message.id}, which is in use")
        try:
            spawn = Spawn.decode(message.body)
        except ProtocolError as error:
            self._report_not_started(message.id, str(error))
            return
        if len(self._processes) >= (room := process_limit() - self._imports.count):
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
        """Fork a process, or start it as a program; see `ProcessStarter`."""
        if process.spawn.start == "spawn":
            self._start_program(process)
        elif process.spawn.imports is not None and self._can_fork:
            self._imports.submit(process)
        else:
            self._zygote.submit(process)

    def fork_from_zygote(self, process: ManagedProcess) -> None:
        """Fork a process from the zygote; see `ProcessStarter`."""
        self._zygote.submit(process)

    def _signal(self, spawn_id: int, number: int) -> None:
        process = self._processes.get(spawn_id)
        if process is None:
            return  # it has ended already
        if process.pid and process.reaper is not None:
            process.reaper.signal(number)
        elif self._zygote.is_forking(process):
            process.signal = number
        elif number in (signal.SIGKILL, signal.SIGTERM):
            if self._zygote.cancel(process):
                waited_for = "the zygote"
            elif self._templates.cancel(process) or self._imports.cancel(process):
                waited_for = "its template process"
            else:
                process.signal = number
                return
            reason = f"cancelled by signal {number} before {waited_for} was ready"
            self.not_started(process, {"code": _NOT_STARTED, "error": reason})

    def cancel_start(self, process: ManagedProcess) -> None:
        """Cancel the start of a process that has no pid yet; see `ProcessStarter`."""
        if self._zygote.cancel(process) or self._imports.cancel(process):
            self.not_started(
                process, {"code": _NOT_STARTED, "error": "no worker waits for it any more"}
            )
        else:
            process.signal = signal.SIGKILL

    # Starting workers

    def _start_program(self, process: ManagedProcess) -> None:
        process.pumps, ends = self._frontend.open_pumps(process.output_id)
        read_end, process.lifeline_end = lifeline.create()
        try:
            self._reapers.start_program(process, ends[0], ends[1], read_end)
        except OSError as error:
            reason = f"its reaper cannot be started: {error}"
            self.not_started(process, {"code": _NOT_STARTED, "error": reason})
        finally:
            for end in (*ends, read_end):
                os.close(end)

    def spawn_instead(self, process: ManagedProcess, reason: str) -> None:
        """Start a process that cannot be forked as a program; see `ProgramStarter`."""
        if process.spawn.template_imports is not None:
            # As a program of its own it would share nothing.
            self.not_started(process, {"code": _NOT_STARTED, "error": reason})
            return
        what = "The template process of worker" if process.is_template else "Worker"
        self._frontend.log(f"{what} {process.spawn.worker} is spawned rather than forked: {reason}")
        self._start_program(process)

    def started(self, process: ManagedProcess, pid: int) -> None:
        """A process has a pid; see `ProcessStarter`."""
        process.pid = pid
        process.close_channel()
        if process.owner is not None:
            process.owner.started(process)
        else:
            self._pinning.started(pid, process.spawn.env)
            fields = {"pid": pid, "plain_fork": process.plain_fork}
            self._frontend.send(FrameType.SPAWNED, process.id, fields)
        if process.signal is not None and process.reaper is not None:
            process.reaper.signal(process.signal)

    def not_started(self, process: ManagedProcess, ending: Mapping[str, Any]) -> None:
        """A process could not be started; see `ProcessStarter`."""
        self._forget(process)
        if process.owner is not None:
            process.owner.not_started(process, ending)
        else:
            self._frontend.send(FrameType.EXITED, process.id, {"pid": 0, **ending})

    def drop_attempt(self, process: ManagedProcess) -> None:
        """Abandon a fork that was begun; see `ProcessStarter`."""
        process.close_lifeline()
        self._reapers.close(process)
        self._frontend.end_pumps(process.pumps)

    def _report_not_started(self, spawn_id: int, reason: str) -> None:
        fields = {"pid": 0, "code": _NOT_STARTED, "error": reason}
        self._frontend.send(FrameType.EXITED, spawn_id, fields)

    def _forget(self, process: ManagedProcess) -> None:
        """Close what belongs to a process, its last output first."""
        process.close_lifeline()
        process.close_channel()
        self._frontend.end_pumps(process.pumps)
        if not process.is_template:
            self._processes.pop(process.id, None)
        self._reapers.close(process)

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
                if pid == self._zygote.pid:
                    # While it is a zombie, its number cannot be another group's.
                    send_signal(pid, signal.SIGKILL)
                    children.reap(pid)
                    self._zygote.exited(status)
                    self._reapers.lost()
                else:
                    children.reap(pid)
        self._kill_strays()

    def _kill_strays(self) -> None:
        zygote = self._zygote.pid
        self._reapers.kill_strays(set() if zygote is None else {zygote}, self._receive_forks)

    def _receive_forks(self) -> None:
        self._zygote.receive()
        self._templates.receive()
        self._imports.receive()

    def log(self, text: str) -> None:
        """Tell the model log; see `ReaperListener`."""
        self._frontend.log(text)

    def reaper_lost(self, process: ManagedProcess) -> None:
        """A reaper has ended before it had a program; see `ReaperListener`."""
        self.not_started(process, {"code": _NOT_STARTED, "error": REAPER_LOST})

    def ended(self, process: ManagedProcess, status: Mapping[str, int]) -> None:
        """A process has ended, with all that came from it; see `ReaperListener`."""
        if process.owner is not None:
            process.owner.receive()
        self._forget(process)
        if process.owner is not None:
            process.owner.exited(process, status)
        else:
            self._pinning.ended(process.pid)
            fields = {"pid": process.pid, **status}
            self._frontend.send(FrameType.EXITED, process.id, fields)

    def _kill_all(self) -> None:
        """Kill and reap everything, as far as that takes no more than a few seconds."""
        self._zygote.kill()
        for process in (
            *self._processes.values(),
            *self._templates.abandon(),
            *self._imports.abandon(),
        ):
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

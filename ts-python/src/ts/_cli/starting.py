"""Starts a server: in the background, once it is ready, or in place of this process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from ts._cli.conditions import LOG_FILES
from ts._cli.configuration import normal_address
from ts._cli.console import logs_to_console
from ts._cli.errors import Refusal
from ts._cli.interrupts import interruptible
from ts._cli.java import Java, find_java
from ts._cli.prepared_check import PreparedCheck
from ts._cli.prepared_start import PreparedStart
from ts._cli.processes import shares_network
from ts._cli.registry import Claim, Registry, Server
from ts._cli.status import State, Status, read_status
from ts._cli.temporary import with_folder
from ts._cli.utf8 import locale_for_java

ALREADY_RUNNING = "TorchServe is already running, please use torchserve --stop to stop TorchServe."
_POLL_SEC = 0.02
_TERM_SEC = 10.0
_SHOWN_LINES = 20
_SHOWN_BYTES = 16384


def start_server(
    prepared: PreparedStart,
    registry: Registry,
    environ: Mapping[str, str],
    home: Path,
    limit_sec: float,
) -> tuple[Server, Status]:
    """Start a server that outlives this process, and return it once its listeners are open.

    Args:
        prepared: What to start.
        registry: Where to remember it.
        environ: The environment, in which Java is looked for.
        home: The folder of the package `ts`.
        limit_sec: How long the start may take; after that the server is ended.

    Raises:
        Refusal: The start failed; no process of it is left.
    """
    java = _prepare(prepared, registry, environ, home)
    claim = _claim(registry, prepared)
    status_path = registry.status_path(claim.token)
    output_path = registry.output_path(claim.token)
    console = logs_to_console(prepared.configuration, environ)
    command = prepared.command(
        java, home, environ, status_path, registry.pid_file, console=console, announces=False
    )
    output = None if console else output_path
    child = _spawn(command, output, _server_environment(environ, prepared), claim)
    try:
        with interruptible():
            server = claim.publish(child.pid)
            status = _await_start(child, status_path, limit_sec)
            if status is not None and status.state is State.STARTED:
                child.returncode = 0  # it is not ours to wait for any more
                claim.name_in_pid_file()
                return server, status
            raise _failure(status, child, output_path, registry, prepared, limit_sec)
    except BaseException:
        _end(child)
        claim.withdraw()
        registry.remove(claim.entry)
        raise
    finally:
        claim.close()


def become_server(
    prepared: PreparedStart, registry: Registry, environ: Mapping[str, str], home: Path
) -> NoReturn:
    """Run the server in place of this process: signals and the exit status go straight.

    Raises:
        Refusal: It cannot be started.
    """
    java = _prepare(prepared, registry, environ, home)
    claim = _claim(registry, prepared)
    command = prepared.command(
        java,
        home,
        environ,
        registry.status_path(claim.token),
        registry.pid_file,
        console=True,
        announces=True,
    )
    claim.take()
    claim.publish(os.getpid())
    claim.name_in_pid_file()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(command[0], command, _server_environment(environ, prepared))
    except OSError as problem:
        claim.close()
        registry.remove(claim.entry)
        raise Refusal(f"{command[0]} cannot be run: {problem.strerror}.") from problem


def print_configuration(prepared: PreparedStart, environ: Mapping[str, str], home: Path) -> int:
    """Let the frontend print every setting, and return its exit status: 1 if one is not valid.

    Raises:
        Refusal: It cannot be run.
    """
    java = _find_java(environ, home)
    return _print_output(prepared.print_command(java, home), environ)


def check(prepared: PreparedCheck, environ: Mapping[str, str], home: Path) -> int:
    """Let the frontend look at all that a start would read: 1 if something would not work.

    Raises:
        Refusal: It cannot be run.
    """
    java = _find_java(environ, home)
    return _print_output(prepared.command(java, home), environ)


def _print_output(command: Sequence[str], environ: Mapping[str, str]) -> int:
    sys.stdout.flush()
    try:
        printed = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=_java_environment(environ),
            check=False,
        )
    except OSError as problem:
        raise Refusal(f"{command[0]} cannot be run: {problem.strerror}.") from problem
    # Through here rather than straight from the JVM, which does not tell when that fails.
    sys.stdout.write(printed.stdout.decode("utf-8", errors="replace"))
    return printed.returncode


def _prepare(
    prepared: PreparedStart, registry: Registry, environ: Mapping[str, str], home: Path
) -> Java:
    wanted = prepared.configuration.listeners(environ)
    for server in registry.running():
        if not shares_network(server.process):
            continue
        taken = {normal_address(address) for address in registry.addresses(server.entry).values()}
        if wanted & taken:
            raise Refusal(ALREADY_RUNNING, familiar=True)
    return _find_java(environ, home)


def _find_java(environ: Mapping[str, str], home: Path) -> Java:
    if not any((home / "frontend").glob("*.jar")):
        raise Refusal(
            f"The frontend's jars are missing: there are none in {home / 'frontend'}. "
            "Install the wheel of torchserve-next; scripts/setup builds it from the sources."
        )
    java = find_java(environ)
    for reason in java.passed_over:
        print(f"Not used, {reason}; using {java.executable}.", file=sys.stderr)
    return java


def _claim(registry: Registry, prepared: PreparedStart) -> Claim:
    config = prepared.configuration.path
    logs = None if prepared.options.log_config else str(prepared.logs)
    return registry.claim(str(config) if config else None, str(Path.cwd()), logs)


def _server_environment(environ: Mapping[str, str], prepared: PreparedStart) -> dict[str, str]:
    server = with_folder(_java_environment(environ), prepared.temporary)
    return {**server, **prepared.log_variables}


def _java_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out empty names of folders: log4j would take them for the root of the file system.

    Where the user's locale is not one of UTF-8, the JVM gets another.
    """
    kept = {name: value for name, value in environ.items() if value or name not in LOG_FILES}
    utf8_locale = locale_for_java(environ)
    return {**kept, "LC_ALL": utf8_locale} if utf8_locale else kept


def _spawn(
    command: list[str], output_path: Path | None, environ: Mapping[str, str], claim: Claim
) -> subprocess.Popen[bytes]:
    """Run a command in its own session, away from this terminal and every pipe of ours.

    It holds the locks of its files from before it runs until it ends.

    Args:
        command: Its words.
        output_path: What it prints goes there; None for standard output.
        environ: Its environment.
        claim: Its files.
    """
    if output_path is None:
        sys.stdout.flush()
        output = os.dup(1)
    else:
        output = os.open(output_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environ,
            start_new_session=True,
            pass_fds=claim.descriptors,
            preexec_fn=claim.take,
        )
    except OSError as problem:
        claim.withdraw()
        if output_path is not None:
            output_path.unlink()
        raise Refusal(f"{command[0]} cannot be run: {problem.strerror}.") from problem
    finally:
        os.close(output)


def _await_start(
    child: subprocess.Popen[bytes], status_path: Path, limit_sec: float
) -> Status | None:
    """Return the last status: started, failed, or what there was at the end or the limit."""
    end = time.monotonic() + limit_sec
    while True:
        # In this order: a process that ends right after its last word has still said it.
        gone = child.poll() is not None
        status = read_status(status_path)
        decided = status is not None and status.state is not State.STARTING
        if decided or gone or time.monotonic() >= end:
            return status
        time.sleep(_POLL_SEC)


def _failure(
    status: Status | None,
    child: subprocess.Popen[bytes],
    output_path: Path,
    registry: Registry,
    prepared: PreparedStart,
    limit_sec: float,
) -> Refusal:
    logs = f"Logs: {prepared.logs}"
    if status is not None and status.state is State.FAILED:
        if _port_of_ours(status.reason, registry, child.pid):
            return Refusal(f"{ALREADY_RUNNING}\n{status.reason}", familiar=True)
        return Refusal(f"TorchServe could not be started. {status.reason}\n{logs}")
    exit_status = child.poll()
    if exit_status is None:
        return Refusal(f"TorchServe was not ready within {limit_sec:g} s and was ended.\n{logs}")
    how = f"with status {exit_status}" if exit_status >= 0 else f"by signal {-exit_status}"
    output = _tail(output_path)
    shown = f" Its last output:\n{output}" if output else ""
    return Refusal(f"TorchServe could not be started: the JVM ended {how}.{shown}\n{logs}")


def _port_of_ours(reason: str, registry: Registry, own_pid: int) -> bool:
    """Return whether a start failed because another server of this user has its address."""
    if "in use" not in reason.lower():
        return False
    return any(
        normal_address(address) in reason
        for server in registry.running()
        if server.process.pid != own_pid
        for address in registry.addresses(server.entry).values()
    )


def _tail(path: Path) -> str:
    try:
        text = path.read_bytes()[-_SHOWN_BYTES:].decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-_SHOWN_LINES:])


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop a server whose start failed: politely, then not."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(_TERM_SEC)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()

"""Stops a server and waits until it is really gone."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from ts._cli.errors import Refusal
from ts._cli.registry import Entry, Registry, Server
from ts._cli.temporary import named_folder

_KILL_SEC = 10.0
_DEFAULT_STOP_SEC = 30.0
_MARGIN_SEC = 40.0
"""What a server may need beyond the drain, for its workers and processes to end."""


def stop_meant(ts_config: str | None, environ: Mapping[str, str], limit_sec: float | None) -> bool:
    """Stop the server that is meant, if one runs, print how it went, and return whether one did.

    Args:
        ts_config: The file that the user names, or None.
        environ: The environment.
        limit_sec: How long it may take to stop; None for what its settings say.

    Raises:
        Refusal: Several may be meant, or it cannot be stopped.
    """
    registry = Registry(named_folder(environ).resolve())
    ts_config = environ.get("TS_CONFIG_FILE", "").strip() or ts_config
    servers = servers_that_may_be_meant(registry, ts_config, Path.cwd())
    if not servers:
        print("TorchServe is not currently running.")
        for line in servers_not_meant(registry):
            print(line, file=sys.stderr)
        return False
    if ts_config is not None and not any_uses(servers, ts_config):
        print(f"TorchServe is not currently running with {ts_config}.")
        for line in described(servers, registry):
            print(f"Not stopped: {line}", file=sys.stderr)
        return False
    server = choose_server(servers, registry, ts_config, Path.cwd())
    limit = stop_limit_of(server.entry) if limit_sec is None else limit_sec
    print(stop_server(server, registry, limit))
    return True


def choose_server(
    servers: list[Server], registry: Registry, ts_config: str | None, cwd: Path
) -> Server:
    """Return the server that is meant: the only one, or the one of the file or of the folder.

    Args:
        servers: Those that run; at least one.
        registry: What is known of them, for the message.
        ts_config: The file that the user names, or None.
        cwd: The working folder, which decides between several servers if no file is named.

    Raises:
        Refusal: None is meant, or several may be; the message lists them.
    """
    if ts_config is not None:
        named = str(Path(ts_config).absolute())
        fitting = [server for server in servers if _same_file(server.entry.config, named)]
        problem = f"None of the running servers uses {ts_config}."
    elif len(servers) == 1:
        return servers[0]
    else:
        fitting = [server for server in servers if server.entry.cwd == str(cwd)]
        problem = f"{len(servers)} servers are running, none of them from {cwd}."
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        problem = f"{len(fitting)} of the running servers fit."
    listed = "\n".join(f"  {line}" for line in described(servers, registry))
    raise Refusal(
        f"{problem} Running:\n{listed}\n"
        "Choose one by --ts-config FILE, or from the folder it was started in, "
        "or send SIGTERM to its pid."
    )


def any_uses(servers: list[Server], ts_config: str) -> bool:
    """Return whether one of them was started with that file."""
    named = str(Path(ts_config).absolute())
    return any(_same_file(server.entry.config, named) for server in servers)


def described(servers: list[Server], registry: Registry) -> list[str]:
    """Describe servers, a line for each."""
    return [_described(server, registry) for server in servers]


def servers_that_may_be_meant(registry: Registry, ts_config: str | None, cwd: Path) -> list[Server]:
    """Return the servers among which a stop chooses.

    They are those of the temporary folder. One that was started with another temporary folder is
    meant only if its file is named, or if it alone was started in the working folder: others of
    this user may run for other ends.
    """
    own = registry.running()
    others = registry.of_other_folders()
    if ts_config is not None:
        named = str(Path(ts_config).absolute())
        return own + [each for each in others if _same_file(each.entry.config, named)]
    if any(each.entry.cwd == str(cwd) for each in own):
        return own
    return own + [each for each in others if each.entry.cwd == str(cwd)]


def servers_not_meant(registry: Registry) -> list[str]:
    """Describe the servers that run although none is meant, and what stops them."""
    return [
        f"Not stopped, since it was started with another temporary folder: "
        f"{_described(server, registry)}. {_ways_to_stop(server)}"
        for server in registry.of_other_folders()
    ] + [
        f"Not stopped, since it runs in another container or on another host: the server that was "
        f"started in {entry.cwd}. Stop it there."
        for entry in registry.out_of_reach()
    ]


def _ways_to_stop(server: Server) -> str:
    """Say how a server can be stopped: its files and folders may be gone."""
    entry = server.entry
    ways = []
    if entry.config and Path(entry.config).is_file():
        ways.append("name its file by --ts-config")
    if Path(entry.cwd).is_dir():
        ways.append("stop it from the folder it was started in")
    if entry.folder.parent.is_dir():
        ways.append(f"set TEMP={entry.folder.parent}")
    else:
        ways.append(f"its temporary folder is gone: kill {server.process.pid}")
    text = ", or ".join(ways)
    return f"{text[0].upper()}{text[1:]}."


def stop_limit_of(entry: Entry) -> float:
    """Return how long a server may take to stop: its own limit for what is in flight, and more."""
    status = Registry.status(entry)
    said = status.stop_time_sec if status is not None else None
    return (_DEFAULT_STOP_SEC if said is None else said) + _MARGIN_SEC


def stop_server(server: Server, registry: Registry, limit_sec: float) -> str:
    """Stop a server and return the line that tells how it went.

    Args:
        server: Which one.
        registry: Where it is forgotten.
        limit_sec: How long it may take to finish what is in flight; then it is killed.

    Raises:
        Refusal: It cannot be stopped.
    """
    process = server.process
    try:
        if not process.signal(signal.SIGTERM):
            said = "TorchServe already stopped."
        elif process.wait(limit_sec):
            said = "TorchServe has stopped."
        else:
            process.signal(signal.SIGKILL)
            if not process.wait(_KILL_SEC):
                raise Refusal(f"TorchServe (pid {process.pid}) does not end, not even by SIGKILL.")
            said = f"TorchServe did not stop within {limit_sec:g} s and was killed."
    except PermissionError as problem:
        raise Refusal(f"TorchServe (pid {process.pid}) is not yours to stop.") from problem
    registry.remove(server.entry)
    return said


def _same_file(config: str | None, named: str) -> bool:
    return config is not None and Path(config).resolve() == Path(named).resolve()


def _described(server: Server, registry: Registry) -> str:
    entry = server.entry
    inference = registry.addresses(entry).get("inference", "address not known yet")
    config = f", config {entry.config}" if entry.config else ""
    return f"pid {server.process.pid}, {inference}, started in {entry.cwd}{config}"

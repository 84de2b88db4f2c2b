"""The running server that a command is about, and a client of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ts._cli.errors import Refusal
from ts._cli.properties import read_properties
from ts._cli.registry import Entry, Registry, Server
from ts._cli.status import State, Status
from ts._cli.stopping import (
    any_uses,
    choose_server,
    described,
    servers_not_meant,
    servers_that_may_be_meant,
)
from ts._cli.temporary import named_folder
from ts.client import Client, Tokens, Trust


class NoServer(Refusal):
    """No server runs that could be meant."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that runs, and what it has told about itself."""

    server: Server
    status: Status

    @property
    def logs(self) -> Path | None:
        """The folder of its logs, if that is known."""
        return Path(self.server.entry.logs) if self.server.entry.logs else None

    def client(self, arguments: argparse.Namespace, environ: Mapping[str, str]) -> Client:
        """Return a client that has the server's tokens, and trusts its certificate.

        Raises:
            Refusal: It has no listener yet.
        """
        addresses = self.status.addresses
        if "inference" not in addresses:
            raise Refusal(
                f"The server (pid {self.server.process.pid}) is starting and has no listener yet; "
                "torchserve wait waits for it."
            )
        return Client(
            addresses["inference"],
            addresses.get("management", addresses["inference"]),
            tokens=self.tokens(environ),
            timeout=arguments.timeout,
            trust=self._trust(arguments),
            metrics=addresses.get("metrics", addresses["inference"]),
        )

    def tokens(self, environ: Mapping[str, str]) -> Tokens:
        """Return the tokens: those of the environment, else those of the server's key file."""
        return tokens_of(environ, self.status)

    def _trust(self, arguments: argparse.Namespace) -> Trust:
        if arguments.insecure:
            return Trust(insecure=True)
        if arguments.cacert is not None:
            return Trust(ca_file=arguments.cacert)
        return trust_of(self.server.entry)


def tokens_of(environ: Mapping[str, str], status: Status) -> Tokens:
    """Return the tokens for a server, which has told where its key file is."""
    kept = Tokens()
    if status.key_file:
        try:
            kept = Tokens.read(status.key_file)
        except OSError as problem:
            raise Refusal(f"{status.key_file} cannot be read: {problem.strerror}.") from problem
        except ValueError as problem:
            raise Refusal(str(problem)) from problem
    inference = _from_environment("TS_INFERENCE_TOKEN", environ) or kept.inference
    management = _from_environment("TS_MANAGEMENT_TOKEN", environ) or kept.management
    return Tokens(inference, management, kept.api)


def trust_of(entry: Entry) -> Trust:
    """Return the certificate that a server of this machine has by its settings file."""
    try:
        values = read_properties(Path(entry.config)) if entry.config else {}
    except (OSError, ValueError):
        values = {}
    certificate = values.get("certificate_file")
    path = Path(entry.cwd, certificate) if certificate else None
    return Trust(str(path), pinned=True) if path is not None and path.is_file() else Trust()


def find_server(ts_config: str | None, environ: Mapping[str, str]) -> RunningServer:
    """Return the server that is meant: the only one, or the one of the file or of the folder.

    Raises:
        NoServer: None runs.
        Refusal: Several run, and it is not clear which is meant.
    """
    registry = Registry(named_folder(environ).resolve())
    named = environ.get("TS_CONFIG_FILE", "").strip() or ts_config
    servers = servers_that_may_be_meant(registry, named, Path.cwd())
    if not servers:
        others = "".join(
            f"\n{line.replace('Not stopped, since it', 'Not meant, since it')}"
            for line in servers_not_meant(registry)
        )
        raise NoServer(f"TorchServe is not currently running.{others}")
    if named is not None and not any_uses(servers, named):
        listed = "".join(f"\n  {line}" for line in described(servers, registry))
        raise NoServer(f"TorchServe is not currently running with {named}. Running:{listed}")
    return _running(choose_server(servers, registry, named, Path.cwd()))


def servers_here(environ: Mapping[str, str]) -> tuple[list[RunningServer], list[str]]:
    """Return every server that a command may be about, and a line for each other one."""
    registry = Registry(named_folder(environ).resolve())
    servers = servers_that_may_be_meant(registry, None, Path.cwd())
    meant = {server.process.pid for server in servers}
    others = [each for each in registry.of_other_folders() if each.process.pid not in meant]
    return [_running(server) for server in servers], described(others, registry)


def _running(server: Server) -> RunningServer:
    status = Registry.status(server.entry)
    return RunningServer(server, status if status is not None else Status(State.STARTING))


def _from_environment(name: str, environ: Mapping[str, str]) -> str | None:
    given = environ.get(name, "").strip()
    file = environ.get(f"{name}_FILE", "").strip()
    if given or not file:
        return given or None
    try:
        return Path(os.path.expanduser(file)).read_text(encoding="utf-8").strip() or None
    except OSError as problem:
        raise Refusal(f"{name}_FILE={file} cannot be read: {problem.strerror}.") from problem

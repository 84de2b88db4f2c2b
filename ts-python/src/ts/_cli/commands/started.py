"""The end of ``torchserve --start --wait``: until each model is ready or has failed."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ts._cli.commands.loading import LoadReport, watch
from ts._cli.commands.running import RunningServer, tokens_of, trust_of
from ts._cli.commands.wait import ended_meanwhile, outcome
from ts._cli.commands.words import say
from ts._cli.registry import Server
from ts._cli.status import Status
from ts.client import Client, ClientError, ServerUnreachable


def wait_for_models(
    server: Server, status: Status, environ: Mapping[str, str], limit_sec: float | None
) -> int:
    """Say how each model ends, and return the exit status. The server runs on in any case.

    Args:
        server: The one that has just been started.
        status: What it has told: its addresses, and where its tokens are.
        environ: The environment.
        limit_sec: How long to wait; None for no limit.

    Raises:
        Refusal: The server has ended meanwhile.
        KeyboardInterrupt: The user waits no more.
    """
    inference = status.addresses["inference"]
    management = status.addresses.get("management", inference)
    trust = trust_of(server.entry)
    try:
        client = Client(inference, management, tokens=tokens_of(environ, status), trust=trust)
        with client:
            loads = watch(
                client, LoadReport(sys.stdout), limit_sec=limit_sec, alive=server.process.runs
            )
    except ServerUnreachable as problem:
        if not server.process.runs():
            raise ended_meanwhile(RunningServer(server, status)) from problem
        say(f"How the models are cannot be seen: {problem}. The server runs.")
        return 1
    except (ClientError, OSError) as problem:
        say(f"How the models are cannot be seen: {problem}. The server runs.")
        return 1
    if loads.failed:
        print(
            f"Model server started, but {len(loads.failed)} of {len(loads.models)} models failed."
            " It runs on: torchserve models says more, torchserve stop ends it."
        )
    return outcome(loads, limit_sec)

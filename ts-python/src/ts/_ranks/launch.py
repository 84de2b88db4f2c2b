"""Start file of torchrun for a worker of several processes, on the loopback alone.

torchrun's own rendezvous opens two stores that listen on all interfaces without a password. The one
here has one store, on a port of 127.0.0.1 that the system chooses: it is given the socket. Run by
the model's interpreter in place of ``-m torch.distributed.run``, with its words; it imports nothing
of this package.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from typing import Any

BACKEND = "loopback"
HOST = "127.0.0.1"


def open_store() -> tuple[Any, int]:
    """Return torch's store of keys, and its port."""
    distributed: Any = importlib.import_module("torch.distributed")
    listener = socket.create_server((HOST, 0))
    port: int = listener.getsockname()[1]
    # The store owns the descriptor from here on, also where it fails.
    store = distributed.TCPStore(HOST, port, is_master=True, master_listen_fd=listener.detach())
    return store, port


def register() -> None:
    """Teach torchrun the rendezvous of one machine. Raises `ImportError` where torch is too old."""
    from torch.distributed.elastic.rendezvous import (
        RendezvousHandler,
        RendezvousInfo,
        RendezvousParameters,
        RendezvousStoreInfo,
        rendezvous_handler_registry,
    )

    distributed: Any = importlib.import_module("torch.distributed")

    class LoopbackRendezvous(RendezvousHandler):
        """The meeting of the one agent that there is, which waits for no other."""

        def __init__(self, run_id: str) -> None:
            self._run_id = run_id
            self._store, self._port = open_store()
            self._closed = False

        @property
        def use_agent_store(self) -> bool:
            return True  # ranks are clients of the same store

        def get_backend(self) -> str:
            return BACKEND

        def next_rendezvous(self) -> RendezvousInfo:
            store = distributed.PrefixStore(self._run_id, self._store)
            return RendezvousInfo(store, 0, 1, RendezvousStoreInfo(HOST, self._port))

        def is_closed(self) -> bool:
            return self._closed

        def set_closed(self) -> None:
            self._closed = True

        def num_nodes_waiting(self) -> int:
            return 0

        def get_run_id(self) -> str:
            return self._run_id

        def shutdown(self) -> bool:
            self._closed = True
            return True

    def create(parameters: RendezvousParameters) -> RendezvousHandler:
        return LoopbackRendezvous(parameters.run_id)

    rendezvous_handler_registry.register(BACKEND, create)


def rendezvous_words() -> list[str]:
    """Return the words for torchrun that say how its agent meets its ranks."""
    try:
        register()
    except ImportError as error:
        print(
            f"This torch is older than 2.5 ({error}): the store through which its ranks meet"
            " listens on all interfaces",
            file=sys.stderr,
            flush=True,
        )
        return ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{HOST}:0"]
    return ["--rdzv-backend", BACKEND, "--rdzv-endpoint", HOST]


def main(words: list[str]) -> None:
    """Run torchrun with its words; ends the process where there is none."""
    try:
        from torch.distributed.run import main as torchrun
    except ImportError as error:
        sys.exit(
            "A worker of several processes (parallelType) needs torch.distributed.run, which"
            f" {sys.executable} cannot import: {error}"
        )
    torchrun([*rendezvous_words(), "--local-addr", HOST, *words])


if __name__ == "__main__":
    # The folder of this file is no place to import from.
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.realpath(entry) != here]
    main(sys.argv[1:])

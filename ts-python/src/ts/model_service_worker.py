"""A worker that speaks the messages of TorchServe 0.12, for tests and tools that drive one.

This server starts its own workers, see ``docs/worker-protocol.md``. Handlers do not need this.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import socket
import sys
from pathlib import Path
from typing import Any

from ts._worker.failures import is_out_of_resources
from ts.arg_parser import ArgParser
from ts.async_service import AsyncService
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
from ts.model_loader import ModelLoaderFactory
from ts.protocol.otf_message_handler import (
    LOAD_MSG,
    create_load_model_response,
    retrieve_msg,
)
from ts.service import Service

MAX_FAILURE_THRESHOLD = 5
SOCKET_ACCEPT_TIMEOUT = 30.0
DEBUG = False
BENCHMARK = False

_MAX_SOCKET_NAME = 103 if sys.platform == "darwin" else 107

logger = logging.getLogger(__name__)


# What torchrun sets for a process of a group.
_RANKS = {
    "LOCAL_RANK": "LOCAL_RANK",
    "LOCAL_WORLD_SIZE": "LOCAL_WORLD_SIZE",
    "WORLD_RANK": "RANK",
    "WORLD_SIZE": "WORLD_SIZE",
}


def __getattr__(name: str) -> int:
    """Tell the place of this process in its group, 0 without one, as the environment has it."""
    if name in _RANKS:
        return int(os.environ.get(_RANKS[name], "0"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class TorchModelServiceWorker:
    """Listens for one frontend and serves one model to it.

    Args:
        s_type: ``unix`` or ``tcp``.
        s_name: Path of the Unix socket; in a group it ends in a number, to which the rank is added.
        host_addr: Address to listen on; the default is the loopback.
        port_num: Port to listen on, that of rank 0 in a group.
        metrics_config: Metrics configuration file, or None.
        async_comm: Whether the handler is a coroutine.

    Raises `ValueError` if the arguments name no socket, and `RuntimeError` if it is in use.
    """

    def __init__(
        self,
        s_type: str | None = None,
        s_name: str | None = None,
        host_addr: str | None = None,
        port_num: int | str | None = None,
        metrics_config: str | None = None,
        async_comm: bool = False,
    ) -> None:
        self.sock_type = s_type
        self.async_comm = async_comm
        rank = int(os.environ.get("LOCAL_RANK", "0"))
        if s_type == "unix":
            if not s_name:
                raise ValueError("Wrong arguments passed. No socket name given.")
            self.sock_name: str | None = _name_of_rank(s_name, rank) if rank else s_name
            _require_short(self.sock_name)
            self.port: int | None = None
            _remove_stale(Path(self.sock_name))
        elif s_type == "tcp":
            if port_num is None:
                raise ValueError("Wrong arguments passed. No socket port given.")
            self.sock_name = host_addr or "127.0.0.1"
            self.port = int(port_num) + rank
        else:
            raise ValueError(f"Incomplete data provided: socket type {s_type!r}")
        family = socket.AF_INET if s_type == "tcp" else socket.AF_UNIX
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.metrics_cache = MetricsCacheYamlImpl(metrics_config)
        self.metrics_cache.initialize_cache()

    def load_model(self, load_model_request: dict[str, Any]) -> tuple[Service | None, str, int]:
        """Load what a decoded load message names; return service, message and code.

        Only running out of memory, and a `RuntimeError`, are answers; other exceptions pass.
        """
        gpu = load_model_request.get("gpu")
        handler = load_model_request.get("handler")
        envelope = load_model_request.get("envelope")
        name = load_model_request["modelName"].decode("utf-8")
        self.metrics_cache.model_name = name
        try:
            service = ModelLoaderFactory.get_model_loader().load(
                name,
                load_model_request["modelPath"].decode("utf-8"),
                handler.decode("utf-8") if handler else None,
                None if gpu is None else int(gpu),
                int(load_model_request.get("batchSize", 1)),
                envelope.decode("utf-8") if envelope else None,
                bool(load_model_request.get("limitMaxImagePixels", True)),
                self.metrics_cache,
            )
        except (MemoryError, RuntimeError) as error:
            logger.exception("Model %s could not be loaded", name)
            if is_out_of_resources(error):
                return None, "System out of memory", 507
            return None, "Unknown exception", 500
        return service, f"loaded model {name}", 200

    def handle_connection(self, cl_socket: socket.socket) -> None:
        """Serve one frontend until it goes, which is an `EOFError`."""
        service: Service | None = None
        while True:
            command, message = retrieve_msg(cl_socket)
            if command == LOAD_MSG:
                service, result, code = self.load_model(message)
                cl_socket.sendall(create_load_model_response(code, result))
                if service is None:
                    raise RuntimeError(f"{code} - {result}")
                service.set_cl_socket(cl_socket)
                if self.async_comm:
                    AsyncService(service).run()
                continue
            if service is None:
                raise RuntimeError("The frontend asks before it has named a model")
            response = service.predict(message)
            if response is not None:
                cl_socket.sendall(response)

    def handle_connection_async(self, cl_socket: socket.socket) -> None:
        """Serve one frontend with a handler that is a coroutine, batches side by side."""
        self.async_comm = True
        self.handle_connection(cl_socket)

    def run_server(self) -> None:
        """Listen, take one connection, and serve it."""
        if self.sock_type == "unix":
            self.sock.bind(self.sock_name or "")
        else:
            self.sock.bind((self.sock_name, self.port))
        self.sock.settimeout(SOCKET_ACCEPT_TIMEOUT)
        self.sock.listen(1)
        logger.info("[PID]%d", os.getpid())
        logger.info("Torch worker started.")
        logger.info("Python runtime: %s", platform.python_version())
        with self.sock:
            cl_socket, address = self.sock.accept()
            with cl_socket:
                logger.info("Connection accepted: %s.", address or self.sock_name)
                cl_socket.settimeout(None)
                try:
                    self.handle_connection(cl_socket)
                except EOFError:
                    logger.info("Frontend disconnected.")


def _require_short(name: str) -> None:
    size = len(os.fsencode(name))
    if size > _MAX_SOCKET_NAME:
        raise ValueError(
            f"The socket name {name} has {size} bytes, expected at most {_MAX_SOCKET_NAME}"
        )


def _remove_stale(path: Path) -> None:
    """Remove what is left at a socket's place. Raises `RuntimeError` if a process listens on it."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as trial:
        trial.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # its queue is full: it is alive, too
            trial.connect(str(path))
        raise RuntimeError(f"socket already in use: {path}.")
    path.unlink(missing_ok=True)


def _name_of_rank(name: str, rank: int) -> str:
    stem, _, number = name.rpartition(".")
    return f"{stem}.{int(number) + rank}"


def main() -> None:
    """Run a worker by the arguments of 0.12."""
    # A script's own folder is on the path: the modules of this package would hide those of models.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != here]
    arguments = ArgParser.model_service_worker_args().parse_args()
    # A frontend of 0.12 reads the lines of stdout, such as the one that says that it may connect.
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    TorchModelServiceWorker(
        arguments.sock_type,
        arguments.sock_name,
        arguments.host,
        arguments.port,
        arguments.metrics_config,
        arguments.async_comm,
    ).run_server()


if __name__ == "__main__":
    main()

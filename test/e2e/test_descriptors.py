"""Few file descriptors: what is cut, what is kept, and what is said."""

from __future__ import annotations

import contextlib
import resource
import socket
import subprocess
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe


def run(server: TorchServe, limit: int, *words: str) -> subprocess.CompletedProcess[str]:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < limit:
        pytest.skip(f"this process may not have {limit} descriptors")
    return subprocess.run(
        ["/bin/sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", *server.command(*words)],
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
        check=False,
    )


def test_too_few_are_said_in_one_line(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server")
    failed = run(server, 100, *server.start_words())
    assert failed.returncode == 1
    assert failed.stdout == ("Too few file descriptors: ulimit -n is 100, expected 266 or more.\n")
    server.assert_nothing_left()


def test_connections_are_cut_and_management_and_workers_go_on(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server")
    server.store.add_directory(REPOSITORY / "test" / "models" / "commands")
    started = run(server, 320, *server.start_words("commands"))
    try:
        assert started.returncode == 0, started.stdout
        warning = "ulimit -n = 320 has no room for the connections that are configured: "
        assert f"Warning: {warning}inference_max_connections = 10000 is cut to " in started.stdout
        server.wait_ready("commands")
        session = requests.Session()
        assert session.get(f"{server.inference}/ping", timeout=30).status_code == 200
        with contextlib.ExitStack() as stack:
            for port in (server.inference_port, server.grpc_inference_port) * 200:
                with contextlib.suppress(ConnectionError):
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            assert session.get(f"{server.inference}/ping", timeout=30).status_code == 200
            assert server.registered("commands")
            scaled = requests.put(
                f"{server.management}/models/commands",
                params={"min_worker": "3", "synchronous": "true"},
                timeout=90,
            )
            assert scaled.status_code == 200, scaled.text
            assert len(server.worker_pids("commands")) == 3
        assert "Too many open files" not in server.log("ts_log.log")
        assert "EMFILE" not in server.log("ts_log.log")
    finally:
        run(server, 320, "--stop")
    server.assert_nothing_left()

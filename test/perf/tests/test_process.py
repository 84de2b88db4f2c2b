"""Servers under test as processes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil
from perf.deployment import Paths
from perf.systems.process import ServerProcess

LEAVES_A_CHILD = """
trap 'sleep 600 & echo $! >../child; exit' TERM
echo ready
while :; do sleep 0.1; done
"""


def test_what_a_server_starts_while_it_is_asked_to_end_ends_too(tmp_path: Path) -> None:
    server = ServerProcess(Paths(tmp_path, tmp_path, tmp_path, tmp_path))
    server.new_folder()
    server.launch(["sh", "-c", LEAVES_A_CHILD], {})
    while "ready" not in server.output():
        assert not server.has_ended()
    server.stop()
    child = int((tmp_path / "child").read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(child).wait(60)

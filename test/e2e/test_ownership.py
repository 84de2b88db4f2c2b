"""Servers that share folders, from different containers and with different ideas of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe, wait_for

WHERE = """
import os
import tempfile


def handle(data, context):
    return None if data is None else [f"{os.getpid()} {tempfile.gettempdir()}"] * len(data)
"""
USER = () if os.getuid() == 0 else ("--map-root-user",)
PID_NAMESPACE = ("unshare", *USER, "--pid", "--fork", "--kill-child", "--mount-proc")
MOUNT_NAMESPACE = ("unshare", *USER, "--mount")
# Everything is read-only then but the folder, which is the first word.
READ_ONLY = (
    "sh",
    "-ec",
    'mount --make-rprivate /; mount --bind "$1" "$1"; mount -o remount,bind,ro /;'
    ' cd "$1"; ! touch /tmp/written; shift; exec "$@"',
    "sh",
)


@cache
def refusal(*command: str) -> str | None:
    """Why this machine does not run such a command, or None if it does."""
    if shutil.which("unshare") is None:
        return "there is no unshare here"
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"{command[0]} is refused: {tried.stderr.strip()}"


def skip_where_refused(*command: str) -> None:
    reason = refusal(*command)
    if reason is not None:
        pytest.skip(reason)


class InAnotherPidNamespace(TorchServe):
    """A server that sees no process of others, and whose own numbers mean nothing to them."""

    def command(self, *words: str) -> list[str]:
        # The first process of a namespace gets no signal that it has not asked for.
        return [*PID_NAMESPACE, "sh", "-c", '"$@"; exit $?', "sh", *super().command(*words)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        for pid, words in self.processes().items():
            if "org.tsnext.server.ModelServer" in words and not words.startswith(("sh", "unshare")):
                os.kill(pid, number)
        self.process.wait(60)
        return super().stop(number)


class OnAReadOnlyRoot(TorchServe):
    """A server to which its own folder alone is writable."""

    def command(self, *words: str) -> list[str]:
        return [*MOUNT_NAMESPACE, *READ_ONLY, str(self.folder), *super().command(*words)]


def change_the_worker(server: TorchServe) -> None:
    """Has a worker start anew, which needs the unpacked model and the socket, and asks it."""
    before = server.predict("where", data="x").text
    for workers in (0, 1):
        requests.put(
            f"{server.management}/models/where?min_worker={workers}&synchronous=true", timeout=60
        ).raise_for_status()
    assert server.predict("where", data="x").text != before


def test_servers_in_two_pid_namespaces_leave_each_other_alone(tmp_path: Path) -> None:
    skip_where_refused(*PID_NAMESPACE)
    shared, downloads = tmp_path / "shared", tmp_path / "downloads"
    shared.mkdir()

    def folders() -> set[Path]:
        return {*shared.glob("tsnext-*"), *downloads.glob("tsnext-*")}

    servers = []
    try:
        for kind in (TorchServe, InAnotherPidNamespace, TorchServe):
            server = kind(
                tmp_path / f"server{len(servers)}",
                environment={"TMPDIR": str(shared), "TEMP": str(shared)},
                config={"model_cache": str(downloads)},
            )
            server.store.write_handler("where", WHERE)
            servers.append(server)
        outside, inside, last = servers
        outside.start("where")
        inside.start("where")
        assert len(folders()) == 4
        change_the_worker(outside)
        outside.stop(signal.SIGKILL)
        wait_for(lambda: not outside.processes(), "the processes outside to be gone")
        last.start("where")
        assert len(folders()) == 4  # those of the one that was killed are gone
        change_the_worker(inside)
    finally:
        for server in servers:
            server.stop()
    for server in servers:
        server.assert_nothing_left()
    assert folders() == set()


def test_tmpdir_alone_holds_for_the_jvm_and_for_python_and_a_stop_finds_it_under_another(
    tmp_path: Path,
) -> None:
    server = TorchServe(tmp_path / "server")
    del server.environment["TEMP"]
    server.store.write_handler("where", WHERE)
    run = {"cwd": server.folder, "capture_output": True, "text": True, "timeout": 120}
    started = subprocess.run(
        server.command(*server.start_words("where")), env=server.environment, check=False, **run
    )
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        server.wait_ready("where")
        assert server.predict("where", data="x").text.split()[1] == str(server.temp)
        assert len(list(server.temp.glob("tsnext-*"))) == 1
    finally:
        other = tmp_path / "other"
        other.mkdir()
        stopped = subprocess.run(
            server.command("--stop"),
            env={**server.environment, "TMPDIR": str(other)},
            check=False,
            **run,
        )
    assert stopped.stdout == "TorchServe has stopped.\n"
    assert list(other.iterdir()) == []
    server.assert_nothing_left()


def test_server_starts_on_a_read_only_root_with_one_writable_folder(tmp_path: Path) -> None:
    skip_where_refused(*MOUNT_NAMESPACE, *READ_ONLY, str(tmp_path))
    server = OnAReadOnlyRoot(tmp_path / "server", options=("--enable-model-api",))
    server.store.write_handler("where", WHERE)
    try:
        server.start("where")
        token = (server.folder / "key_file.json").read_text().split('"inference"')[1].split('"')[3]
        answer = wait_for(
            lambda: server.predict("where", headers={"Authorization": f"Bearer {token}"}), "answer"
        )
        assert answer.text.split()[1] == str(server.temp)
    finally:
        server.stop()
    server.assert_nothing_left()

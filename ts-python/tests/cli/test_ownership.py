"""What a running server owns stays its own, from wherever it is looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_java import FakeJava, Run, kill, wait_until
from namespaces import elsewhere
from ts._cli import ownership
from ts._cli.ownership import Abandoned, Owned, Unknown, owner_of, sees_every_lock

SOURCE = Path(__file__).parents[2] / "src"
SHARED = "1 0 8:1 / / rw - virtiofs share rw\n"


def pid_file() -> Path:
    return Path(tempfile.gettempdir(), ".model_server.pid")


def folder_of_servers() -> Path:
    return Path(tempfile.gettempdir(), f".torchserve-next-{os.getuid()}")


def files() -> dict[str, str]:
    """Everything in the folder for temporary files that tells of servers."""
    paths = [pid_file(), *folder_of_servers().iterdir()]
    return {path.name: path.read_text() for path in paths if path.exists()}


def command(home: Path, *words: str) -> list[str]:
    code = (
        "import pathlib, sys; from ts._cli.main import main; "
        f"sys.exit(main({list(words)!r}, home=pathlib.Path({str(home)!r})))"
    )
    return [sys.executable, "-c", code]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE)}


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has locked a file."""
    code = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'r+');"
        "fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB); print('locked', flush=True);"
        "time.sleep(120)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"locked\n"
        try:
            yield child
        finally:
            child.kill()


def test_kernel_tells_who_owns_a_file_until_its_owner_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    path.touch()
    host = ownership.host_mark()
    assert owner_of(path, host) == Abandoned()
    with holder(path) as process:
        assert owner_of(path, host) == Owned(process.pid)
        # The number is one of another host: it means nothing here.
        assert owner_of(path, "another-boot") == Owned(None)
    assert owner_of(path, host) == Abandoned()


def test_owner_has_no_number_in_another_pid_namespace(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    path.touch()
    code = (
        "import pathlib, sys; from ts._cli.ownership import host_mark, owner_of;"
        "print(owner_of(pathlib.Path(sys.argv[1]), host_mark()))"
    )
    with holder(path):
        seen = subprocess.run(
            elsewhere([sys.executable, "-c", code, str(path)]),
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
    assert seen.stdout == "Owned(pid=None)\n"


def test_what_cannot_be_judged_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "entry"
    assert owner_of(path, ownership.host_mark()) == Unknown()
    path.touch()
    (tmp_path / "mounts").write_text(SHARED)
    monkeypatch.setattr(ownership, "_MOUNTS", tmp_path / "mounts")
    monkeypatch.setattr(ownership, "sees_every_lock", lambda _: False)
    assert owner_of(path, "another-boot") == Unknown()
    assert owner_of(path, None) == Unknown()
    assert owner_of(path, ownership.host_mark()) == Abandoned()


@pytest.mark.parametrize(
    ("file_system", "seen"),
    [
        ("ext4 /dev/a rw", True),
        ("overlay overlay rw,lowerdir=/a", True),
        ("nfs4 host:/export rw,local_lock=none", True),
        ("nfs host:/export rw,local_lock=all", False),
        ("cifs //host/share rw,nobrl", False),
        ("9p share rw", False),
        ("of-tomorrow share rw", False),
    ],
)
def test_type_of_the_file_system_tells_whose_locks_are_seen(
    tmp_path: Path, file_system: str, seen: bool
) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    escaped = str(folder).replace(" ", "\\040")
    outer = "9p x rw" if seen else "ext4 /dev/a rw"
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"1 0 8:1 / / rw shared:1 - {outer}\nnot a line of it\n"
        f"2 1 0:9 / {escaped} rw,noatime shared:7 - {file_system}\n"
        f"3 1 0:9 / {escaped}-beside rw - bpf none rw\n"
    )
    assert sees_every_lock(folder, mounts) is seen


def test_command_in_another_pid_namespace_leaves_a_running_server_alone(
    java: FakeJava, run: Run, home: Path
) -> None:
    run("--model-store", "store")
    before = files()
    java.does(exits=1)

    stop = subprocess.run(
        elsewhere(command(home, "--stop")),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    subprocess.run(
        elsewhere(command(home, "--foreground", "--model-store", "store")),
        env=environment(),
        capture_output=True,
        check=False,
    )

    assert stop.stdout == "TorchServe is not currently running.\n"
    assert "another container" in stop.stderr
    assert files().items() >= before.items()
    assert run("--stop").out == "TorchServe has stopped.\n"


def test_server_in_another_pid_namespace_is_stopped_from_outside_only(
    java: FakeJava, run: Run, home: Path
) -> None:
    started = subprocess.Popen(
        elsewhere(command(home, "--foreground", "--model-store", "store")), env=environment()
    )
    try:
        wait_until(lambda: bool(list(folder_of_servers().glob("*.status"))), 30)
        assert java.records()[-1]["pid"] < 10  # its number there, which is another process here
        before = files()

        # Another server has the folder, too; it is told apart although both numbers may be alike.
        Path("config.properties").write_text(
            "inference_address=http://127.0.0.1:9080\nmanagement_address=http://127.0.0.1:9081\n"
        )
        java.starts({"inference": "http://127.0.0.1:9080", "management": "http://127.0.0.1:9081"})
        assert run("--model-store", "store").status == 0
        assert files().items() >= before.items()
        assert run("--stop", "--ts-config", "config.properties").status == 0
        assert files() == before
        assert started.poll() is None

        assert run("--stop").out == "TorchServe has stopped.\n"
        started.wait(60)
        assert files() == {}
    finally:
        started.kill()
        started.wait()


def test_forged_numbers_in_the_files_change_nothing(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    pid = java.records()[-1]["pid"]
    pid_file().write_text("4194999")
    entry = next(folder_of_servers().glob("*.json"))
    with entry.open("r+") as file:  # in place: it stays the file that is locked
        said = json.load(file)
        file.seek(0)
        json.dump({**said, "process": {"pid": 1, "started": "0"}}, file)
    Path("config.properties").write_text("inference_address=http://127.0.0.1:9080\n")
    java.starts({"inference": "http://127.0.0.1:9080"})

    assert run("--model-store", "store").status == 1  # the management address is taken
    Path("config.properties").write_text(
        "inference_address=http://127.0.0.1:9080\nmanagement_address=http://127.0.0.1:9081\n"
    )
    assert run("--model-store", "store").status == 0

    assert pid_file().read_text() == "4194999"
    assert entry.exists()
    kill(java.records()[-1]["pid"])
    assert run("--stop").out == "TorchServe has stopped.\n"
    wait_until(lambda: not Path(f"/proc/{pid}/cmdline").read_bytes())


def test_entry_of_another_host_stays_where_its_lock_is_not_seen(
    java: FakeJava, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--model-store", "store")
    kill(java.records()[-1]["pid"])
    entry = next(folder_of_servers().glob("*.json"))
    entry.write_text(json.dumps({**json.loads(entry.read_text()), "host": "another-boot"}))
    with monkeypatch.context() as patched:
        patched.setattr(ownership, "sees_every_lock", lambda _: False)
        assert run("--stop").out == "TorchServe is not currently running.\n"
        assert entry.exists()
    assert run("--stop").out == "TorchServe is not currently running.\n"
    assert not entry.exists()

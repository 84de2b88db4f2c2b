from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fake_java import FakeJava, Run, kill
from ts._cli.registry import Entry
from ts._cli.stopping import stop_limit_of


def pid_file() -> Path:
    return Path(tempfile.gettempdir(), ".model_server.pid")


def folder_of_servers() -> Path:
    return Path(tempfile.gettempdir(), f".torchserve-next-{os.getuid()}")


def gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def start_two(java: FakeJava, run: Run) -> tuple[int, int]:
    """Start one server from ./one and one from ./two with a config of its own."""
    pids = []
    for number, name in enumerate(("one", "two")):
        port = 9000 + 10 * number
        folder = Path(name).absolute()
        folder.mkdir()
        addresses = [f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"]
        (folder / "config.properties").write_text(
            f"inference_address={addresses[0]}\nmanagement_address={addresses[1]}\n"
        )
        java.starts({"inference": addresses[0], "management": addresses[1]})
        os.chdir(folder)
        assert run("--model-store", "../store").status == 0
        os.chdir("..")
        pids.append(java.records()[-1]["pid"])
    return pids[0], pids[1]


def test_not_running(run: Run) -> None:
    outcome = run("--stop")
    assert (outcome.status, outcome.out) == (0, "TorchServe is not currently running.\n")


def test_stop_waits_until_the_process_is_gone_and_forgets_it(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    pid = java.records()[-1]["pid"]

    outcome = run("--stop")

    assert (outcome.status, outcome.out) == (0, "TorchServe has stopped.\n")
    assert gone(pid)
    assert list(folder_of_servers().iterdir()) == []
    assert not pid_file().exists()
    assert run("--stop").out == "TorchServe is not currently running.\n"


def test_stop_with_foreground_is_the_same(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    assert run("--stop", "--foreground").out == "TorchServe has stopped.\n"


def test_server_that_does_not_stop_is_killed(java: FakeJava, run: Run) -> None:
    java.starts()
    java.does(**{**java.told, "ignores_term": True})
    run("--model-store", "store")

    outcome = run("--stop", stop_limit_sec=0.3)

    assert outcome.status == 0
    assert "did not stop within 0.3 s and was killed" in outcome.out
    assert gone(java.records()[-1]["pid"])


def test_killed_server_is_not_running(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    kill(java.records()[-1]["pid"])

    assert run("--stop").out == "TorchServe is not currently running.\n"

    assert not pid_file().exists()


def test_of_two_servers_the_folder_chooses(
    java: FakeJava, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = start_two(java, run)
    monkeypatch.chdir("two")

    assert run("--stop").status == 0

    assert gone(two)
    assert not gone(one)
    assert pid_file().read_text() == str(one)


def test_of_two_servers_the_config_chooses(java: FakeJava, run: Run) -> None:
    one, two = start_two(java, run)

    assert run("--stop", "--ts-config", "two/config.properties").status == 0

    assert (gone(one), gone(two)) == (False, True)


def test_of_two_servers_none_is_guessed(java: FakeJava, run: Run) -> None:
    one, two = start_two(java, run)

    outcome = run("--stop")

    assert outcome.status == 1
    assert not gone(one)
    assert not gone(two)
    for text in (f"pid {one}", f"pid {two}", "http://127.0.0.1:9000", "--ts-config FILE"):
        assert text in outcome.err


def test_config_of_no_server_stops_none(java: FakeJava, run: Run) -> None:
    Path("other.properties").touch()
    alone = run("--stop", "--ts-config", "other.properties")
    run("--model-store", "store")

    outcome = run("--stop", "--ts-config", "other.properties")

    assert (alone.status, outcome.status) == (0, 0)
    assert "TorchServe is not currently running with other.properties." in outcome.out
    assert f"Not stopped: pid {java.records()[-1]['pid']}" in outcome.err
    assert not gone(java.records()[-1]["pid"])


def test_a_look_at_the_servers_changes_nothing(java: FakeJava, run: Run) -> None:
    start_two(java, run)
    before = {path: path.read_text() for path in folder_of_servers().iterdir()}

    assert run("--stop").status == 1

    assert {path: path.read_text() for path in folder_of_servers().iterdir()} == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_server_is_found_although_its_file_was_cleaned_away(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    for path in (*folder_of_servers().iterdir(), pid_file()):
        path.unlink()
    Path("config.properties").touch()

    assert run("--stop", "--ts-config", "config.properties").out == "TorchServe has stopped.\n"

    assert gone(java.records()[-1]["pid"])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_program_with_the_words_of_a_server_that_owns_no_file_is_not_one(
    java: FakeJava, run: Run
) -> None:
    run("--model-store", "store")
    entry = next(folder_of_servers().glob("*.json"))
    status = entry.with_suffix(".status")
    kill(java.records()[-1]["pid"])
    words = ["-c", "input()", "org.tsnext.server.ModelServer", "--status-file", str(status)]
    other = subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE)
    try:
        assert run("--stop").out == "TorchServe is not currently running.\n"
        assert other.poll() is None
    finally:
        other.communicate(b"\n")


def test_number_given_to_another_process_is_left_alone(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    pid = java.records()[-1]["pid"]
    kill(pid)
    entry = next(folder_of_servers().glob("*.json"))
    entry.write_text(entry.read_text().replace(str(pid), str(os.getpid())))

    assert run("--stop").out == "TorchServe is not currently running.\n"


@pytest.mark.parametrize(("said", "seconds"), [(None, 70), ({}, 70), ({"stop_time_sec": 35}, 75)])
def test_time_to_stop_follows_the_servers_own_limit(
    said: dict[str, int] | None, seconds: float
) -> None:
    if said is not None:
        Path("token.status").write_text(json.dumps({"state": "started", **said}))
    assert stop_limit_of(Entry(Path(), "token")) == seconds

"""What a handler starts ends with its worker, whatever it does to get away."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from ts._protocol.frames import FrameType

TORCH = True

HANDLER = """
import multiprocessing, os, signal, subprocess, sys, time

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]

def note(pid):
    with open("pids", "a") as file:
        file.write(f"{pid}\\n")

def forever():
    note(os.getpid())
    while True:
        time.sleep(600)

def session(**more):
    note(subprocess.Popen(SLEEP, start_new_session=True, **more).pid)

def other_environment():
    session(env={})

def daemon():
    # As init scripts do it: fork, a session, fork, and no parent any more.
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("..") if False else None
            forever()
        os._exit(0)
    os.wait()

def deaf():
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        forever()

def stopped():
    process = subprocess.Popen(SLEEP, start_new_session=True)
    os.kill(process.pid, signal.SIGSTOP)
    note(process.pid)

def tree():
    # A session below a session below a session.
    if os.fork() == 0:
        for _ in range(5):
            os.setsid()
            note(os.getpid())
            if os.fork() != 0:
                time.sleep(600)
        forever()

def chain():
    # Each process lives for a moment only: there is always a younger one.
    if os.fork() == 0:
        while True:
            if os.fork():
                os._exit(0)
            os.setsid()
            with open("chain", "w") as file:
                file.write(str(os.getpid()))

def pool():
    global kept
    kept = multiprocessing.get_context("spawn").Pool(2)
    for process in kept._pool:
        note(process.pid)

def loader():
    global kept
    import torch.utils.data
    kept = iter(torch.utils.data.DataLoader(list(range(1000)), num_workers=2))
    for process in kept._workers:
        note(process.pid)

def wait_for(count):
    while sum(1 for _ in open("pids")) < count:
        time.sleep(0.01)

def handle(data, context):
    if data is None:
        if os.path.exists("load_starts_one"):
            session()
        return None
    word = data[0]["body"]
    if word == "parent":
        os.kill(os.getppid(), signal.SIGTERM)
    elif word == "exit":
        os._exit(7)
    elif word != "x":
        globals()[word]()
    return [os.getppid()]
"""

WAYS = {
    "session": 1,
    "other_environment": 1,
    "daemon": 1,
    "deaf": 1,
    "stopped": 1,
    "tree": 6,
    "pool": 2,
    "loader": 2,
}


def started(folder: Path, until: Any, count: int) -> list[int]:
    path = folder / "pids"

    def pids() -> list[int]:
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [int(line) for line in lines] if len(lines) >= count else []

    found: list[int] = until(pids, f"{count} processes")
    return found


def ask(worker: Any, request_of: Any, word: str) -> Any:
    return worker.ask(request_of(word.encode(), "text/plain"))[0]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_handler_started_is_gone_before_its_workers_end_is_told(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any, way: str
) -> None:
    folder = model(HANDLER)
    worker = shared_frontend.loaded("fork", folder)
    spawn_id = worker.hello["launch"]
    ask(worker, request_of, way)
    pids = started(folder, until, WAYS[way])
    assert all(map(alive, pids))
    worker.close()
    assert shared_frontend.exit_of(spawn_id)["code"] == 0
    assert [pid for pid in pids if alive(pid)] == []


@pytest.mark.parametrize("end", ["killed", "crashed"])
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_the_same_holds_however_the_worker_was_started_and_ends(
    shared_frontend: Any,
    model: Any,
    request_of: Any,
    until: Any,
    alive: Any,
    start: str,
    end: str,
) -> None:
    folder = model(HANDLER)
    worker = shared_frontend.loaded(start, folder)
    spawn_id = worker.hello["launch"]
    for word in ("session", "daemon", "deaf"):
        ask(worker, request_of, word)
    pids = started(folder, until, 3)
    if end == "killed":
        shared_frontend.send(FrameType.SIGNAL, spawn_id, {"signal": 9})
        expected = {"pid": worker.hello["pid"], "signal": 9}
    else:
        worker.predict(request_of(b"exit", "text/plain"))
        expected = {"pid": worker.hello["pid"], "code": 7}
    assert shared_frontend.exit_of(spawn_id) == expected
    assert [pid for pid in pids if alive(pid)] == []


def test_processes_that_fork_without_end_are_ended_in_bounded_time(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    folder = model(HANDLER)
    worker = shared_frontend.loaded("fork", folder)
    ask(worker, request_of, "chain")
    until(lambda: (folder / "chain").exists(), "the chain")
    worker.close()
    shared_frontend.exit_of(worker.hello["launch"])
    text = (folder / "chain").read_text()
    assert not text or not alive(int(text))
    # Its latest link is not followed by another one.
    time.sleep(0.2)
    assert (folder / "chain").read_text() == text


def test_other_workers_and_what_they_started_stay(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    folder = model(HANDLER)
    first, second = (shared_frontend.loaded("fork", folder) for _ in range(2))
    ask(first, request_of, "daemon")
    ask(second, request_of, "daemon")
    ask(second, request_of, "session")
    pids = started(folder, until, 3)
    first.close()
    shared_frontend.exit_of(first.hello["launch"])
    assert [alive(pid) for pid in pids].count(True) == 2
    assert ask(second, request_of, "x")
    second.close()
    shared_frontend.exit_of(second.hello["launch"])
    assert not any(map(alive, pids))


def test_orphans_of_a_worker_that_lives_are_reaped_meanwhile(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    folder = model(HANDLER)
    worker = shared_frontend.loaded("fork", folder)
    ask(worker, request_of, "daemon")
    (pid,) = started(folder, until, 1)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the orphan to be reaped")
    assert ask(worker, request_of, "x")
    worker.close()


def test_signal_that_a_handler_sends_to_its_parent_changes_nothing(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    worker = shared_frontend.loaded("fork", model(HANDLER))
    parent = int(ask(worker, request_of, "parent").body)
    assert parent != shared_frontend.init.pid
    assert int(ask(worker, request_of, "x").body) == parent
    worker.close()


def test_worker_whose_reaper_is_killed_goes_with_all_it_started(
    make_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    frontend = make_frontend()
    folder = model(HANDLER)
    worker, other = (frontend.loaded("fork", folder) for _ in range(2))
    reaper = int(ask(worker, request_of, "session").body)
    ask(worker, request_of, "tree")
    pids = started(folder, until, 7)
    os.kill(reaper, signal.SIGKILL)
    assert frontend.exit_of(worker.hello["launch"])["signal"] == 9
    until(lambda: not any(map(alive, [worker.hello["pid"], *pids])), "everything to die")
    assert ask(other, request_of, "x")
    assert frontend.find("ZYGOTE_EXITED", 0) == []


def test_template_process_takes_what_its_model_started_and_leaves_workers_alone(
    make_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    frontend = make_frontend()
    folder = model(HANDLER)
    (folder / "load_starts_one").touch()
    spawn_ids = [frontend.spawn_from_template(folder) for _ in range(2)]
    workers = [frontend.worker(spawn_id) for spawn_id in spawn_ids]
    for worker in workers:
        worker.load(folder, "handler")
        until(lambda worker=worker: worker.loaded, "the load")
    (of_load,) = started(folder, until, 1)
    ask(workers[0], request_of, "daemon")
    of_worker = started(folder, until, 2)[1]
    frontend.send(FrameType.RELEASE, frontend.template)
    until(lambda: not alive(of_load), "what the load started to die")
    assert alive(of_worker)
    for worker in workers:
        assert ask(worker, request_of, "x")
    workers[0].close()
    frontend.exit_of(spawn_ids[0])
    assert not alive(of_worker)
    assert ask(workers[1], request_of, "x")


@pytest.mark.parametrize("ends", ["init", "frontend"])
@pytest.mark.parametrize("start", ["fork", "spawn", "preload"])
def test_nothing_survives_init_or_the_frontend(
    make_frontend: Any,
    model: Any,
    request_of: Any,
    until: Any,
    alive: Any,
    start: str,
    ends: str,
) -> None:
    frontend = make_frontend()
    folder = model(HANDLER)
    if start == "preload":
        worker = frontend.worker(frontend.spawn_from_template(folder))
        worker.load(folder, "handler")
        until(lambda: worker.loaded, "the load")
    else:
        worker = frontend.loaded(start, folder)
    reaper = int(ask(worker, request_of, "x").body)
    for word in ("session", "daemon", "deaf", "stopped"):
        ask(worker, request_of, word)
    pids = [worker.hello["pid"], reaper, *started(folder, until, 4)]
    if ends == "init":
        frontend.init.kill()
        frontend.init.wait()
        until(lambda: not any(map(alive, pids)), "everything to die")
    else:
        frontend.init.stdin.close()
        assert frontend.init.wait(60) == 0
        until(lambda: not any(map(alive, pids)), "everything to die")

"""``preloadModel``: one process loads the model; its forks serve it, and compute rightly."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ts._protocol.frames import FrameType

TORCH = True

HANDLER = """
import os, random
import numpy, torch

a = torch.arange(400 * 400, dtype=torch.float64).reshape(400, 400)
image = torch.ones(4, 3, 64, 64)
kernel = torch.ones(8, 3, 3, 3)
loads = []

def compute():
    return (a @ a.T).sum().item(), torch.nn.functional.conv2d(image, kernel).sum().item()

def handle(data, context):
    if data is None:
        print("loading")
        numpy.ones((300, 300)) @ numpy.ones((300, 300))
        loads.append((os.getpid(), torch.get_num_threads(), compute()))
        return None
    draws = [random.random(), float(numpy.random.rand()), float(torch.rand(1))]
    return [{"pid": os.getpid(), "loads": loads, "threads": torch.get_num_threads(),
             "computed": compute(), "draws": draws, "gpu": context.system_properties["gpu_id"],
             "cwd": os.getcwd()}]
"""
EXPECTED = [
    (lambda a: (a @ a.T).sum().item())(
        torch.arange(400 * 400, dtype=torch.float64).reshape(400, 400)
    ),
    8 * 4 * 62 * 62 * 27.0,
]


@pytest.fixture
def frontend(shared_frontend: Any) -> Iterator[Any]:
    """The module's frontend, with template processes of the test's own."""
    shared_frontend.template += 10
    yield shared_frontend
    for worker in shared_frontend.workers.values():
        worker.close()
    for number in range(shared_frontend.template, shared_frontend.template + 10):
        shared_frontend.send(FrameType.RELEASE, number)


def ready(frontend: Any, folder: Path, spawn_id: int, until: Any) -> Any:
    worker = frontend.worker(spawn_id)
    worker.load(folder, "handler")
    until(lambda: worker.loaded or worker.failed, f"the load; {frontend.lines}")
    return worker


def facts(worker: Any, request_of: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(worker.ask(request_of(b""))[0].body)
    return answer


def children(frontend: Any) -> set[int]:
    path = Path(f"/proc/{frontend.init.pid}/task/{frontend.init.pid}/children")
    return set(map(int, path.read_text().split()))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_share_one_load_and_compute_with_two_threads(
    frontend: Any, model: Any, request_of: Any, until: Any, alive: Any, start: str
) -> None:
    folder = model(HANDLER)
    spawn_ids = [frontend.spawn_from_template(folder, start=start, threads=2) for _ in range(3)]
    workers = [ready(frontend, folder, spawn_id, until) for spawn_id in spawn_ids]
    answers = [facts(worker, request_of) for worker in workers]
    template, threads, computed = answers[0]["loads"][0]
    assert threads == 1
    assert computed == EXPECTED
    for answer in answers:
        assert answer["loads"] == answers[0]["loads"]
        assert len(answer["loads"]) == 1
        assert (answer["threads"], answer["computed"]) == (2, EXPECTED)
        assert (answer["gpu"], answer["cwd"]) == (None, str(folder))
    assert [answer["pid"] for answer in answers] == [
        frontend.pid(spawn_id) for spawn_id in spawn_ids
    ]
    for generator in zip(*(answer["draws"] for answer in answers), strict=True):
        assert len(set(generator)) == 3
    assert alive(template)
    until(lambda: frontend.text(spawn_ids[0], stderr=False), "what was printed")
    assert frontend.text(spawn_ids[0], stderr=False).splitlines()[0] == "loading"
    workers[0].close()
    assert frontend.exit_of(spawn_ids[0])["code"] == 0
    frontend.send(FrameType.RELEASE, frontend.template)
    until(lambda: not alive(template), "the template process to end")
    assert facts(workers[1], request_of)["computed"] == EXPECTED


def test_lost_worker_is_forked_again_and_a_lost_template_loads_again(
    frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    folder = model(HANDLER)
    spawn_id = frontend.spawn_from_template(folder)
    first = ready(frontend, folder, spawn_id, until)
    template = facts(first, request_of)["loads"][0][0]
    os.kill(first.hello["pid"], signal.SIGKILL)
    assert frontend.exit_of(spawn_id)["signal"] == signal.SIGKILL
    second = ready(frontend, folder, frontend.spawn_from_template(folder), until)
    assert facts(second, request_of)["loads"][0][0] == template
    os.kill(template, signal.SIGKILL)
    until(
        lambda: "the model is loaded again" in frontend.text(0), "the end of the template process"
    )
    assert facts(second, request_of)["computed"] == EXPECTED, "its workers go on"
    third = ready(frontend, folder, frontend.spawn_from_template(folder), until)
    assert facts(third, request_of)["loads"][0][0] not in (template, third.hello["pid"])


def test_models_have_template_processes_of_their_own(
    frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    folder = model(HANDLER)
    spawn_ids = [frontend.spawn_from_template(folder, template) for template in (0, 1, 0)]
    workers = [ready(frontend, folder, spawn_id, until) for spawn_id in spawn_ids]
    templates = [facts(worker, request_of)["loads"][0][0] for worker in workers]
    assert templates[0] == templates[2] != templates[1]
    frontend.send(FrameType.RELEASE, frontend.template)
    until(lambda: not alive(templates[0]), "the end of the first")
    assert alive(templates[1])


FAILING = """
import os
def handle(data, context):
    with open("loads", "a") as file:
        file.write("x")
    while not os.path.exists("go"):
        pass
    {failure}
"""


def test_failed_load_is_told_to_every_worker_and_tried_again_for_the_next(
    frontend: Any, model: Any, until: Any
) -> None:
    before = children(frontend)
    folder = model(FAILING.format(failure="raise ValueError('no such layer')"))
    spawn_ids = [frontend.spawn_from_template(folder) for _ in range(2)]
    until(lambda: (folder / "loads").exists(), "the load")
    (folder / "go").touch()
    for spawn_id in spawn_ids:
        worker = ready(frontend, folder, spawn_id, until)
        assert worker.failed["detail"].startswith("ValueError: no such layer (handler.py:")
        assert "in handle" in worker.failed["traceback"]
        assert worker.failed["code"] == 500
        assert frontend.exit_of(spawn_id)["code"] == 3
    assert (folder / "loads").read_text() == "x"
    until(lambda: children(frontend) <= before, "the template process to end")
    assert ready(frontend, folder, frontend.spawn_from_template(folder), until).failed
    assert (folder / "loads").read_text() == "xx"


@pytest.mark.parametrize(
    ("failure", "ending"),
    [("os.kill(os.getpid(), 9)", {"signal": 9}), ("os._exit(5)", {"code": 5})],
)
def test_template_that_dies_while_it_loads_is_the_end_of_those_that_wait(
    frontend: Any, model: Any, until: Any, failure: str, ending: dict[str, int]
) -> None:
    folder = model(FAILING.format(failure=failure))
    spawn_ids = [frontend.spawn_from_template(folder) for _ in range(2)]
    until(lambda: (folder / "loads").exists(), "the load")
    (folder / "go").touch()
    for spawn_id in spawn_ids:
        assert frontend.exit_of(spawn_id) == {"pid": 0, **ending}


def test_load_that_no_worker_waits_for_is_ended(frontend: Any, model: Any, until: Any) -> None:
    before = children(frontend)
    folder = model(FAILING.format(failure="pass"))
    spawn_ids = [frontend.spawn_from_template(folder) for _ in range(2)]
    until(lambda: (folder / "loads").exists(), "the load")
    loading = children(frontend)
    frontend.send(FrameType.SIGNAL, spawn_ids[0], {"signal": 9})
    exited = frontend.exit_of(spawn_ids[0])
    assert exited["error"] == "cancelled by signal 9 before its template process was ready"
    assert children(frontend) == loading, "the other one waits"
    frontend.send(FrameType.SIGNAL, spawn_ids[1], {"signal": 9})
    frontend.exit_of(spawn_ids[1])
    until(lambda: children(frontend) <= before, "the end of the template process")


def test_released_while_it_loads_it_ends_at_once(frontend: Any, model: Any, until: Any) -> None:
    before = children(frontend)
    folder = model(FAILING.format(failure="pass"))
    spawn_id = frontend.spawn_from_template(folder)
    until(lambda: (folder / "loads").exists(), "the load")
    frontend.send(FrameType.RELEASE, frontend.template)
    frontend.send(FrameType.RELEASE, 999_999)
    assert frontend.exit_of(spawn_id)["error"] == "its model is no longer served"
    until(lambda: children(frontend) <= before, "the end of the template process")


THREAD = """
import threading, time
    threading.Thread(target=time.sleep, args=(600,), name="mine", daemon=True).start()
"""
POOL = """
import torch
    torch.set_num_threads(4)
    torch.nn.functional.conv2d(torch.ones(8, 3, 99, 99), torch.ones(8, 3, 3, 3))
"""
CONNECTION = """
import socket
    server = socket.create_server(("127.0.0.1", 0))
    context.kept = [server, socket.create_connection(server.getsockname())]
"""


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (THREAD, "started threads that still run (mine)"),
        (POOL, "started threads that still run ("),
        (CONNECTION, "opened network connections (127.0.0.1:"),
    ],
)
def test_model_that_does_not_survive_a_fork_is_refused_with_the_reason(
    frontend: Any, model: Any, until: Any, start: str, reason: str
) -> None:
    folder = model(f"def handle(data, context):\n    {start.strip()}\n")
    worker = ready(frontend, folder, frontend.spawn_from_template(folder), until)
    assert worker.failed
    assert reason in worker.failed["detail"]
    assert "PreloadError: preloadModel cannot be used" in worker.failed["detail"]


SHARES = """
import atexit, os, tempfile
from ts.metrics.dimension import Dimension

def end():
    with open("ends", "a") as file:
        file.write(f"{os.getpid()} ")

def handle(data, context):
    if data is None:
        context.folder = tempfile.TemporaryDirectory()
        context.file = open(os.path.join(context.folder.name, "f"), "w+")
        context.metrics.add_counter("Loads", 1, None, [Dimension("ModelName", "m")])
        atexit.register(end)
        return None
    if data[0]["body"] == "end":
        own = tempfile.TemporaryDirectory()
        context.own = own
        atexit.register(end)
        return [own.name]
    context.file.write("x")
    return [context.folder.name]
"""


def test_what_the_load_made_is_removed_by_the_template_alone(
    frontend: Any, model: Any, request_of: Any, until: Any
) -> None:
    folder = model(SHARES)
    spawn_ids = [frontend.spawn_from_template(folder) for _ in range(2)]
    workers = [ready(frontend, folder, spawn_id, until) for spawn_id in spawn_ids]
    shared = workers[0].ask(request_of(b"x", "text/plain"))[0].body.decode()
    own = workers[0].ask(request_of(b"end", "text/plain"))[0].body.decode()
    workers[0].close()
    assert frontend.exit_of(spawn_ids[0])["code"] == 0
    assert (folder / "ends").read_text().split() == [str(frontend.pid(spawn_ids[0]))]
    assert not os.path.exists(own)
    assert workers[1].ask(request_of(b"x", "text/plain"))[0].body.decode() == shared
    assert os.path.exists(shared)
    frontend.send(FrameType.RELEASE, frontend.template)
    until(lambda: not os.path.exists(shared), "the template process to clean up")
    assert len((folder / "ends").read_text().split()) == 2
    counted = [sample.name for worker in workers for sample in worker.metrics]
    assert counted.count("Loads") == 1


def test_template_dies_with_init(
    make_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any
) -> None:
    frontend = make_frontend()
    folder = model(HANDLER)
    worker = ready(frontend, folder, frontend.spawn_from_template(folder), until)
    pids = [facts(worker, request_of)["loads"][0][0], worker.hello["pid"]]
    frontend.init.kill()
    frontend.init.wait()
    until(lambda: not any(map(alive, pids)), "everything to die")


def test_nothing_is_left_of_a_load_when_the_frontend_goes(
    make_frontend: Any, model: Any, until: Any, alive: Any
) -> None:
    frontend = make_frontend()
    folder = model(FAILING.format(failure="pass"))
    frontend.spawn_from_template(folder)
    until(lambda: (folder / "loads").exists(), "the load")
    pids = children(frontend)
    frontend.init.stdin.close()
    assert frontend.init.wait(60) == 0
    assert not any(map(alive, pids))

"""Workers are forks of a process that has imported what their handlers need."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from ts._protocol.frames import FrameType

from .conftest import (
    HANDLER,
    HEAVY,
    Site,
    descends,
    facts,
    loaded,
    plain_fork,
    ready,
    templates,
)

TORCH = True


def test_workers_of_versions_with_the_same_imports_share_one_import(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY + "os.environ['SET_BY_HEAVY'] = 'yes'\n")
    one, other = folder("one", "import heavy"), folder("other", "import heavy")
    workers = [ready(frontend, one, until, 1), ready(frontend, one, until, 1)]
    workers.append(ready(frontend, other, until, 2))
    found = [facts(worker, request_of) for worker in workers]
    assert len({fact["token"] for fact in found}) == 1
    assert len({fact["pid"] for fact in found}) == 3
    assert found[0]["imported_in"] == templates(frontend)[0]
    assert [fact["variable"] for fact in found] == ["yes"] * 3
    assert [fact["cwd"] for fact in found] == [str(one), str(one), str(other)]
    assert [plain_fork(frontend, worker) for worker in workers] == [None] * 3
    frontend.send(FrameType.RELEASE, frontend.template + 1)
    assert len(templates(frontend)) == 1
    frontend.send(FrameType.RELEASE, frontend.template + 2)
    until(lambda: not templates(frontend), "the end of what no version uses")
    assert facts(workers[0], request_of)["token"] == found[0]["token"]


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True,"
            " name='poller').start()",
            "importing heavy started threads that still run (poller)",
        ),
        (
            "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()",
            "importing heavy opened network sockets (127.0.0.1:",
        ),
        (
            "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)",
            "importing heavy set a signal handler",
        ),
        ("import os; os.chdir('/tmp')", "importing heavy changed the working folder"),
        ("import tempfile; t = tempfile.mkdtemp()", "importing heavy made the temporary file"),
        (
            "import subprocess; p = subprocess.Popen(['sleep', '600'])",
            "importing heavy started a process",
        ),
        (
            "import os\nif not __import__('ts._zygote.child'): pass\n"
            "if open('/proc/self/comm').read() == 'ts-imports\\n': raise ValueError('not here')",
            "importing heavy failed: ValueError: not here",
        ),
        (
            "import os\nif open('/proc/self/comm').read() == 'ts-imports\\n': os._exit(3)",
            "the process that imports ended with code 3",
        ),
        (
            "import os\nif open('/proc/self/comm').read() == 'ts-imports\\n':"
            " os.kill(os.getpid(), 9)",
            "the process that imports ended with signal 9",
        ),
        (
            "import torch; torch.cuda.is_initialized = lambda: True",
            "importing heavy initialised an accelerator",
        ),
        (
            # As a library would that speaks to a driver without torch.
            "import ts._imports.perform as p; p._DEVICES = ('/dev/zero',); f = open('/dev/zero')",
            "importing heavy initialised an accelerator",
        ),
        (
            "import resource\nif open('/proc/self/comm').read() == 'ts-imports\\n':\n"
            "    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, -1)); bytearray(1 << 30)",
            "importing heavy failed: MemoryError: ",
        ),
    ],
)
def test_import_that_cannot_be_shared_is_done_by_each_worker_and_the_reason_is_told(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any, effect: str, reason: str
) -> None:
    site.package("heavy", HEAVY + effect + "\n")
    path = folder("m", "import heavy")
    workers = [ready(frontend, path, until) for _ in range(2)]
    for worker in workers:
        fact = facts(worker, request_of)
        assert fact["imported_in"] == fact["pid"]
        assert (plain_fork(frontend, worker) or "").startswith(reason)
    assert reason in frontend.text(0)
    until(lambda: not templates(frontend), "the end of the template process")


def test_import_that_cannot_be_shared_is_not_tried_again_at_the_next_start(
    frontend: Any, site: Site, folder: Any, tmp_path: Path, request_of: Any, until: Any
) -> None:
    log = tmp_path / "imported-by"
    log.touch()
    site.package(
        "heavy",
        HEAVY + f"open({str(log)!r}, 'a').write(open('/proc/self/comm').read())\n"
        "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)\n",
    )
    history = str(tmp_path / "history")
    path = folder("m", "import heavy")
    first = ready(frontend, path, until, 1, history=history)
    until(lambda: list((tmp_path / "history").glob("*.json")), "the refusal to be kept")
    frontend.send(FrameType.RELEASE, frontend.template + 1)
    second = ready(frontend, path, until, 2, history=history)
    for worker in (first, second):
        assert plain_fork(frontend, worker) == "importing heavy set a signal handler"
    assert log.read_text().count("ts-imports") == 1


def test_template_that_is_lost_comes_back_for_those_that_used_it_alone(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY)
    users, plain = (
        folder("users", "import heavy"),
        folder("plain", "", "def handle(d, c): return []"),
    )
    ready(frontend, users, until, 1)
    ready(frontend, plain, until, 2)
    (template,) = templates(frontend)
    os.kill(template, signal.SIGKILL)
    until(lambda: templates(frontend) not in ([], [template]), "the next template process")
    (following,) = templates(frontend)
    until(
        lambda: facts(ready(frontend, users, until, 1), request_of)["imported_in"] == following,
        "a worker of it",
    )
    worker = ready(frontend, plain, until, 2)
    assert not descends(Path(f"/proc/{worker.hello['pid']}"), following)


def test_worker_does_not_wait_for_an_import_that_hangs(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    hang = "import time\nif open('/proc/self/comm').read() == 'ts-imports\\n': time.sleep(600)\n"
    site.package("heavy", HEAVY + hang)
    path = folder("m", "import heavy")
    frontend.wait_for("READY")
    begun = time.monotonic()
    worker = ready(frontend, path, until)
    assert time.monotonic() - begun < 30
    fact = facts(worker, request_of)
    assert fact["imported_in"] == fact["pid"]
    assert plain_fork(frontend, worker) == "its imports take long"
    again = ready(frontend, path, until)
    assert facts(again, request_of)["pid"] == again.hello["pid"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_template_that_is_killed_or_stopped_costs_no_worker_and_comes_back(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any, number: int
) -> None:
    site.package("heavy", HEAVY)
    path = folder("m", "import heavy")
    first = ready(frontend, path, until)
    (template,) = templates(frontend)
    os.kill(template, number)
    second = ready(frontend, path, until)
    assert facts(first, request_of)["imported_in"] == template
    assert facts(second, request_of)["pid"] == second.hello["pid"]

    def shares() -> bool:
        fact = facts(ready(frontend, path, until), request_of)
        return fact["imported_in"] not in (template, fact["pid"])

    until(shares, "a worker of the next template process")


def test_what_a_worker_has_imported_is_there_for_the_next_one_and_the_next_start(
    frontend: Any, site: Site, folder: Any, tmp_path: Path, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY, modules=30)
    path = folder(
        "m",
        "def load(): import heavy",
        HANDLER.replace("if data is None:", "if data is None:\n        load()"),
    )
    history = str(tmp_path / "history")
    worker = ready(frontend, path, until, history=history)
    imported = worker.loaded["imported"]
    assert {"heavy", "heavy.part29"} <= set(imported)
    assert facts(worker, request_of)["imported_in"] == worker.hello["pid"]
    frontend.send(FrameType.IMPORTED, frontend.template + 1, {"names": imported})
    until(lambda: list((tmp_path / "history").glob("*.json")), "the imports to be kept")
    next_one = ready(frontend, path, until, history=history)
    assert facts(next_one, request_of)["imported_in"] in templates(frontend)
    assert "imported" not in next_one.loaded
    # The next start: nothing but the folder is known of the version.
    frontend.send(FrameType.RELEASE, frontend.template + 1)
    until(lambda: not templates(frontend), "the end of the template process")
    fact = facts(ready(frontend, path, until, 2, history=history), request_of)
    assert fact["imported_in"] in templates(frontend)


TRANSFORMERS = """
def __getattr__(name):
    if name == "ToyForTests":
        import heavy
        return heavy
    raise AttributeError(name)
"""


@pytest.mark.parametrize("place", [".", "checkpoint"])
def test_classes_that_the_files_of_a_checkpoint_name_are_imported_for_all(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any, place: str
) -> None:
    site.package("heavy", HEAVY)
    site.package("transformers", TRANSFORMERS)
    path = folder("m", "import transformers")
    (path / place).mkdir(exist_ok=True)
    config = {"architectures": ["ToyForTests", "Unknown", "os.system", 3]}
    (path / place / "config.json").write_text(json.dumps(config))
    (path / place / "tokenizer_config.json").write_text("[]")
    facts_of = [facts(ready(frontend, path, until), request_of) for _ in range(2)]
    assert {fact["imported_in"] for fact in facts_of} == {*templates(frontend)}


def test_class_that_cannot_be_shared_leaves_the_other_imports_shared(
    frontend: Any, site: Site, folder: Any, tmp_path: Path, request_of: Any, until: Any
) -> None:
    effect = "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)\n"
    site.package("heavy", HEAVY + effect)
    site.package("transformers", TRANSFORMERS)
    path = folder("m", "import transformers")
    (path / "config.json").write_text('{"architectures": ["ToyForTests"]}')
    history = tmp_path / "history"
    first = ready(frontend, path, until, history=str(history))
    assert "set a signal handler" in plain_fork(frontend, first)
    second = ready(frontend, path, until, history=str(history))
    assert plain_fork(frontend, second) is None
    fact = facts(second, request_of)
    assert fact["imported_in"] == fact["pid"]
    assert len(templates(frontend)) == 1
    assert not history.exists(), "no refusal is kept"


def test_names_that_are_given_are_imported_and_nothing_is_learnt(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY)
    site.package("many", modules=40)
    path = folder("m", "import many")
    worker = ready(frontend, path, until, names=["heavy"])
    assert facts(worker, request_of)["imported_in"] in templates(frontend)
    frontend.send(FrameType.IMPORTED, frontend.template + 1, {"names": worker.loaded["imported"]})
    frontend.send(FrameType.IMPORTED, frontend.template + 99, {"names": ["unknown.version"]})
    second = ready(frontend, path, until, names=["heavy"])
    assert "many.part39" in second.loaded["imported"]
    assert len(templates(frontend)) == 1


def test_model_with_a_module_of_an_imported_name_gets_its_own(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY + "import inner\n")
    site.package("inner")
    path = folder("m", "import heavy, inner", HANDLER.replace("heavy.TOKEN", "inner.__file__"))
    (path / "inner.py").write_text("")
    worker = ready(frontend, path, until)
    assert facts(worker, request_of)["token"] == str(path / "inner.py")
    assert "the model has modules of its own for inner" in (plain_fork(frontend, worker) or "")


REBEL = """
import multiprocessing, os, signal, sys
import heavy
sys.path.insert(0, "/nowhere")
sys.modules["json"] = None
os.environ["REBEL"] = "yes"
os.chdir("/")
signal.signal(signal.SIGUSR1, lambda *_: None)
multiprocessing.set_start_method("spawn", force=True)
heavy.TOKEN = "changed"
def handle(data, context):
    return ["x" for _ in data or ()]
"""
WITNESS = """
import multiprocessing, os, signal, sys
import heavy
def handle(data, context):
    return [[heavy.TOKEN, heavy.PID == os.getppid(), "/nowhere" in sys.path, "REBEL" in os.environ,
             os.getcwd(), signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL,
             multiprocessing.get_start_method(allow_none=True)] for _ in data or ()]
"""


def test_what_a_handler_changes_when_it_is_imported_reaches_no_other_worker(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY)
    witness, rebel = folder("witness", "", WITNESS), folder("rebel", "", REBEL)
    before = ready(frontend, witness, until).ask(request_of(b""))[0].body
    for _ in range(2):
        assert ready(frontend, rebel, until, 2).loaded
    assert len(templates(frontend)) == 1
    after = ready(frontend, witness, until).ask(request_of(b""))[0].body
    assert json.loads(after) == json.loads(before)
    assert json.loads(after)[2:5] == [False, False, str(witness)]


def test_preloaded_model_is_loaded_on_top_of_shared_imports(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY)
    path = folder("m", "import heavy")
    wanted = {"version": frontend.template + 1, "handler": "handler.py"}
    spawned = [frontend.spawn_from_template(path, imports=wanted) for _ in range(2)]
    workers = [loaded(frontend, spawn_id, path, until) for spawn_id in spawned]
    workers.append(ready(frontend, path, until, 2))
    found = [facts(worker, request_of)["imported_in"] for worker in workers]
    assert found == templates(frontend) * 3


def test_processes_are_bounded_when_many_models_need_different_imports(
    frontend: Any, site: Site, folder: Any, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY)
    workers = []
    for number in range(12):
        site.package(f"extra{number}")
        path = folder(f"m{number}", f"import heavy, extra{number}")
        workers.append(ready(frontend, path, until, number + 1))
    assert len(templates(frontend)) == 8
    shared = [facts(worker, request_of)["imported_in"] != worker.hello["pid"] for worker in workers]
    assert shared == [True] * 8 + [False] * 4
    reason = "as many template processes run as may be"
    assert [plain_fork(frontend, worker) for worker in workers[8:]] == [reason] * 4
    for worker in workers:
        worker.close()


def test_nothing_is_left_of_template_processes_when_the_frontend_goes(
    make_frontend: Any, site: Site, folder: Any, until: Any, alive: Any
) -> None:
    site.package("heavy", HEAVY)
    frontend = make_frontend(python_path=site.folder)
    worker = ready(frontend, folder("m", "import heavy"), until)
    pids = [*templates(frontend), worker.hello["pid"]]
    os.kill(frontend.init.pid, signal.SIGKILL)
    until(lambda: not any(map(alive, pids)), "the end of all")

"""However a process ends, nothing is left behind, and the end is reported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SLEEPER = """
import os, subprocess, sys, time
def handle(data, context):
    if data is None:
        return None
    word = data[0]["body"]
    if word == "hang":
        pids = [os.getpid()]
        pids.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
        detached = [sys.executable, "-c", "import time; time.sleep(600)"]
        pids.append(subprocess.Popen(detached, start_new_session=True).pid)
        with open("pids", "w") as file:
            file.write(" ".join(map(str, pids)) + " end")
        sum(range(10 ** 12))  # C code that never lets another Python thread run
    if word == "crash":
        os.kill(os.getpid(), 11)
    return [os.getpid()]
"""


def hang(frontend: Any, start: str, folder: Path, request_of: Any, until: Any) -> list[int]:
    """Let a worker hang in C; return its pid, a child's, and that of a child in its own session."""
    worker = frontend.loaded(start, folder)
    worker.predict(request_of(b"hang", "text/plain"))
    path = folder / "pids"
    until(lambda: path.exists() and path.read_text().endswith("end"), "the handler to hang")
    pids = [int(word) for word in path.read_text().split()[:-1]]
    path.unlink()
    return pids


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_that_hangs_dies_with_init(
    make_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any, start: str
) -> None:
    frontend = make_frontend()
    zygote = frontend.wait_for("READY")["pid"]
    worker, child, detached = hang(frontend, start, model(SLEEPER), request_of, until)
    frontend.init.kill()
    frontend.init.wait()
    pids = (worker, child, detached, zygote)
    until(lambda: not any(map(alive, pids)), "everything to die")


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_nothing_is_left_when_the_frontend_goes(
    make_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any, start: str
) -> None:
    frontend = make_frontend()
    zygote = frontend.wait_for("READY")["pid"]
    pids = hang(frontend, start, model(SLEEPER), request_of, until)
    frontend.init.stdin.close()
    assert frontend.init.wait(60) == 0
    assert not any(map(alive, [*pids, zygote]))


def test_shutdown_reports_what_it_ends(make_frontend: Any, model: Any) -> None:
    from ts._protocol.frames import FrameType

    frontend = make_frontend()
    spawn_id = frontend.spawn("fork", model(SLEEPER))
    frontend.worker(spawn_id)
    frontend.send(FrameType.SHUTDOWN, 0)
    assert frontend.init.wait(60) == 0
    assert frontend.exit_of(spawn_id)["signal"] == signal.SIGKILL


def test_zygote_may_die_and_workers_do_not_notice(
    frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(SLEEPER)
    spawn_id = frontend.spawn("fork", folder)
    worker = frontend.worker(spawn_id)
    worker.load(folder, "handler")
    os.kill(frontend.wait_for("READY")["pid"], signal.SIGKILL)
    assert frontend.wait_for("ZYGOTE_EXITED") == {"signal": 9}
    assert (
        worker.ask(request_of(b"x", "text/plain"))[0].body == str(frontend.pid(spawn_id)).encode()
    )
    # Init is the worker's parent, so its end is known although its zygote is gone.
    worker.close()
    assert frontend.exit_of(spawn_id)["code"] == 0
    waits = frontend.spawn("fork", folder)
    frontend.wait_for("READY", count=2)
    assert frontend.worker(waits).hello["pid"] == frontend.pid(waits)


def test_zygote_that_hangs_is_replaced_and_its_worker_started_otherwise(
    frontend: Any, model: Any, request_of: Any
) -> None:
    zygote = frontend.wait_for("READY")["pid"]
    os.kill(zygote, signal.SIGSTOP)
    worker = frontend.loaded("fork", model(SLEEPER))
    assert worker.ask(request_of(b"x", "text/plain"))[0].body == str(frontend.pid(1)).encode()
    assert frontend.find("ZYGOTE_EXITED", 0) == [{"signal": 9}]
    assert "spawned rather than forked: the zygote ended with signal 9" in frontend.text(0)
    assert frontend.wait_for("READY", count=2)["pid"] != zygote


def test_exit_is_told_once_with_its_signal_after_the_last_line(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(SLEEPER)
    spawn_id = shared_frontend.spawn("fork", folder)
    worker = shared_frontend.worker(spawn_id)
    worker.load(folder, "handler")
    worker.predict(request_of(b"crash", "text/plain"))
    assert shared_frontend.exit_of(spawn_id)["signal"] == signal.SIGSEGV
    kinds = [kind for kind, i, _ in shared_frontend.messages if i == spawn_id]
    assert kinds.count("EXITED") == 1
    assert kinds[-1] == "EXITED"
    assert "Segmentation fault" in shared_frontend.text(spawn_id, stderr=True)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_signal_goes_to_the_whole_group(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, alive: Any, start: str
) -> None:
    from ts._protocol.frames import FrameType

    worker, child, detached = hang(shared_frontend, start, model(SLEEPER), request_of, until)
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w.hello["pid"] == worker)
    shared_frontend.send(FrameType.SIGNAL, spawn_id, {"signal": 9})
    assert shared_frontend.exit_of(spawn_id) == {"pid": worker, "signal": 9}
    assert not any(map(alive, (child, detached))), "they go before the end is told"
    shared_frontend.send(FrameType.SIGNAL, spawn_id, {"signal": 9})
    shared_frontend.send(FrameType.SIGNAL, 12345, {"signal": 9})


def test_children_die_with_their_worker(
    shared_frontend: Any, model: Any, until: Any, alive: Any, request_of: Any
) -> None:
    folder = model(
        """
import subprocess, sys
def handle(data, context):
    if data is None:
        return None
    return [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid]
"""
    )
    worker = shared_frontend.loaded("fork", folder)
    child = int(worker.ask(request_of(b""))[0].body)
    assert alive(child)
    worker.close()
    until(lambda: not alive(child), "the child to die")


def test_worker_that_cannot_be_started_says_why(shared_frontend: Any, tmp_path: Path) -> None:
    spawn_id = shared_frontend.spawn("spawn", tmp_path, python="/nowhere/python")
    exited = shared_frontend.exit_of(spawn_id)
    assert (exited["pid"], exited["code"]) == (0, 127)
    assert "/nowhere/python" in exited["error"]
    bad = shared_frontend.spawn("teleport", tmp_path)
    assert "teleport" in shared_frontend.exit_of(bad)["error"]


def test_spawn_request_that_waits_for_the_zygote_can_be_cancelled(
    make_frontend: Any, model: Any, tmp_path: Path
) -> None:
    from ts._protocol.frames import FrameType

    (tmp_path / "numpy.py").write_text("import time; time.sleep(600)")
    frontend = make_frontend(python_path=tmp_path)
    spawn_id = frontend.spawn("fork", model(SLEEPER))
    frontend.send(FrameType.SIGNAL, spawn_id, {"signal": 9})
    exited = frontend.exit_of(spawn_id)
    assert (exited["pid"], exited["code"]) == (0, 127)
    assert not frontend.find("READY", 0)


def test_import_that_kills_the_zygote_means_spawning(
    make_frontend: Any, model: Any, tmp_path: Path, request_of: Any
) -> None:
    (tmp_path / "torch.py").write_text("import os; os._exit(42)")
    frontend = make_frontend(python_path=tmp_path)
    worker = frontend.loaded("fork", model(SLEEPER))
    assert int(worker.ask(request_of(b"x", "text/plain"))[0].body) == frontend.pid(1)
    assert frontend.find("ZYGOTE_EXITED", 0)[0] == {"code": 42}
    assert "spawned rather than forked: the zygote ended with code 42" in frontend.text(0)


def test_torch_that_cannot_be_imported_is_told_and_forks_go_on(
    make_frontend: Any, model: Any, tmp_path: Path, request_of: Any
) -> None:
    (tmp_path / "torch.py").write_text("print('hello'); raise RuntimeError('no driver')")
    frontend = make_frontend(python_path=tmp_path)
    assert "torch" not in frontend.wait_for("READY")
    assert "no driver" in frontend.text(0)
    worker = frontend.loaded("fork", model(SLEEPER))
    assert worker.ask(request_of(b"x", "text/plain"))


def test_neither_the_script_folder_nor_the_cwd_shadows_modules(
    make_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model("import zygote\ndef handle(data, context):\n    return data\n")
    (folder / "selectors.py").write_text("raise RuntimeError('shadowed')")
    frontend = make_frontend(cwd=folder, env={"PYTHONPATH": ":"})
    spawn_id = frontend.spawn("fork", folder)
    worker = frontend.worker(spawn_id)
    worker.load(folder, "handler")
    frontend.exit_of(spawn_id)
    assert worker.failed["detail"].startswith(
        "ModuleNotFoundError: No module named 'zygote' (handler.py:1)"
    )


def test_garbage_from_the_frontend_ends_init(make_frontend: Any) -> None:
    frontend = make_frontend()
    frontend.init.stdin.write(b"\xff" * 64)
    frontend.init.stdin.flush()
    assert frontend.init.wait(60) == 4


def test_init_runs_through_a_symbolic_link(tmp_path: Path) -> None:
    """A symbolic link to the package, as editable installs have them."""
    import ts

    link = tmp_path / "link"
    link.symlink_to(Path(ts.__file__).parent)
    process = subprocess.run(
        [sys.executable, str(link / "_zygote" / "init.py")],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr

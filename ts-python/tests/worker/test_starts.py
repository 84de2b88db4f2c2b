"""Workers start both ways, answer, and end with the right code."""

from __future__ import annotations

import array
import fcntl
import json
import os
import resource
import signal
import termios
from pathlib import Path
from typing import Any

import pytest
import torch

TORCH = True

ECHO = """
import os
def handle(data, context):
    if data is None:
        return None
    return [{"body": str(row.get("body")), "pid": os.getpid(), "cwd": os.getcwd()} for row in data]
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_loads_answers_and_ends_with_code_0(
    shared_frontend: Any, model: Any, request_of: Any, start: str
) -> None:
    folder = model(ECHO)
    spawn_id = shared_frontend.spawn(start, folder)
    worker = shared_frontend.worker(spawn_id)
    assert worker.hello["pid"] == shared_frontend.pid(spawn_id)
    worker.load(folder, "handler.py", batch_size=2)
    first, second = worker.ask(request_of(b"one", "text/plain"), request_of(b"two"))
    assert b'"body": "one"' in first.body
    assert b"bytearray(b'two')" in second.body
    assert f'"cwd": "{folder}"'.encode() in first.body
    assert worker.loaded["message"] == "loaded model m"
    worker.close()
    exited = shared_frontend.exit_of(spawn_id)
    assert exited == {"pid": worker.hello["pid"], "code": 0}
    text = shared_frontend.text(spawn_id, stderr=False)
    assert f"[PID]{exited['pid']}\nTorch worker started.\nPython runtime: 3" in text
    assert "model_name: m, batchSize: 2" in text
    assert shared_frontend.text(spawn_id, stderr=True) == ""


RANDOM = """
import random
import numpy, torch
def handle(data, context):
    if data is None:
        return None
    return [[random.random(), float(numpy.random.rand()), float(torch.rand(1))]]
"""


def test_forked_workers_draw_different_random_numbers(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(RANDOM)
    workers = [shared_frontend.loaded("fork", folder) for _ in range(3)]
    draws = [json.loads(worker.ask(request_of(b""))[0].body) for worker in workers]
    for generator in zip(*draws, strict=True):
        assert len(set(generator)) == 3
    for worker in workers:
        worker.close()


TORCH = """
import torch
def handle(data, context):
    if data is None:
        return None
    a = torch.arange(400 * 400, dtype=torch.float64).reshape(400, 400)
    product = (a @ a.T).sum().item()
    image = torch.nn.functional.conv2d(torch.ones(4, 3, 64, 64), torch.ones(8, 3, 3, 3))
    return [{"threads": torch.get_num_threads(), "product": product, "conv": image.sum().item()}]
"""


def test_torch_computes_in_forked_workers_with_two_threads(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(TORCH)
    spawn_ids = [shared_frontend.spawn("fork", folder, threads=2) for _ in range(2)]
    for spawn_id in spawn_ids:
        shared_frontend.worker(spawn_id).load(folder, "handler")
    for spawn_id in spawn_ids:
        (answer,) = shared_frontend.worker(spawn_id).ask(request_of(b""))
        a = torch.arange(400 * 400, dtype=torch.float64).reshape(400, 400)
        expected = {"threads": 2, "product": (a @ a.T).sum().item(), "conv": 8 * 4 * 62 * 62 * 27.0}
        assert json.loads(answer.body) == expected
        shared_frontend.worker(spawn_id).close()


WHOSE = """
import yaml
def handle(data, context):
    return [yaml.WHOSE for _ in data or ()]
"""


def test_module_of_the_model_wins_over_one_the_zygote_has_imported(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = _with_its_own_yaml(model)
    spawn_id = shared_frontend.spawn("fork", folder)
    worker = shared_frontend.worker(spawn_id)
    worker.load(folder, "handler")
    assert worker.ask(request_of(b""))[0].body == b"the model"
    assert "the model has modules of its own for yaml" in shared_frontend.text(0)
    worker.close()


def test_worker_that_is_not_forked_starts_once_however_late_init_hears_of_it(
    make_frontend: Any, model: Any, request_of: Any, until: Any, state: Any
) -> None:
    frontend = make_frontend()
    init, zygote = frontend.init.pid, frontend.wait_for("READY")["pid"]
    folder = _with_its_own_yaml(model)
    os.kill(zygote, signal.SIGSTOP)
    spawn_id = frontend.spawn("fork", folder)
    until(lambda: state(init) == "S" and not _unread(frontend.init.stdin), "the order")
    os.kill(init, signal.SIGSTOP)
    os.kill(zygote, signal.SIGCONT)
    # The refusal and the end of the channel to a reaper that never was are here together.
    until(lambda: state(zygote) == "S", "the refusal of the zygote")
    os.kill(init, signal.SIGCONT)
    worker = frontend.worker(spawn_id)
    worker.load(folder, "handler")
    assert worker.ask(request_of(b""))[0].body == b"the model"
    worker.close()
    assert frontend.exit_of(spawn_id) == {"pid": worker.hello["pid"], "code": 0}
    assert len(frontend.find("EXITED", spawn_id)) == 1


def _with_its_own_yaml(model: Any) -> Path:
    folder: Path = model(WHOSE)
    (folder / "yaml.py").write_text("WHOSE = 'the model'\ndef safe_load(text): return {}\n")
    return folder


def _unread(pipe: Any) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


LINES = """
import logging, os, sys, time
print("module")
def handle(data, context):
    if data is None:
        return None
    print("out Zürich")
    sys.stderr.write("err\\n")
    logging.getLogger("x").info("logged")
    sys.stdout.write("x" * 100_000 + "\\n")
    with open("/dev/stdout", "w") as file:
        file.write("by path\\n")
    os.system("echo from a child")
    sys.stdout.write("no line feed")
    sys.stdout.flush()
    open("written", "w").close()
    time.sleep(float(data[0]["body"]))
    return ["x"]
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_output_arrives_at_once_line_by_line(
    shared_frontend: Any, model: Any, request_of: Any, until: Any, start: str
) -> None:
    folder = model(LINES)
    spawn_id = shared_frontend.spawn(start, folder)
    worker = shared_frontend.worker(spawn_id)
    worker.load(folder, "handler")
    batch = worker.predict(request_of(b"600", "text/plain"))
    until(lambda: "from a child" in shared_frontend.text(spawn_id), "the output")
    until((folder / "written").exists, "the unfinished line to be written")
    assert not worker.of(batch)
    assert "err" in shared_frontend.text(spawn_id, stderr=True)
    lines = [line for i, _, line in list(shared_frontend.lines) if i == spawn_id]
    for line in ("module", "out Zürich", "logged", "by path", "from a child"):
        assert line in lines
    assert [len(line) for line in lines if line.startswith("xx")] == [65536, 100_000 - 65536]
    from ts._protocol.frames import FrameType

    shared_frontend.send(FrameType.SIGNAL, spawn_id, {"signal": 15})
    assert shared_frontend.exit_of(spawn_id)["signal"] == 15
    until(lambda: "no line feed" in shared_frontend.text(spawn_id), "the unfinished line")


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_environment_path_and_folder_are_the_orders_own(
    shared_frontend: Any, tmp_path: Path, request_of: Any, start: str
) -> None:
    model_dir, extra = tmp_path / "model", tmp_path / "extra"
    model_dir.mkdir()
    extra.mkdir()
    (extra / "helper.py").write_text("VALUE = 'helped'")
    (model_dir / "handler.py").write_text(
        "import json, os, subprocess, sys, helper\n"
        "def handle(data, context):\n"
        "    if data is None: return None\n"
        "    child = 'import helper; print(helper.VALUE)'\n"
        "    text = subprocess.check_output([sys.executable, '-c', child], text=True).strip()\n"
        "    return [[os.environ.get('ONLY'), os.environ.get('HOME'), helper.VALUE, text,"
        " sys.path[:2], os.getcwd(), os.read(0, 1) == b'']]\n"
    )
    env = {"ONLY": "this", "PATH": os.environ["PATH"]}
    spawn_id = shared_frontend.spawn(start, model_dir, env=env, path=[str(model_dir), str(extra)])
    worker = shared_frontend.worker(spawn_id)
    worker.load(model_dir, "handler")
    (answer,) = worker.ask(request_of(b""))
    paths = [str(model_dir), str(extra)]
    expected = ["this", None, "helped", "helped", paths, str(model_dir), True]
    assert json.loads(answer.body) == expected
    worker.close()


def test_secret_is_neither_in_arguments_nor_in_the_environment(
    shared_frontend: Any, model: Any
) -> None:
    for start in ("fork", "spawn"):
        spawn_id = shared_frontend.spawn(start, model(ECHO))
        pid = shared_frontend.worker(spawn_id).hello["pid"]
        secret = shared_frontend.secrets[spawn_id].encode()
        assert secret not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert secret not in Path(f"/proc/{pid}/environ").read_bytes()
        shared_frontend.worker(spawn_id).close()


def test_no_descriptor_of_the_zygote_stays_open(
    shared_frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(
        "import os\n"
        "def handle(data, context):\n"
        "    if data is None: return None\n"
        "    numbers = sorted(map(int, os.listdir('/proc/self/fd')))\n"
        "    names = [f'/proc/self/fd/{n}' for n in numbers]\n"
        "    # The folder that was listed is closed again.\n"
        "    return [[os.readlink(n).partition(':')[0] for n in names if os.path.lexists(n)]]\n"
    )
    worker = shared_frontend.loaded("fork", folder)
    (answer,) = worker.ask(request_of(b""))
    kinds = json.loads(answer.body)
    assert kinds[:3] == ["/dev/null", "pipe", "pipe"]
    assert sorted(kinds[3:]) == ["pipe", "socket"]
    worker.close()


@pytest.mark.parametrize(
    ("code", "status", "detail"),
    [
        ("raise ValueError('broken')", 500, "ValueError: broken"),
        ("import nothing_of_this_name", 500, "No module named 'nothing_of_this_name'"),
        ("raise MemoryError()", 507, "MemoryError"),
        ("import torch; raise torch.OutOfMemoryError('no room')", 507, "no room"),
        ("raise RuntimeError('CUDA out of memory')", 500, "CUDA out of memory"),
        ("import sys; sys.exit(5)", 500, "SystemExit: 5"),
        ("x = 1", 500, "Expected only one class"),
    ],
)
def test_failed_load_is_told_and_ends_the_worker_with_code_3(
    shared_frontend: Any, model: Any, code: str, status: int, detail: str, until: Any
) -> None:
    folder = model(code + "\n")
    spawn_id = shared_frontend.spawn("fork", folder)
    worker = shared_frontend.worker(spawn_id)
    worker.load(folder, "handler")
    assert shared_frontend.exit_of(spawn_id)["code"] == 3
    until(lambda: worker.failed, "FAILED")
    assert worker.failed["code"] == status
    assert detail in worker.failed["detail"]
    assert "Traceback" in worker.failed["traceback"]
    # The frontend logs it: the traceback once, however often the worker is started again.
    assert "Traceback" not in shared_frontend.text(spawn_id, stderr=True)


def test_broken_metrics_configuration_is_logged_and_not_fatal(
    shared_frontend: Any, model: Any, request_of: Any, tmp_path: Path, until: Any
) -> None:
    folder = model(ECHO)
    bad = tmp_path / "metrics.yaml"
    bad.write_text("model_metrics: [")
    worker = shared_frontend.loaded("fork", folder, metrics_config=str(bad))
    assert worker.ask(request_of(b""))
    spawn_id = next(i for i, w in shared_frontend.workers.items() if w is worker)
    until(lambda: "metrics.yaml" in shared_frontend.text(spawn_id), "the error")
    worker.close()


def test_worker_whose_frontend_is_not_there_ends(shared_frontend: Any, model: Any) -> None:
    spawn_id = shared_frontend.spawn("fork", model(ECHO), address="unix:/nowhere/w")
    assert shared_frontend.exit_of(spawn_id)["code"] == 1
    assert "FileNotFoundError" in shared_frontend.text(spawn_id, stderr=True)


def test_many_workers_start_at_once(shared_frontend: Any, model: Any, request_of: Any) -> None:
    folder = model(ECHO)
    spawn_ids = [shared_frontend.spawn("fork", folder) for _ in range(12)]
    for spawn_id in spawn_ids:
        shared_frontend.worker(spawn_id).load(folder, "handler")
    for spawn_id in spawn_ids:
        worker = shared_frontend.worker(spawn_id)
        assert worker.ask(request_of(b""))
        worker.close()
    assert all(shared_frontend.exit_of(spawn_id)["code"] == 0 for spawn_id in spawn_ids)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")
def test_worker_beyond_the_descriptors_is_refused_and_the_others_go_on(
    frontend: Any, model: Any, request_of: Any
) -> None:
    folder = model(ECHO)
    limit = 60  # two workers
    resource.prlimit(frontend.init.pid, resource.RLIMIT_NOFILE, (limit, limit))
    spawn_ids = [frontend.spawn("spawn", folder) for _ in range(2)]
    for spawn_id in spawn_ids:
        frontend.worker(spawn_id).load(folder, "handler")
    assert frontend.exit_of(frontend.spawn("spawn", folder)) == {
        "pid": 0,
        "code": 127,
        "error": "ulimit -n leaves room for 2 workers; raise it for more",
    }
    for spawn_id in spawn_ids:
        assert frontend.worker(spawn_id).ask(request_of(b""))


MANY_DESCRIPTORS = """
import os, resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
null = os.open(os.devnull, os.O_RDONLY)
while os.dup(null) < 1024:
    pass
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_starts_however_many_descriptors_init_has_open(
    make_frontend: Any, model: Any, tmp_path: Path, request_of: Any, start: str
) -> None:
    python_path = tmp_path / "path"
    python_path.mkdir()
    (python_path / "sitecustomize.py").write_text(MANY_DESCRIPTORS)
    (python_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')")
    frontend = make_frontend(python_path=python_path)
    worker = frontend.loaded(start, model(ECHO))
    assert worker.ask(request_of(b""))
    worker.close()
    assert frontend.exit_of(worker.hello["launch"]) == {"pid": worker.hello["pid"], "code": 0}
    assert frontend.find("ZYGOTE_EXITED", 0) == []
    assert frontend.text(0) == ""

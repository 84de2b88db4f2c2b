"""Workers of several processes: what each gets, and what happens when one fails. Without torch.

A small launcher stands for torchrun, which needs torch: it starts the ranks with its variables.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ts._protocol.errors import ProtocolError
from ts._protocol.messages import Part, PredictItem
from ts._ranks import launch
from ts._ranks.channel import Door, join, named
from ts._ranks.crowding import crowding
from ts._ranks.membership import Membership
from ts._ranks.output import with_number

LAUNCHER = """
import os, subprocess, sys
size, program = int(sys.argv[1]), sys.argv[2:]
ranks = [
    subprocess.Popen(
        [sys.executable, *program],
        env=os.environ | {"RANK": str(i), "LOCAL_RANK": str(i), "WORLD_SIZE": str(size)},
    )
    for i in range(size)
    if str(i) not in os.environ.get("ABSENT", "").split(",")
]
codes = [rank.wait() for rank in ranks]
sys.exit(max(abs(code) for code in codes))
"""

TELL = """
import json, os, time
rank = os.environ["RANK"]

def handle(data, context):
    if data is None:
        return None
    rows = [row["data"].decode() for row in data]
    with open(os.path.join(os.environ["TOLD"], rank), "a") as told:
        told.write(json.dumps([rows, list(context.request_ids.values())]) + "\\n")
    print("runs", flush=True)
    words = rows[0].split()
    if len(words) == 2 and words[1] in (rank, "all"):
        if words[0] == "raise":
            raise ValueError("no such thing")
        if words[0] == "hang":
            time.sleep(600)
        if words[0] == "die":
            os.kill(os.getpid(), 9)
    elif words[0] in ("raise", "die") and rank == "0":
        time.sleep(600 if words[0] == "raise" else 30)
    return [f"rank {rank}: {row}" for row in rows] if rank == "0" else None
"""


def wait_until(condition: Callable[[], Any], what: str, limit_sec: float = 60.0) -> Any:
    deadline = time.monotonic() + limit_sec
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {limit_sec} s: {what}"
        time.sleep(0.005)
    return value


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def group(
    make_frontend: Callable[..., Any], model: Callable[..., Path], tmp_path: Path
) -> Callable[..., tuple[Any, int]]:
    """Starts a worker of several ranks."""

    def start(
        code: str = TELL, size: int = 3, env: dict[str, str] | None = None
    ) -> tuple[Any, int]:
        (tmp_path / "launcher.py").write_text(LAUNCHER)
        (tmp_path / "told").mkdir()
        front = make_frontend(env={"TOLD": str(tmp_path / "told"), **(env or {})})
        folder = model(code)
        prefix = [str(tmp_path / "launcher.py"), str(size)]
        return front, front.spawn("spawn", folder, prefix=prefix)

    return start


def load(front: Any, spawn_id: int, folder: Path, **more: Any) -> Any:
    worker = front.worker(spawn_id)
    worker.load(folder, "handler", **{"parallel_type": "tp"} | more)
    wait_until(lambda: worker.loaded or worker.failed or worker.closed, f"the load; {front.lines}")
    return worker


def item(text: str, request_id: str = "r") -> PredictItem:
    return PredictItem(0, 0, request_id, [], [Part("data", "", bytearray(text.encode()))])


def told(tmp_path: Path, rank: int) -> list[Any]:
    path = tmp_path / "told" / str(rank)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_every_rank_loads_and_runs_each_batch_and_rank_0_answers(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    front, spawn_id = group()
    worker = load(front, spawn_id, tmp_path, batch_size=2)
    assert worker.loaded, front.lines
    pids = worker.loaded["rank_pids"]
    assert len(set(pids)) == 3
    assert worker.hello is not None
    assert pids[0] == worker.hello["pid"]
    answers = worker.ask(item("a", "one"), item("b", "two"))
    assert [bytes(answer.body) for answer in answers] == [b"rank 0: a", b"rank 0: b"]
    for rank in range(3):
        wait_until(lambda rank=rank: told(tmp_path, rank), f"rank {rank} runs it")
        assert told(tmp_path, rank) == [[["a", "b"], ["one", "two"]]]
        wait_until(lambda rank=rank: f"[rank {rank}] runs" in front.text(spawn_id), "its output")
    worker.close()
    assert front.exit_of(spawn_id)["code"] == 0
    assert not any(map(is_alive, pids))


WARMED = """
import json, os
rank = os.environ["RANK"]

def handle(data, context):
    if data is None:
        return None
    with open(os.path.join(os.environ["TOLD"], rank), "a") as told:
        told.write(json.dumps([row["body"] for row in data]) + "\\n")
    context.metrics.add_counter("Runs", 1)
    if data[0]["body"] == "raise " + rank:
        raise ValueError("no such thing")
    if data[0]["body"] == "die" and rank == "1":
        os.kill(os.getpid(), 9)
    if data[0]["body"] == "die":
        import time
        time.sleep(600)
    return ["fine"] * len(data) if rank == "0" else None
"""


def warmed(folder: Path, body: str) -> None:
    (folder / "model-config.yaml").write_text(f"warmup: [{{body: {body}}}]\n")
    (folder / "MAR-INF").mkdir()
    manifest = {"model": {"handler": "handler.py", "configFile": "model-config.yaml"}}
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))


def test_every_rank_warms_up_before_the_worker_is_ready(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    front, spawn_id = group(WARMED, size=2)
    warmed(tmp_path, "hello")
    worker = load(front, spawn_id, tmp_path, batch_size=2)
    assert worker.loaded, worker.failed
    for rank in range(2):
        wait_until(lambda rank=rank: len(told(tmp_path, rank)) == 2, f"rank {rank} warms up")
        assert told(tmp_path, rank) == [["hello"], ["hello", "hello"]]
    item = PredictItem(0, 0, "r", [], [Part("body", "text/plain", bytearray(b"x"))])
    assert bytes(worker.ask(item)[0].body) == b"fine"
    wait_until(lambda: "[METRICS]Runs" in front.text(spawn_id), "the metric of rank 1")
    assert front.text(spawn_id).count("[METRICS]Runs") == 1
    assert len([sample for sample in worker.metrics if sample.name == "Runs"]) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise 0", "rank 0: The warm-up with warmup[0] in a batch of 1 failed"),
        ("die", "has ended while it loaded the model"),
    ],
)
def test_rank_that_fails_in_the_warm_up_is_why_the_model_is_not_loaded(
    group: Callable[..., tuple[Any, int]], tmp_path: Path, body: str, said: str
) -> None:
    front, spawn_id = group(WARMED, size=2)
    warmed(tmp_path, body)
    worker = load(front, spawn_id, tmp_path)
    assert not worker.loaded
    assert said in worker.failed["detail"]


def test_a_pipeline_is_driven_by_rank_0_alone(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    front, spawn_id = group(size=2)
    worker = load(front, spawn_id, tmp_path, parallel_type="pp")
    assert bytes(worker.ask(item("a"))[0].body) == b"rank 0: a"
    assert bytes(worker.ask(item("b"))[0].body) == b"rank 0: b"
    assert told(tmp_path, 1) == []


def test_cancelled_requests_run_on_no_rank(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    front, spawn_id = group(size=2)
    worker = load(front, spawn_id, tmp_path)
    first = worker.predict(item("sleep"))
    second = worker.predict(item("never"))
    worker.cancel(second)
    third = worker.predict(item("c"))
    worker.ends(first), worker.ends(third)
    wait_until(lambda: len(told(tmp_path, 1)) == len(told(tmp_path, 0)), "rank 1 ran the same")
    assert told(tmp_path, 1) == told(tmp_path, 0)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_rank_that_dies_in_a_call_ends_the_worker_without_an_answer(
    group: Callable[..., tuple[Any, int]], tmp_path: Path, rank: int
) -> None:
    front, spawn_id = group()
    worker = load(front, spawn_id, tmp_path)
    batch = worker.predict(item(f"die {rank}"))
    wait_until(lambda: worker.closed, "the worker is gone", 60)
    assert worker.of(batch) == []  # so the frontend gives it to another worker
    wait_until(lambda: f"Rank {rank} (pid" in front.text(spawn_id, stderr=True), "the log says it")


def test_an_idle_rank_that_is_killed_ends_the_worker(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    front, spawn_id = group()
    worker = load(front, spawn_id, tmp_path)
    assert worker.loaded
    os.kill(worker.loaded["rank_pids"][2], signal.SIGKILL)
    wait_until(lambda: worker.closed, "the worker is gone", 60)
    assert front.exit_of(spawn_id)["code"] != 0


def test_a_rank_that_alone_cannot_load_says_why(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    code = """
import os, time
def handle(data, context):
    pass
if os.environ["RANK"] == "1":
    raise ImportError("no kernels here")
time.sleep(600)
"""
    front, spawn_id = group(code, size=2)
    worker = load(front, spawn_id, tmp_path)
    assert worker.failed
    assert worker.failed["detail"].startswith("rank 1: ImportError: no kernels here")
    assert "no kernels here" in worker.failed["traceback"]


def test_a_rank_that_ends_while_it_loads_is_named(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    code = """
import os, time
if os.environ["RANK"] == "1":
    os._exit(9)
time.sleep(600)
"""
    front, spawn_id = group(code, size=2)
    worker = load(front, spawn_id, tmp_path)
    assert worker.failed
    assert "rank 1 (pid" in worker.failed["detail"]


def test_ranks_that_never_join_are_named(
    group: Callable[..., tuple[Any, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door("ab")
    try:
        with pytest.raises(TimeoutError, match=r"ranks 1, 2 of 3 did not join within 0 s"):
            door.admit(3, 0.05)
    finally:
        door.close()
    with pytest.raises(TimeoutError, match="rank 1 could not reach rank 0"):
        join("cd", 1, 0.05)


def test_an_error_of_every_rank_is_the_answer_and_the_worker_goes_on(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    front, spawn_id = group()
    worker = load(front, spawn_id, tmp_path)
    (error,) = worker.ask(item("raise all"))
    assert error.code == 503
    assert "no such thing" in error.detail
    assert bytes(worker.ask(item("a"))[0].body) == b"rank 0: a"


def test_an_error_of_one_rank_for_which_another_waits_is_the_answer_and_ends_the_worker(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    front, spawn_id = group()
    worker = load(front, spawn_id, tmp_path)
    (error,) = worker.ask(item("raise 1"))
    assert error.code == 503
    assert error.detail.startswith("rank 1: ValueError: no such thing")
    wait_until(lambda: worker.closed, "the worker ends")
    assert worker.unusable is not None
    assert "rank 1: ValueError: no such thing" in worker.unusable["reason"]


def test_a_rank_that_hangs_after_an_error_of_rank_0_ends_the_worker_behind_the_answer(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    code = """
import os, time
def handle(data, context):
    if data is None:
        return None
    if os.environ["RANK"] == "0":
        raise ValueError("bad input")
    time.sleep(600)
"""
    front, spawn_id = group(code, size=2)
    worker = load(front, spawn_id, tmp_path)
    (error,) = worker.ask(item("a"))
    assert error.code == 503
    assert "bad input" in error.detail
    wait_until(lambda: worker.closed, "the worker ends")
    assert worker.unusable is not None
    assert "rank 1 did not end the call" in worker.unusable["reason"]


def test_streams_come_from_rank_0_and_are_taken_to_their_end_everywhere(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    code = """
import os
from ts.handler_utils.utils import send_intermediate_predict_response
def pieces(row):
    for number in range(3):
        print("piece", number, flush=True)
        yield f"{number} "
def handle(data, context):
    if data is None:
        return None
    text = data[0]["data"].decode()
    if text == "generator":
        return pieces(text)
    send_intermediate_predict_response(["first "], context.request_ids, "Prediction", 200, context)
    return ["last"]
"""
    front, spawn_id = group(code, size=2)
    worker = load(front, spawn_id, tmp_path)
    batch = worker.predict(item("old"))
    worker.ends(batch)
    bodies = [bytes(value.body) for _, _, value in worker.of(batch)]
    assert bodies == [b"first ", b"last"]
    batch = worker.predict(item("generator"))
    worker.ends(batch)
    text = b"".join(bytes(value.body) for _, _, value in worker.of(batch))
    assert text == b"0 1 2 "
    wait_until(lambda: "[rank 1] piece 2" in front.text(spawn_id), "rank 1 took all pieces")


def test_a_rank_that_can_serve_no_more_ends_the_worker_before_the_next_call(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    code = """
import os, sys, types
class AcceleratorError(RuntimeError):
    pass
sys.modules["torch"] = types.SimpleNamespace(AcceleratorError=AcceleratorError)
def handle(data, context):
    if data is not None and os.environ["RANK"] == "1":
        raise AcceleratorError("device-side assert")
    return None if data is None else ["done"]
"""
    front, spawn_id = group(code, size=2)
    worker = load(front, spawn_id, tmp_path)
    assert bytes(worker.ask(item("a"))[0].body) == b"done"
    wait_until(lambda: "device-side assert" in front.text(spawn_id), "rank 1 has told")
    with contextlib.suppress(OSError):
        while not worker.closed:
            worker.predict(item("b"))
            time.sleep(0.01)
    assert worker.unusable is not None
    assert worker.unusable["reason"].startswith("rank 1: its accelerator failed")


def test_strangers_are_not_ranks() -> None:
    door = Door("secret")
    try:
        import socket

        from ts._ranks.channel import Kind, RankChannel, _address

        sock = socket.socket(socket.AF_UNIX)
        sock.connect(_address("secret"))
        stranger = RankChannel(sock)
        stranger.send(Kind.JOIN, 0, b'{"rank": 1, "pid": 1, "proof": "guessed"}')
        with pytest.raises(TimeoutError, match="rank 1 of 2 did not join"):
            door.admit(2, 0.2)
        stranger.close()
    finally:
        door.close()


def test_the_environment_of_torchrun_is_checked() -> None:
    assert Membership.of_environment({}) is None
    assert Membership.of_environment({"RANK": "1", "WORLD_SIZE": "2"}) == Membership(1, 2)
    for rank, size in (("2", "2"), ("x", "2"), ("0", "257"), ("-1", "2"), ("0", "")):
        with pytest.raises(ProtocolError, match="RANK"):
            Membership.of_environment({"RANK": rank, "WORLD_SIZE": size})


def test_lines_carry_the_rank_and_samples_do_not() -> None:
    assert with_number(3, b"a\n\n[METRICS]x") == b"[rank 3] a\n[rank 3] \n[METRICS]x"
    assert (named([2]), named([3, 1])) == ("rank 2", "ranks 1, 3")


def test_more_ranks_than_cpus_are_told_in_the_model_log(
    group: Callable[..., tuple[Any, int]], tmp_path: Path
) -> None:
    assert crowding(2, 2) is None
    assert crowding(64, 2) == (
        "64 ranks share 2 CPUs, so that they wait for each other at each step; expected"
        " nproc-per-node (or parallelLevel) of at most 2"
    )
    cpus = len(os.sched_getaffinity(0))
    front, spawn_id = group(size=cpus + 1)
    worker = load(front, spawn_id, tmp_path)
    assert worker.loaded
    wait_until(
        lambda: f"[rank 0] {cpus + 1} ranks share " in front.text(spawn_id, stderr=True), "the log"
    )


def test_python_without_torchrun_is_told(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('none of that here')")
    done = subprocess.run(
        [sys.executable, launch.__file__, "--nnodes", "1", "program.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "A worker of several processes (parallelType) needs torch.distributed.run, which"
        f" {sys.executable} cannot import: none of that here\n"
    )


def test_torch_without_our_rendezvous_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def register() -> None:
        raise ImportError("cannot import name 'RendezvousInfo'")

    monkeypatch.setattr(launch, "register", register)
    assert launch.rendezvous_words() == "--rdzv-backend c10d --rdzv-endpoint 127.0.0.1:0".split()
    assert "the store through which its ranks meet listens on all" in capsys.readouterr().err

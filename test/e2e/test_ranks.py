"""Models that are spread over several processes by torchrun, on the CPU with gloo."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, is_alive, wait_for

EXAMPLE = REPOSITORY / "examples" / "tensor_parallel"
START = "startupTimeout: 300\nresponseTimeout: 120\nminWorkers: 1\nmaxWorkers: 1\n"

PIPELINE = """
import os
import torch
from torch import distributed, nn
from torch.distributed.pipelining import PipelineStage, ScheduleGPipe
from ts.torch_handler.base_handler import BaseHandler
from model import SplitDigits

class Handler(BaseHandler):
    def initialize(self, context):
        self.rank, self.size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        distributed.init_process_group("gloo")
        whole = SplitDigits()
        weights = context.system_properties["model_dir"] + "/weights.pt"
        whole.load_state_dict(torch.load(weights, weights_only=True))
        layers = [whole.up, nn.ReLU(), whole.down, nn.Softmax(1)]
        each = len(layers) // self.size
        part = nn.Sequential(*layers[self.rank * each : (self.rank + 1) * each]).eval()
        stage = PipelineStage(part, self.rank, self.size, torch.device("cpu"))
        self.schedule = ScheduleGPipe(stage, n_microbatches=1)
        self.initialized = True

    def handle(self, data, context):
        rows = torch.tensor([row.get("data", row.get("body")) for row in data])
        answer = torch.empty(len(rows), 10)
        with torch.no_grad():
            if self.rank == 0:
                self.schedule.step(rows)
            else:
                last = self.schedule.step()
                if self.rank == self.size - 1:
                    answer = last.contiguous()
        distributed.broadcast(answer, self.size - 1)
        return [{"digit": int(row.argmax()), "probabilities": row.tolist()} for row in answer]
"""

RPC = """
import torch
from torch.distributed import rpc
from ts.torch_handler.distributed.base_pippy_handler import BasePippyHandler
from model import SplitDigits

WEIGHTS = []

def last_stage(hidden):
    return WEIGHTS[0].down(torch.relu(hidden)).softmax(1)

class Handler(BasePippyHandler):
    def initialize(self, context):
        model = SplitDigits()
        weights = context.system_properties["model_dir"] + "/weights.pt"
        model.load_state_dict(torch.load(weights, weights_only=True))
        WEIGHTS.append(model)
        super().initialize(context)
        self.model = model
        self.initialized = True

    def handle(self, data, context):
        assert self.local_rank == 0, "with pp the first rank alone is asked"
        with torch.no_grad():
            rows = torch.tensor([row.get("data", row.get("body")) for row in data])
            answer = rpc.rpc_sync("worker1", last_stage, (self.model.up(rows),))
        return [{"digit": int(row.argmax()), "probabilities": row.tolist()} for row in answer]
"""

MEET = """
import os, sys, time
import torch
from torch import distributed
from ts.handler_utils.utils import send_intermediate_predict_response

def handle(data, context):
    if not distributed.is_initialized():
        distributed.init_process_group("gloo")
    if data is None:
        return None
    text = bytes(data[0].get("data") or data[0].get("body")).decode()
    if text == "hang" and os.environ["RANK"] == "1":
        time.sleep(600)
    total = torch.ones(1)
    distributed.all_reduce(total)
    if text == "stream":
        for number in range(3):
            send_intermediate_predict_response(
                [f"{number} "], context.request_ids, "Prediction", 200, context
            )
        return ["end"]
    return [f"{text} from {int(total)} ranks"]
"""

NEVER_JOINS = """
import os, time
from torch import distributed
if os.environ["RANK"] == "1":
    time.sleep(600)
distributed.init_process_group("gloo")
def handle(data, context):
    return None
"""


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server whose store has the models of this module."""
    server = TorchServe(tmp_path_factory.mktemp("ranks"), torch=True)
    example = (EXAMPLE / "handler.py").read_text()
    for name, code, config in (
        ("tensor2", example, "parallelType: tp\ntorchrun: {nproc-per-node: 2}\nbatchSize: 4\n"),
        ("tensor4", example, "parallelType: tp\nparallelLevel: 4\n"),
        ("pipeline2", PIPELINE, "parallelType: pptp\ntorchrun: {nproc-per-node: 2}\n"),
        ("pipeline4", PIPELINE, "parallelType: pptp\ntorchrun: {nproc-per-node: 4}\n"),
        ("rpc", RPC, "parallelType: pp\ntorchrun: {nproc-per-node: 2}\npippy: {rpc_timeout: 60}\n"),
    ):
        server.store.write_handler(name, code, START + config)
        for file in ("model.py", "weights.pt"):
            shutil.copy(EXAMPLE / file, server.store.path / name)
    server.start()
    yield server
    server.stop()
    server.assert_nothing_left()


@pytest.fixture
def registered(ranks: TorchServe) -> Iterator[Callable[..., TorchServe]]:
    """Registers models that go with the test."""
    names: list[str] = []

    def register(name: str, code: str = "", config: str = "") -> TorchServe:
        if code:
            ranks.store.write_handler(name, code, config)
        ranks.register(name, 300)
        names.append(name)
        return ranks

    yield register
    for name in names:
        requests.delete(f"{ranks.management}/models/{name}", timeout=60)


@pytest.fixture(scope="module")
def unsplit() -> Callable[[list[float]], list[float]]:
    """The same model in one piece."""
    import torch

    # By its place: other examples have a module of that name, too.
    spec = importlib.util.spec_from_file_location("split_digits", EXAMPLE / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.SplitDigits()
    model.load_state_dict(torch.load(EXAMPLE / "weights.pt", weights_only=True))

    def run(pixels: list[float]) -> list[float]:
        with torch.no_grad():
            return list(model(torch.tensor([pixels])).softmax(1)[0].tolist())

    return run


def images(count: int) -> list[list[float]]:
    from sklearn.datasets import load_digits

    return [[value / 16 for value in row] for row in load_digits().data[:count].tolist()]


@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [
        ("tensor2", 2, "tp"),
        ("tensor4", 4, "tp"),
        ("pipeline2", 2, "pptp"),
        ("pipeline4", 4, "pptp"),
        ("rpc", 2, "pp"),
    ],
)
def test_a_split_model_answers_as_the_whole_one(
    registered: Callable[..., TorchServe],
    unsplit: Callable[[list[float]], list[float]],
    name: str,
    size: int,
    kind: str,
) -> None:
    server = registered(name)
    described = server.describe(name)
    assert (described["parallelType"], described["parallelLevel"]) == (kind, size)
    (worker,) = described["workers"]
    assert len(set(worker["rankPids"])) == size
    assert worker["pid"] not in worker["rankPids"]  # that is torchrun's
    for pixels in images(5):
        answer = server.predict(name, json=pixels)
        assert answer.status_code == 200, answer.text
        expected = unsplit(pixels)
        assert answer.json()["probabilities"] == pytest.approx(expected, abs=1e-4)
        assert answer.json()["digit"] == expected.index(max(expected))
    if kind == "tp":
        for rank in range(size):
            server.wait_log("model_log.log", rf"\[rank {rank}\] rank {rank} of {size} holds \d+")
        refused = server.predict(name, json=[1])
        assert refused.status_code == 400
        assert server.predict(name, json=images(1)[0]).status_code == 200


def test_no_request_is_lost_whichever_rank_is_killed(
    registered: Callable[..., TorchServe],
) -> None:
    config = START + "parallelType: tp\ntorchrun: {nproc-per-node: 2}\n"
    server = registered("meet", MEET, config)
    answers: list[tuple[int, str]] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            answer = server.predict("meet", data=b"hello")
            answers.append((answer.status_code, answer.text))

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        for victim in (0, 1):
            (worker,) = server.describe("meet")["workers"]
            before = len(answers)
            wait_for(lambda before=before: len(answers) > before + 20, "requests run")
            os.kill(worker["rankPids"][victim], signal.SIGKILL)
            server.wait_new_worker("meet", [worker["pid"]])
            assert not any(map(is_alive, worker["rankPids"]))
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert set(answers) == {(200, "hello from 2 ranks")}


@pytest.mark.parametrize("name", ["tensor2", "rpc"])
def test_no_process_of_a_group_listens_beyond_the_loopback(
    registered: Callable[..., TorchServe], name: str
) -> None:
    server = registered(name)
    (worker,) = server.describe(name)["workers"]
    listening = {pid: listening_at(pid) for pid in (worker["pid"], *worker["rankPids"])}
    assert listening[worker["pid"]], "torchrun's own store has a port"
    assert {host for hosts in listening.values() for host in hosts} == {"127.0.0.1"}
    assert server.predict(name, json=images(1)[0]).status_code == 200


def test_streams_of_a_group_come_from_rank_0_once(registered: Callable[..., TorchServe]) -> None:
    config = START + "parallelType: tp\ntorchrun: {nproc-per-node: 2}\n"
    server = registered("streams", MEET, config)
    assert server.predict("streams", data=b"stream").text == "0 1 2 end"
    assert server.predict("streams", data=b"x").text == "x from 2 ranks"


def test_a_rank_that_hangs_while_another_waits_for_it_is_a_time_out_and_a_new_worker(
    registered: Callable[..., TorchServe],
) -> None:
    config = START.replace("responseTimeout: 120", "responseTimeout: 3")
    server = registered("hangs", MEET, config + "parallelType: tp\nparallelLevel: 2\n")
    (worker,) = server.describe("hangs")["workers"]
    answer = server.predict("hangs", data=b"hang")
    assert answer.status_code == 504
    assert "responseTimeout" in answer.text
    server.wait_new_worker("hangs", [worker["pid"]])
    assert not any(map(is_alive, worker["rankPids"]))
    assert server.predict("hangs", data=b"x").text == "x from 2 ranks"


def test_workers_meet_at_ports_of_their_own_whatever_the_file_says(
    registered: Callable[..., TorchServe],
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        endpoint = f"127.0.0.1:{busy.getsockname()[1]}"
        config = (
            START.replace("maxWorkers: 1", "maxWorkers: 2")
            + f"parallelType: tp\ntorchrun: {{nproc-per-node: 2, rdzv-endpoint: '{endpoint}'}}\n"
        )
        server = registered("ports", MEET, config)
        scale = f"{server.management}/models/ports?min_worker=2&synchronous=true"
        assert requests.put(scale, timeout=300).status_code == 200
    pids = [worker["rankPids"] for worker in server.describe("ports")["workers"]]
    assert len({pid for group in pids for pid in group}) == 4
    for _ in range(6):
        assert server.predict("ports", data=b"x").text == "x from 2 ranks"
    server.wait_log("ts_log.log", "torchrun.rdzv-endpoint has no effect")


def test_a_rank_that_never_joins_fails_the_registration_in_time_and_leaves_nothing(
    ranks: TorchServe,
) -> None:
    config = "startupTimeout: 15\nparallelType: tp\ntorchrun: {nproc-per-node: 2}\n"
    ranks.store.write_handler("never", NEVER_JOINS, config)
    url = f"{ranks.management}/models?url=never&initial_workers=1&synchronous=true"
    answer = requests.post(url, timeout=120)
    assert answer.status_code >= 500
    assert "startupTimeout" in answer.text
    assert not ranks.registered("never")
    wait_for(lambda: not _of_model(ranks, "never"), "its processes are gone")


@pytest.mark.parametrize(
    ("config", "status", "expected"),
    [
        ("parallelType: tp\ntorchrun: {nproc-per-node: 2, nnodes: 2}\n", 501, "nnodes to 2"),
        ("parallelType: tp\nparallelLevel: 999\n", 400, "expected a whole number from 0 to 256"),
        (
            "parallelType: pp\nparallelLevel: 2\nasyncCommunication: true\n",
            400,
            "asyncCommunication beside parallelType pp",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    ranks: TorchServe, config: str, status: int, expected: str
) -> None:
    name = f"refused{abs(hash(config))}"
    ranks.store.write_handler(name, MEET, config)
    answer = requests.post(f"{ranks.management}/models?url={name}", timeout=60)
    assert expected in answer.json()["message"]
    assert answer.status_code // 100 == status // 100


def listening_at(pid: int) -> list[str]:
    """Return the addresses at which a process listens over TCP, as the kernel shows them."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(descriptor))
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                words = bytes.fromhex(fields[1].partition(":")[0])
                turned = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
                found.append(socket.inet_ntop(family, turned))
    return found


def _of_model(server: TorchServe, name: str) -> list[int]:
    found = []
    for pid in server.processes():
        try:
            if os.readlink(f"/proc/{pid}/cwd").rstrip("/").endswith(name):
                found.append(pid)
        except OSError:
            continue
    return found

"""How workers share the cores of machines that this one is not, and of this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from ts._protocol.messages import Part, PredictItem
from ts._worker import node_memory
from ts._worker.node_memory import NodeMemory
from ts._worker.own_cores import OwnCores
from ts._zygote.core_options import parse_core_options
from ts._zygote.cores import (
    Core,
    CoreOptions,
    cpu_quota,
    divide,
    nodes_of_cpus,
    parse_cpu_list,
    read_cores,
    usable_cores,
)
from ts._zygote.pinning import CorePinning

PLAIN = CoreOptions()


def machine(folder: Path, sockets: int, cores: int, threads: int = 2) -> Path:
    """Files as the kernel writes them; second hyper-threads are numbered after all first ones."""
    total = sockets * cores
    for socket in range(sockets):
        own = []
        for core in range(cores):
            cpus = [thread * total + socket * cores + core for thread in range(threads)]
            own += cpus
            for cpu in cpus:
                topology = folder / f"cpu/cpu{cpu}/topology"
                topology.mkdir(parents=True)
                (topology / "thread_siblings_list").write_text(",".join(map(str, cpus)))
                (topology / "physical_package_id").write_text(f"{socket}\n")
        node = folder / f"node/node{socket}"
        node.mkdir(parents=True)
        (node / "cpulist").write_text(",".join(map(str, sorted(own))) + "\n")
    return folder


def test_one_socket_with_hyper_threads_is_divided_by_cores(tmp_path: Path) -> None:
    cores = read_cores(range(8), machine(tmp_path, 1, 4))
    assert cores == [Core((0, 4), 0), Core((1, 5), 0), Core((2, 6), 0), Core((3, 7), 0)]
    assert divide(cores, 2, PLAIN) == [(0, 1), (2, 3)]
    assert divide(cores, 2, CoreOptions(use_hyper_threads=True)) == [(0, 1, 4, 5), (2, 3, 6, 7)]
    assert divide(cores, 3, PLAIN) == [(0,), (1,), (2, 3)]
    assert divide(cores, 6, PLAIN) == [(0,), (1,), (2,), (3,), (0,), (1,)]
    assert divide(cores, 1, CoreOptions(cores_each=3)) == [(0, 1, 2)]


def test_two_sockets_are_divided_so_that_workers_stay_on_one(tmp_path: Path) -> None:
    cores = read_cores(range(16), machine(tmp_path, 2, 4))
    assert [core.node for core in cores] == [0] * 4 + [1] * 4
    assert divide(cores, 2, PLAIN) == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert divide(cores, 3, PLAIN) == [(0, 1), (2, 3, 4), (5, 6, 7)]
    assert divide(cores, 3, CoreOptions(one_node=True)) == [(0, 1), (2, 3), (5, 6, 7)]
    assert usable_cores(cores, None, CoreOptions(node=1)) == cores[4:]
    assert usable_cores(cores, 3, PLAIN) == cores[:3]
    only = CoreOptions(cpus=frozenset({1, 9, 4}))
    assert usable_cores(cores, None, only) == [Core((1, 9), 0), Core((4,), 1)]


@pytest.mark.parametrize("workers", range(1, 12))
def test_no_two_workers_share_a_core_while_there_are_enough(tmp_path: Path, workers: int) -> None:
    cores = read_cores(range(24), machine(tmp_path, 2, 6))
    shares = divide(cores, workers, CoreOptions(use_hyper_threads=True))
    dealt = [cpu for share in shares for cpu in share]
    assert sorted(dealt) == list(range(24))
    sizes = {len(share) for share in shares}
    assert max(sizes) - min(sizes) <= 2


def test_the_affinity_mask_of_the_server_is_kept(tmp_path: Path) -> None:
    cores = read_cores({1, 5, 6}, machine(tmp_path, 1, 4))
    assert cores == [Core((1, 5), 0), Core((6,), 0)]
    assert read_cores({3}, tmp_path / "nothing") == [Core((3,), 0)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("cpu.max", "150000 100000\n", 2),
        ("cpu.max", "50000 100000\n", 1),
        ("cpu.max", "max 100000\n", None),
        ("cpu.max", "nonsense", None),
    ],
)
def test_limits_of_containers_are_read(
    tmp_path: Path, name: str, text: str, expected: int | None
) -> None:
    (tmp_path / name).write_text(text)
    assert cpu_quota(tmp_path) == expected


def test_limits_of_older_containers_are_read(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("250000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert cpu_quota(tmp_path) == 3
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("-1\n")
    assert cpu_quota(tmp_path) is None


def test_words_of_the_launcher_mean_what_the_table_says() -> None:
    options, remarks = parse_core_options(
        "--use_logical_core --ncores-per-instance=4 --node_id 1 --skip-cross-node-cores".split()
    )
    assert options == CoreOptions(True, 4, 1, None, True)
    assert remarks == []
    options, remarks = parse_core_options("--disable-numactl --disable_iomp".split())
    assert options == CoreOptions(bind_memory=False)
    assert remarks == []
    options, remarks = parse_core_options("--core_list 0-2,7 --ninstances 2 --rank 1".split())
    assert options == CoreOptions(cpus=frozenset({0, 1, 2, 7}))
    assert [remark.split(" has")[0] for remark in remarks] == ["--ninstances", "--rank"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--turbo", "--turbo is unknown"),
        ("fast", "'fast' has no effect, expected an option"),
        ("--node-id x", "--node-id has no effect: 'x', expected a whole number from 0 to 4096"),
        ("--ncores-per-instance 0", "expected a whole number from 1 to 4096"),
        ("--cores-list 3-1", "'3-1', expected numbers of CPUs such as 0-3,8"),
        ("--cores-list", "expected numbers of CPUs"),
        ("--enable_jemalloc", "set LD_PRELOAD"),
    ],
)
def test_words_without_effect_are_told(words: str, expected: str) -> None:
    options, remarks = parse_core_options(words.split())
    assert options == PLAIN
    assert len(remarks) == 1
    assert expected in remarks[0]


def test_lists_of_cpus() -> None:
    assert parse_cpu_list("0-3,8\n") == [0, 1, 2, 3, 8]
    assert parse_cpu_list("\n") == []


def test_cores_are_divided_anew_when_workers_come_and_go() -> None:
    pinned: dict[int, tuple[int, ...]] = {}
    said: list[str] = []

    def pin(pid: int, cpus: Iterable[int]) -> None:
        pinned[pid] = tuple(cpus)

    cores = [Core((cpu,), 0) for cpu in range(4)]
    pinning = CorePinning(said.append, lambda: cores, lambda: None, pin)
    asks = {"TS_CPU_LAUNCHER": "true", "TS_CPU_LAUNCHER_ARGS": "--turbo"}
    pinning.started(10, asks)
    assert pinned == {10: (0, 1, 2, 3)}
    pinning.started(11, {"TS_CPU_LAUNCHER": "false"})
    pinning.started(12, {})
    pinning.started(13, asks)
    assert pinned == {10: (0, 1), 13: (2, 3)}
    pinning.ended(10)
    assert pinned[13] == (0, 1, 2, 3)
    pinning.ended(11)
    assert said == ["cpu_launcher_args: --turbo is unknown and has no effect"]


def test_options_that_leave_no_core_pin_nothing() -> None:
    said: list[str] = []
    pinned: list[int] = []
    pinning = CorePinning(
        said.append, lambda: [Core((0,), 0)], lambda: None, lambda pid, cpus: pinned.append(pid)
    )
    pinning.started(1, {"TS_CPU_LAUNCHER": "true", "TS_CPU_LAUNCHER_ARGS": "--node-id 7"})
    assert not pinned
    assert "leave no core" in said[0]


class FakeNuma:
    """libnuma, with masks that are the texts of their nodes."""

    def __init__(self, refused: bytes = b"") -> None:
        self.policies: list[bytes] = []
        self.open_masks = 0
        self.refused = refused

    def numa_parse_nodestring(self, text: bytes) -> bytes | None:
        if text == self.refused:
            return None
        self.open_masks += 1
        return text

    def numa_bitmask_free(self, mask: bytes) -> None:
        self.open_masks -= 1

    def numa_set_membind(self, mask: bytes) -> None:
        self.policies.append(mask)

    def numa_set_localalloc(self) -> None:
        self.policies.append(b"local")


def test_memory_comes_from_the_nodes_of_a_workers_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numa = FakeNuma()
    nodes = nodes_of_cpus(machine(tmp_path, 3, 2, 1))
    memory = NodeMemory.of_machine(lambda: numa, lambda: nodes)
    assert memory is not None
    own = OwnCores(memory)
    for cpus in ({0, 1}, {0, 1}, {1}, {4, 5}, {1, 2}, set(range(6)), {5}, {77}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, cpus=cpus: cpus)
        monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
        monkeypatch.setitem(os.environ, "MKL_NUM_THREADS", "1")
        own.follow()
    assert numa.policies == [b"0", b"2", b"0,1", b"local", b"2"]
    assert numa.open_masks == 0


def test_memory_is_left_to_the_kernel_where_nothing_else_can_be(tmp_path: Path) -> None:
    one = nodes_of_cpus(machine(tmp_path / "one", 1, 4))
    two = nodes_of_cpus(machine(tmp_path / "two", 2, 4))
    assert NodeMemory.of_machine(FakeNuma, lambda: one) is None
    assert NodeMemory.of_machine(FakeNuma, lambda: {}) is None
    assert NodeMemory.of_machine(lambda: None, lambda: two) is None
    numa = FakeNuma(refused=b"1")
    memory = NodeMemory(numa, two)
    memory.bind({4})  # a cpuset keeps the process off that node
    assert numa.policies == []


def test_libnuma_of_this_machine_takes_the_calls() -> None:
    memory = NodeMemory.of_machine(nodes=lambda: {0: 0, 1: 1})
    if memory is None:
        pytest.skip("libnuma.so.1 is not there, or its calls are refused")
    code = (
        "import ctypes\n"
        "from ts._worker.node_memory import NodeMemory\n"
        "NodeMemory.of_machine(nodes=lambda: {0: 0, 1: 1}).bind({0})\n"
        "mode, nodes = ctypes.c_int(), ctypes.c_ulong()\n"
        "library = ctypes.CDLL('libnuma.so.1')\n"
        "library.get_mempolicy(ctypes.byref(mode), ctypes.byref(nodes), 64, None, 0)\n"
        "print(mode.value, nodes.value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(node_memory.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["2", "1"], done.stderr  # MPOL_BIND, node 0


CODE = """
import os
def handle(data, context):
    return None if data is None else [{"cpus": sorted(os.sched_getaffinity(0))}]
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_real_workers_have_cores_of_their_own(
    make_frontend: Callable[..., Any], model: Callable[..., Path], start: str
) -> None:
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        pytest.skip(f"this process may use CPU {mine} alone")
    front = make_frontend(env={"TS_CPU_LAUNCHER": "true"})
    folder = model(CODE)
    first = front.loaded(start, folder)
    item = PredictItem(0, 0, "r", [], [Part("data", "", bytearray(b"x"))])

    def cpus(worker: Any) -> list[int]:
        import json

        found: list[int] = json.loads(bytes(worker.ask(item)[0].body))["cpus"]
        return found

    alone = cpus(first)
    second = front.loaded(start, folder)
    shared = cpus(first), cpus(second)
    if len(read_cores(mine)) > 1:
        assert not set(shared[0]) & set(shared[1])
    second.close()
    deadline = time.monotonic() + 30
    while cpus(first) != alone:
        assert time.monotonic() < deadline, "the cores come back to the one that stays"
        time.sleep(0.02)

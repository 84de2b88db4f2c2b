"""A frontend whose zygote finds packages of a test's own, and what its workers say of them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ts._protocol.frames import FrameType

from ..conftest import WITHOUT_TORCH, Frontend

HANDLER = """
{imports}
import os, sys
def handle(data, context):
    if data is None:
        return None
    import heavy
    return [{{"pid": os.getpid(), "imported_in": heavy.PID, "token": heavy.TOKEN,
             "variable": os.environ.get("SET_BY_HEAVY"), "cwd": os.getcwd()}}]
"""
HEAVY = """
import os
PID = os.getpid()
TOKEN = os.urandom(8).hex()
"""


class Site:
    """A folder of installed packages, in front of a zygote's module search path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "lib" / "site-packages"
        self.folder.mkdir(parents=True)

    def package(self, name: str, text: str = "", modules: int = 0) -> None:
        package = self.folder / name
        package.mkdir()
        for number in range(modules):
            (package / f"part{number}.py").write_text("")
        parts = "".join(f"import {name}.part{number}\n" for number in range(modules))
        (package / "__init__.py").write_text(text + parts)

    def install(self, name: str, version: str) -> None:
        """Have the folder say that this version is installed, and no other."""
        for record in self.folder.glob(f"{name}-*.dist-info"):
            record.rmdir()
        (self.folder / f"{name}-{version}.dist-info").mkdir()

    def clear(self) -> None:
        for package in self.folder.iterdir():
            shutil.rmtree(package)


@pytest.fixture(scope="module")
def all_sites(tmp_path_factory: Any) -> Site:
    return Site(tmp_path_factory.mktemp("python"))


@pytest.fixture
def site(all_sites: Site) -> Iterator[Site]:
    """The site of a test, empty at first."""
    yield all_sites
    all_sites.clear()


@pytest.fixture(scope="module")
def python_path(all_sites: Site, with_torch: bool) -> str:
    return os.pathsep.join(map(str, (all_sites.folder, *(() if with_torch else (WITHOUT_TORCH,)))))


@pytest.fixture(scope="module")
def shared(python_path: str) -> Iterator[Frontend]:
    front = Frontend(env={"PYTHONPATH": python_path})
    yield front
    front.close()


@pytest.fixture
def frontend(shared: Frontend, until: Any) -> Iterator[Frontend]:
    """A frontend with numbers of versions of the test's own."""
    shared.template += 100
    shared.lines.clear()
    yield shared
    for worker in list(shared.workers.values()):
        worker.close()
    shared.workers.clear()
    for number in range(shared.template, shared.template + 100):
        shared.send(FrameType.RELEASE, number)
    until(lambda: not templates(shared), "the end of the template processes")


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes folders of models."""

    def make(name: str, imports: str, text: str = HANDLER) -> Path:
        path = tmp_path / name
        path.mkdir()
        (path / "handler.py").write_text(text.format(imports=imports))
        return path

    return make


def spawn(frontend: Any, path: Path, version: int = 1, **imports: Any) -> int:
    wanted = {"version": frontend.template + version, "handler": "handler.py"} | imports
    return int(frontend.spawn("fork", path, imports=wanted))


def ready(frontend: Any, path: Path, until: Any, version: int = 1, **imports: Any) -> Any:
    spawn_id = spawn(frontend, path, version, **imports)
    return loaded(frontend, spawn_id, path, until)


def loaded(frontend: Any, spawn_id: int, path: Path, until: Any) -> Any:
    worker = frontend.worker(spawn_id)
    worker.spawn_id = spawn_id
    worker.load(path, "handler")
    until(lambda: worker.loaded or worker.failed, f"the load; {frontend.lines}")
    assert worker.loaded, (worker.failed, frontend.lines)
    return worker


def facts(worker: Any, request_of: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(worker.ask(request_of(b""))[0].body)
    return answer


def plain_fork(frontend: Any, worker: Any) -> str | None:
    reason: str | None = frontend.wait_for("SPAWNED", worker.spawn_id).get("plain_fork")
    return reason


def templates(frontend: Any) -> list[int]:
    """Return the template processes, by their names; not what they fork just now."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            named = _name(process) == "ts-imports" and _name(_parent(process)) != "ts-imports"
            if named and descends(process, frontend.init.pid):
                found.append(int(process.name))
    return found


def _name(process: Path) -> str:
    return (process / "comm").read_text().strip()


def _parent(process: Path) -> Path:
    return process.parent / (process / "stat").read_text().rpartition(")")[2].split()[1]


def descends(process: Path, ancestor: int) -> bool:
    while int(process.name) > 1:
        if int(process.name) == ancestor:
            return True
        process = _parent(process)
    return False

"""Fixtures that start the real server on free ports and hand out a client."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from torchserve_process import REPOSITORY, ModelStore, TorchServe, stop_what_is_left

MODELS = REPOSITORY / "test" / "models"

# Where the suite runs in the background, Ctrl-C is ignored, and servers would inherit that: a
# signal that has a handler here is back at its default in them.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish() -> None:
    """Leaves no server behind."""
    stop_what_is_left()


@pytest.fixture(scope="session")
def digits_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example, packed by the real archiver."""
    return ModelStore.build_example("digits", tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def seven() -> bytes:
    """A real handwritten seven, as a PNG."""
    return (REPOSITORY / "examples" / "digits" / "sample" / "seven.png").read_bytes()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., TorchServe]]:
    """Starts servers that end with the test, and checks that nothing of them is left."""
    servers: list[TorchServe] = []

    def factory(*models: str, **options: object) -> TorchServe:
        folder = tmp_path / f"server{len(servers)}"
        server = TorchServe(folder, **options)  # type: ignore[arg-type]
        servers.append(server)
        server.start(*models)
        return server

    yield factory
    for server in servers:
        server.stop()
    for server in servers:
        server.assert_nothing_left()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, digits_archive: Path) -> Iterator[TorchServe]:
    """One server for a module's tests: digits, and `commands` that misbehaves on request."""
    running = TorchServe(tmp_path_factory.mktemp("server"), torch=True)
    running.store.add_directory(MODELS / "commands")
    shutil.copy(digits_archive, running.store.path)
    running.start("digits.mar", "commands")
    running.wait_ready("digits")
    running.wait_ready("commands")
    yield running
    running.stop()
    running.assert_nothing_left()

"""The start: what it waits for, what it says meanwhile, and what makes the next one faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe, wait_for

GATED = """
import os, pathlib, time

def handle(data, context):
    if data is not None:
        return [context.model_name] * len(data)
    pathlib.Path({folder!r}, "loading-" + context.model_name).touch()
    while not os.path.exists(os.path.join({folder!r}, "go")):
        time.sleep(0.01)
"""


def test_listeners_answer_while_the_models_of_the_start_load_side_by_side(tmp_path: Path) -> None:
    server = TorchServe(tmp_path / "server")
    for name in ("one", "two"):
        server.store.write_handler(name, GATED.format(folder=str(tmp_path)), "minWorkers: 1")
    try:
        server.start("one", "two")
        wait_for(lambda: len(list(tmp_path.glob("loading-*"))) == 2, "both to load at once")
        assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200
        for name in ("one", "two"):
            ready = requests.get(f"{server.inference}/v1/models/{name}", timeout=30).json()
            assert ready.items() >= {"name": name, "ready": False}.items()
        (tmp_path / "go").touch()
        for name in ("one", "two"):
            assert server.predict(name, data=b"x").text == name
            ready = requests.get(f"{server.inference}/v1/models/{name}", timeout=30).json()
            assert ready.items() >= {"name": name, "ready": True}.items()
    finally:
        server.stop()
    server.assert_nothing_left()


def java(server: TorchServe) -> int:
    # Beside it may run another one, which makes the archive of classes.
    (pid,) = (
        pid
        for pid, words in server.processes().items()
        if "java" in words.split()[0] and "org.tsnext.server.ModelServer" in words
    )
    return pid


def uses(server: TorchServe, archive: Path) -> bool:
    return str(archive) in Path(f"/proc/{java(server)}/maps").read_text()


def strange(server: TorchServe) -> list[str]:
    """Lines of the JVM itself: those of the server begin with the time, but for a few."""
    jvm_options = "Warning: TorchServe is using non-default JVM parameters"
    own = ("20", "Model server started.", "\t", "org.", "Caused by", jvm_options)
    return [line for line in server.output if not line.startswith(own)]


def test_second_start_uses_the_archive_that_the_first_had_made(
    start: Callable[..., TorchServe], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache" / "torchserve-next"
    environment = {"XDG_CACHE_HOME": str(cache.parent)}
    servers = [start(environment=environment) for _ in range(2)]
    if "-Dtsnext.classArchive=" not in servers[0].processes()[java(servers[0])]:
        pytest.skip("this build has no list of classes")
    # Both had none, and one makes it; on a busy machine that takes a while, since it gives way.
    archive = wait_for(lambda: list(cache.glob("*.jsa")), "the archive", 400)[0]
    wait_for(lambda: not list(cache.glob("*.draft")), "the end of the work")
    assert len(list(cache.glob("*.jsa"))) == 1

    took = []
    for name in ("without", "with"):
        started = time.monotonic()
        if name == "without":
            start(config={"vmargs": "-Xshare:auto"}, environment=environment)
        else:
            faster = start(environment=environment)
            assert uses(faster, archive)
            assert strange(faster) == []
        took.append(f"{time.monotonic() - started:.2f} s {name} the archive")
    with capsys.disabled():
        print(f"\nstart: {', '.join(took)}")

    # An archive that is damaged, of another size, or not to be read is passed over in silence.
    whole = archive.read_bytes()
    for content in (whole[:100_000], whole + b"x"):
        archive.unlink()  # servers that run have it mapped
        archive.write_bytes(content)
        server = start(environment=environment)
        assert requests.get(f"{server.inference}/ping", timeout=30).status_code == 200
        assert strange(server) == []
        server.stop()

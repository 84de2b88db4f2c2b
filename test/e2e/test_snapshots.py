"""The state of the models is saved at each change, and is there again after the next start."""

from __future__ import annotations

import json
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"


class Restartable(TorchServe):
    """A server whose config.properties lies in its working folder, and which keeps snapshots."""

    def start_words(self, *models: str) -> list[str]:
        words = ["--start", "--model-store", str(self.store.path), *self.options]
        return words + (["--models", *models] if models else [])

    def snapshots(self) -> list[Path]:
        """The files, the newest first."""
        return sorted((self.logs / "config").glob("*.cfg"), reverse=True)

    def saved(self) -> dict[str, Any]:
        """The models of the newest snapshot."""
        files = self.snapshots()
        if not files:
            return {}
        line = next(
            line for line in files[0].read_text().splitlines() if line.startswith("model_snapshot=")
        )
        text = line.split("=", 1)[1].replace("\\n", "").replace("\\", "")
        models: dict[str, Any] = json.loads(text)["models"]
        return models

    def wait_saved(self, what: Callable[[dict[str, Any]], bool]) -> None:
        """Waits until the newest snapshot says something."""
        wait_for(lambda: what(self.saved()), f"a snapshot; the last one: {self.saved()}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    """Not started yet; its store holds `commands`, and the same under another name."""
    server = Restartable(tmp_path / "server")
    server.store.add_directory(MODELS / "commands")
    server.store.add_directory(MODELS / "commands", "again")
    yield server
    server.stop()
    server.assert_nothing_left()


def test_state_survives_a_restart_and_flags_of_the_start_do_not(server: Restartable) -> None:
    server.start()
    answer = requests.post(
        f"{server.management}/models",
        params={"url": "commands", "model_name": "mine", "batch_size": 3, "initial_workers": 1},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    scaled = requests.put(
        f"{server.management}/models/mine",
        params={"min_worker": 2, "max_worker": 3, "synchronous": "true"},
        timeout=60,
    )
    assert scaled.status_code == 200, scaled.text
    server.wait_saved(lambda models: models.get("mine", {}).get("1.0", {}).get("minWorkers") == 2)
    assert server.stop() == 128 + signal.SIGTERM
    names = [file.name[18:] for file in server.snapshots()]
    assert names[0] == "shutdown.cfg"
    assert names[-1] == "startup.cfg"
    assert "snapshot.cfg" in names
    for file in server.snapshots():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        text = file.read_text()
        assert text.startswith("#Saving snapshot\n")
        assert "token" not in text
        assert "enable_model_api" not in text

    (server.logs / "config" / "stray.cfg").write_text("not a snapshot")
    server.options = ("--disable-token-auth",)
    server.start()
    server.wait_ready("mine", 2)
    described = server.describe("mine")
    assert (described["minWorkers"], described["maxWorkers"]) == (2, 3)
    assert described["batchSize"] == 3
    assert described["settingSources"]["batchSize"] == "request"
    assert server.order("pid", "mine").status_code == 200
    server.wait_log("ts_log.log", r"Restoring the state of 1 model versions, saved at .*shutdown")
    refused = requests.post(f"{server.management}/models?url=again", timeout=60)
    assert refused.status_code == 405, "--enable-model-api of the first start is over"

    server.stop()
    server.start("again")
    server.wait_ready("commands")
    assert not server.registered("mine"), "models named by --models decide"


def test_killed_server_comes_back_with_what_its_store_still_has(server: Restartable) -> None:
    server.start("a=commands", "b=again")
    server.wait_ready("a")
    server.wait_ready("b")
    server.wait_saved(lambda models: set(models) == {"a", "b"})
    server.stop(signal.SIGKILL)
    wait_for(lambda: not server.processes(), "no process left")
    shutil.rmtree(server.temp)
    server.temp.mkdir()
    shutil.move(server.store.path / "again", server.folder / "taken-away")

    server.start()
    server.wait_ready("a")
    missing = server.describe("b")
    assert (missing["modelVersion"], missing["state"]) == ("1.0", "FAILED")
    server.wait_log("ts_log.log", "Failed to load model: again: Model not found")
    server.stop()
    shutil.move(server.folder / "taken-away", server.store.path / "again")

    server.start()
    server.wait_ready("a")
    server.wait_ready("b")


def test_snapshot_that_a_person_wrote_is_followed(tmp_path: Path) -> None:
    """In the file that --ts-config names, as the Kubernetes samples of TorchServe 0.12 do it."""
    snapshot = (
        '{"name":"startup.cfg","modelCount":1,"models":{"mnist":{"1.0":{"defaultVersion":true,'
        '"marName":"commands","minWorkers":1,"maxWorkers":5,"batchSize":2,"maxBatchDelay":200,'
        '"responseTimeout":60}}}}'
    )
    server = TorchServe(tmp_path / "server", config={"model_snapshot": snapshot})
    server.store.add_directory(MODELS / "commands")
    try:
        server.start()
        server.wait_ready("mnist")
        described = server.describe("mnist")
        assert (described["minWorkers"], described["maxWorkers"]) == (1, 5)
        assert described["batchSize"] == 2
        assert described["responseTimeout"] == 60
        assert described["settingSources"]["batchSize"] == "snapshot"
        assert not (server.logs / "config").exists(), "--ncs writes nothing"
    finally:
        server.stop()
    server.assert_nothing_left()

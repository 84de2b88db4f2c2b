"""The wheel alone, in an empty virtual environment in another folder, starts a server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from torchserve_process import REPOSITORY, TorchServe

HANDLER = """
import sys


def handle(data, context):
    return None if data is None else ["torch" if "torch" in sys.modules else "no torch"] * len(data)
"""


class Elsewhere(TorchServe):
    """A server of another virtual environment."""

    bin: Path

    def command(self, *words: str) -> list[str]:
        return [str(self.bin / "torchserve"), *words]


def test_wheel_in_an_empty_environment_serves_without_torch_and_without_the_clone(
    tmp_path: Path,
) -> None:
    wheels = sorted((REPOSITORY / ".venv" / "wheels").glob("torchserve_next-*.whl"))
    if not wheels:
        pytest.skip("no wheel in .venv/wheels: run scripts/setup")
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run(
        [environment / "bin" / "pip", "install", "-q", wheels[-1]],
        check=True,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    server = Elsewhere(tmp_path / "server", environment={"XDG_CACHE_HOME": os.devnull})
    server.bin = environment / "bin"
    server.store.write_handler("plain", HANDLER, "minWorkers: 1\nmaxWorkers: 1\n")
    server.start("plain")
    try:
        server.wait_ready("plain")
        assert server.predict("plain", data=b"x").text == "no torch"
        for pid, words in server.processes().items():
            assert f"{REPOSITORY}/" not in words, words
            assert not Path(os.readlink(f"/proc/{pid}/cwd")).is_relative_to(REPOSITORY)
    finally:
        server.stop()
    server.assert_nothing_left()

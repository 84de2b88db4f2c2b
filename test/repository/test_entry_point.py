"""deploy/docker/dockerd-entrypoint.sh with a `torchserve` that prints its words: no container."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ENTRY_POINT = Path(__file__).resolve().parents[2] / "deploy/docker/dockerd-entrypoint.sh"
CONFIG = "/home/model-server/config.properties"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    command = tmp_path / "torchserve"
    command.write_text('#!/bin/sh\necho "$@"\n')
    command.chmod(0o755)
    return tmp_path


def words_of_torchserve(folder: Path, *words: str, **variables: str) -> str:
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **variables}
    return subprocess.run(
        [ENTRY_POINT, *words], env=environment, capture_output=True, text=True, check=True
    ).stdout.rstrip("\n")


@pytest.mark.parametrize(
    ("words", "run"),
    [
        ((), f"--start --ts-config {CONFIG} --foreground"),
        (("serve", "--models", "all"), f"--start --ts-config {CONFIG} --models all --foreground"),
        (("torchserve",), "--foreground"),
        (("torchserve", "--models", "stop"), "--models stop --foreground"),
        (("torchserve --start --ncs",), "--start --ncs --foreground"),
    ],
)
def test_start_stays_in_the_foreground(folder: Path, words: tuple[str, ...], run: str) -> None:
    assert words_of_torchserve(folder, *words) == run


@pytest.mark.parametrize(
    "words",
    [
        "models",
        "models digits --json",
        "try my_model --data x",
        "dev my_model",
        "predict digits --input -",
        "status",
        "stop",
        "--version",
        "-v",
        "--help",
        "-h",
        "--stop",
        "--stop --ts-config x",
        "--check --json",
        "--print-config",
        "--start --foreground",
    ],
)
def test_other_words_of_torchserve_are_as_given(folder: Path, words: str) -> None:
    assert words_of_torchserve(folder, "torchserve", *words.split()) == words
    assert words_of_torchserve(folder, str(folder / "torchserve"), *words.split()) == words
    assert words_of_torchserve(folder, f"torchserve {words}") == words


def test_variable_has_serve_ask_for_no_tokens(folder: Path) -> None:
    assert words_of_torchserve(folder, "serve", TS_DISABLE_TOKEN_AUTHORIZATION="true") == (
        f"--start --ts-config {CONFIG} --disable-token-auth --foreground"
    )

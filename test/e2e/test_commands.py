"""The commands of `torchserve` and the Python clients, against one real server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torchserve_process import REPOSITORY, ModelStore, TorchServe, wait_for
from ts.client import AsyncClient, Client, ServerError, Tokens

ECHO = """
from ts.handler_utils.utils import send_intermediate_predict_response
def handle(data, context):
    if data is None:
        return None
    body = data[0]["body"]
    print("asked", flush=True)
    if body == "stream":
        send_intermediate_predict_response(["one "], context.request_ids, "ok", 200, context)
        return ["two"]
    return [{"body": str(body)}]
"""
BROKEN = """
def handle(data, context):
    words = {}["vocab"]
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[TorchServe, subprocess.CompletedProcess[str]]]:
    """A server in the background, started with `--wait`: one model is whole, one is broken."""
    server = TorchServe(tmp_path_factory.mktemp("commands"), options=())
    server.store.write_handler("echo", ECHO)
    server.store.write_handler("broken", BROKEN)
    words = server.command(*server.start_words("echo", "broken", "eho.mar"), "--wait=80")
    done = run_in(server, words)
    yield server, done
    run_in(server, server.command("stop", "--ts-config", str(server.config_file)))
    server.assert_nothing_left()


@pytest.fixture(scope="module")
def run(started: tuple[TorchServe, Any]) -> Run:
    """Runs a command about the server."""
    server = started[0]

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        first, *rest = words
        return run_in(server, server.command(first, "--ts-config", str(server.config_file), *rest))

    return command


def run_in(server: TorchServe, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_start_with_wait_tells_how_each_model_ended(started: tuple[TorchServe, Any]) -> None:
    server, done = started

    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert any(line.startswith("echo READY 1/1 in ") for line in lines), lines
    (broken,) = (line for line in lines if line.startswith("broken FAILED: "))
    assert "handler.py:3" in broken
    assert "KeyError: 'vocab'" in broken
    assert f"The model store {server.store.path} has broken, echo. Did you mean echo?" in lines
    assert lines[-1].startswith("Model server started, but 2 of 3 models failed.")


def test_status_and_models_say_what_is_and_what_is_not(run: Run) -> None:
    status = run("status")
    assert status.returncode == 1
    assert "is not ready" in status.stdout
    models = json.loads(run("models", "--json").stdout)
    assert {m["modelName"]: m["state"] == "READY" for m in models} == {
        "broken": False,
        "echo": True,
        "eho": False,
    }
    assert "KeyError: 'vocab'" in run("models", "broken").stdout


def test_wait_for_one_model(run: Run) -> None:
    done = run("wait", "echo", "--limit", "60")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("echo READY 1/1 in ")
    assert run("wait", "--limit", "60").returncode == 1


def test_predict_has_the_token_and_streams(run: Run) -> None:
    assert json.loads(run("predict", "echo", "--data", "x").stdout) == {"body": "x"}
    assert run("predict", "echo", "--data", "stream").stdout == "one two"
    missing = run("predict", "ech", "--data", "x")
    assert missing.returncode == 1
    assert "Did you mean echo?" in missing.stderr


def test_token_opens_the_server_for_other_clients(
    run: Run, started: tuple[TorchServe, Any]
) -> None:
    import requests

    token = run("token").stdout.strip()
    answer = requests.post(
        f"{started[0].inference}/predictions/echo",
        data=b"x",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "text/plain"},
        timeout=60,
    )
    assert answer.json() == {"body": "x"}


def test_logs_of_a_model_and_of_the_server(run: Run) -> None:
    run("predict", "echo", "--data", "x")

    wait_for(lambda: "MODEL_LOG - asked" in run("logs", "echo").stdout, "what the handler printed")
    assert "KeyError: 'vocab'" in run("logs", "broken", "-n", "10000").stdout
    assert "W-9000-echo" not in run("logs", "broken").stdout
    assert run("logs").stdout


def test_clients_ask_describe_and_scale(started: tuple[TorchServe, Any]) -> None:
    import asyncio

    server = started[0]
    tokens = Tokens.read(server.folder / "key_file.json")
    with Client(server.inference, server.management, tokens=tokens) as client:
        assert client.predict("echo", "x") == {"body": "x"}
        assert list(client.stream("echo", "stream")) == [b"one ", b"two"]
        assert client.predict("echo", {"a": 1}) == {"body": "{'a': 1}"}
        assert client.describe("echo")[0].ready
        assert client.scale("echo", 1) == "Workers scaled to 1 for model: echo"
        assert not client.ready()
        with pytest.raises(ServerError, match="--enable-model-api"):
            client.register("echo")

    async def ask() -> list[Any]:
        async with AsyncClient(server.inference, server.management, tokens=tokens) as client:
            parts = [part async for part in client.stream("echo", "stream")]
            return [*await asyncio.gather(*(client.predict("echo", "x") for _ in range(3))), *parts]

    assert asyncio.run(ask()) == [{"body": "x"}] * 3 + [b"one ", b"two"]


SERVE = """
import json, os, sys, ts
server = ts.serve(sys.argv[1], models=["echo"], wait=False)
print(json.dumps([server.pid, str(server.folder)]), flush=True)
sys.stdin.read()
"""
FAILS = """
import ts
try:
    ts.serve("model_store", models=["broken"])
except Exception as error:
    print(type(error).__name__, error)
"""
DIGITS = """
def handle(data, context):
    return data and [{"class": "7"} for _ in data]
"""


def python_blocks() -> list[str]:
    page = (REPOSITORY / "docs" / "python-client.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_every_block_of_the_page_runs_and_leaves_nothing(tmp_path: Path) -> None:
    home = TorchServe(tmp_path / "home", options=())
    for name, code in (("digits", DIGITS), ("broken", BROKEN)):
        ModelStore(home.folder / "model_store").write_handler(name, code)
    (home.folder / "seven.png").write_bytes(b"png")
    # In one program, as in a notebook: what is there is imported and compiled once.
    blocks = python_blocks()
    (fixture,) = (block for block in blocks if "pytest" in block)
    (home.folder / "test_page.py").write_text(fixture)
    blocks[blocks.index(fixture)] = (
        "import pytest\nassert pytest.main(['-q', '-p', 'no:cacheprovider', 'test_page.py']) == 0\n"
    )
    program = "\n".join([*blocks, FAILS])
    home.environment["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1"  # as in every other test

    done = run_in(home, [sys.executable, "-c", program])

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "404 Model not found: digit" in done.stdout
    assert "Workers scaled to 2 for model: digits" in done.stdout
    assert "['7', '7', '7', '7', '7', '7', '7', '7']" in done.stdout
    assert "ModelFailed broken FAILED: " in done.stdout
    assert "KeyError: 'vocab' (handler.py:3, in handle)" in done.stdout
    home.assert_nothing_left()


def _program_that_serves(server: TorchServe, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, str(server.store.path)],
        env={**server.environment, "TMPDIR": str(folder)},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_server_of_a_killed_program_ends_and_its_folder_goes(
    started: tuple[TorchServe, Any], tmp_path: Path
) -> None:
    with _program_that_serves(started[0], tmp_path) as process:
        assert process.stdout is not None
        pid, folder = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGKILL)

    wait_for(lambda: not Path(folder).exists(), "the guard removes the folder")
    wait_for(lambda: _has_gone(pid), "the server has gone")


def test_program_that_is_killed_while_its_server_starts_leaves_nothing(
    started: tuple[TorchServe, Any], tmp_path: Path
) -> None:
    with _program_that_serves(started[0], tmp_path) as process:
        wait_for(lambda: _commands_with(f"-Djava.io.tmpdir={tmp_path}"), "the JVM")
        process.kill()
        assert process.stdout is not None
        assert process.stdout.read() == "", "the start had not ended"

    wait_for(lambda: not list(tmp_path.glob("ts-serve-*")), "the guard removes the folder")
    wait_for(lambda: not _commands_with(str(tmp_path)), "no process is left")


def _commands_with(word: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return [words for words in found if word in words]


def _has_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"

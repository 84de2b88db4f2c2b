"""Standard streams that are closed or full, and locales that are not of UTF-8."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import TorchServe, wait_for

CLOSED = "<&- >&- 2>&-"
FULL = "<&- >/dev/full 2>&1"

PRINTS = """
import sys

def handle(data, context):
    if data is not None:
        print("stdout of the handler", flush=True)
        print("stderr of the handler", file=sys.stderr, flush=True)
        return ["done"] * len(data)
"""

TELLS = """
import locale, os, subprocess, sys

def handle(data, context):
    if data is None:
        return
    folder = context.system_properties["model_dir"]
    print("gedruckt für 模型", flush=True)
    child = subprocess.run(
        [sys.executable, "-c", "print(open(0).read())"], input="für 模型".encode(),
        capture_output=True, check=True,
    )
    return [{
        "names": sorted(name for name in os.listdir(folder) if name.endswith(".txt")),
        "text": open(os.path.join(folder, "größe 模型.txt")).read(),
        "LC_ALL": os.environ.get("LC_ALL"),
        "file_names": sys.getfilesystemencoding(),
        "texts": locale.getpreferredencoding(False),
        "stdout": sys.stdout.encoding,
        "child": child.stdout.decode().strip(),
    }] * len(data)
"""


def run(
    server: TorchServe, redirections: str, *words: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *server.command(*words)],
        env={**server.environment, **environment},
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=150,
    )


def unsafe_streams(server: TorchServe) -> list[str]:
    """Standard descriptors that lead into a file or socket that is not for output."""
    found = []
    for pid, words in server.processes().items():
        for number in range(3):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{number}")
            except FileNotFoundError:
                target = "closed"
            fine = re.fullmatch(r"/dev/(null|full)|pipe:.*|.*\.out|/memfd:.*", target)
            if fine is None:
                found.append(f"{words}: {number} is {target}")
    return found


@pytest.fixture
def printing(tmp_path: Path) -> Iterator[TorchServe]:
    server = TorchServe(tmp_path / "server")
    server.store.write_handler("forked", PRINTS, "minWorkers: 1")
    server.store.write_handler("spawned", PRINTS, "minWorkers: 1\nworkerStart: spawn")
    yield server
    run(server, "", "--stop")
    server.assert_nothing_left()


@pytest.mark.parametrize("redirections", [CLOSED])
def test_server_runs_and_logs_whatever_the_streams_of_its_start_are(
    printing: TorchServe, redirections: str
) -> None:
    started = run(printing, redirections, *printing.start_words("forked", "spawned"))
    assert started.returncode == 0
    for model in ("forked", "spawned"):
        printing.wait_ready(model)
        assert printing.predict(model, data=b"x").text == "done"
        for stream in ("stdout", "stderr"):
            line = rf"-{model}_1\.0-{stream} MODEL_LOG - {stream} of the handler$"
            printing.wait_log("model_log.log", line)
    assert unsafe_streams(printing) == []
    stopped = run(printing, redirections, "--stop")
    assert stopped.returncode == 0
    assert not printing.processes()


@pytest.mark.parametrize("redirections", [FULL])
def test_server_in_the_foreground_needs_no_streams(printing: TorchServe, redirections: str) -> None:
    words = printing.command(*printing.start_words("forked"), "--foreground")
    with subprocess.Popen(
        ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *words],
        env=printing.environment,
        cwd=printing.folder,
    ) as process:
        wait_for(lambda: answers(printing), "the listener")
        printing.wait_ready("forked")
        assert printing.predict("forked", data=b"x").text == "done"
        printing.wait_log("model_log.log", "stderr of the handler$")
        assert unsafe_streams(printing) == []
        process.terminate()
        assert process.wait(60) == 143


def answers(server: TorchServe) -> bool:
    try:
        return requests.get(f"{server.inference}/ping", timeout=30).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    "variables",
    [{"LANG": "de_DE.ISO-8859-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["LANG", "C"],
)
def test_names_outside_ascii_in_any_locale(tmp_path: Path, variables: dict[str, str]) -> None:
    environment = dict.fromkeys(("LC_ALL", "LC_CTYPE", "LANG"), "")
    environment.update(variables)
    server = TorchServe(tmp_path / "Ordner für Größen 模型", environment=environment)
    (server.folder / "größe 模型.txt").write_text("Inhalt für 模型", encoding="utf-8")
    (server.folder / "tells.py").write_text(TELLS, encoding="utf-8")
    (server.folder / "spawn.yaml").write_text("minWorkers: 1\nworkerStart: spawn\n")
    archiver = [str(Path(sys.executable).parent / "torch-model-archiver"), "--handler", "tells.py"]
    archiver += ["--version", "1.0", "--export-path", str(server.store.path)]
    archiver += ["--extra-files", "größe 模型.txt"]
    for name, more in (("forked", []), ("spawned", ["--config-file", "spawn.yaml"])):
        subprocess.run(
            [*archiver, "--model-name", name, *more],
            check=True,
            cwd=server.folder,
            env={**os.environ, **environment},
        )
    (server.store.path / "forked.mar").rename(server.store.path / "gefördert 模型.mar")
    started = run(server, "", *server.start_words("forked=gefördert 模型.mar", "spawned.mar"))
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        for model in ("forked", "spawned"):
            server.wait_ready(model)
            answer = server.predict(model, data=b"x")
            assert answer.status_code == 200, answer.text
            told = json.loads(answer.content)
            assert told["names"] == ["größe 模型.txt"]
            assert told["text"] == "Inhalt für 模型"
            assert told["LC_ALL"] == environment["LC_ALL"] or not environment["LC_ALL"]
            assert told["child"] == "für 模型"
            assert {told["file_names"], told["texts"].lower(), told["stdout"]} == {"utf-8"}
            server.wait_log(
                "model_log.log", rf"-{model}_1\.0-stdout MODEL_LOG - gedruckt für 模型$"
            )
        assert str(server.logs) in started.stdout.decode("utf-8")
    finally:
        assert run(server, "", "--stop").returncode == 0
    server.assert_nothing_left()

"""docs/handlers.md keeps its word: its handlers load, and its commands print what it shows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from model_archiver._config_keys import KNOWN_KEYS
from page_reader import blocks_of
from torchserve_process import REPOSITORY, TorchServe

PAGE = (REPOSITORY / "docs" / "handlers.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)


def named(language: str) -> dict[str, str]:
    """The blocks of a language whose first line is the name of a file, by that without ending."""
    found = {}
    for kind, text in BLOCKS:
        name = re.match(r"# (\w+)\.\w+", text)
        if kind == language and name:
            found[name.group(1)] = text
    return found


HANDLERS = named("python")
CONFIGS = named("yaml")
COMMANDS = [
    (commands, shown)
    for (first, commands), (second, shown) in pairwise(BLOCKS)
    if (first, second) == ("bash", "text")
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server that has all handlers of the page."""
    running = TorchServe(tmp_path_factory.mktemp("page"), torch=True)
    (running.folder / "page.txt").write_text("a page\n")
    for name, code in HANDLERS.items():
        running.store.write_handler(name, code, CONFIGS.get(name, ""))
    running.start(*HANDLERS)
    for name in HANDLERS:
        running.wait_ready(name)
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.mark.parametrize(("commands", "shown"), COMMANDS)
def test_commands_print_what_the_page_shows(server: TorchServe, commands: str, shown: str) -> None:
    assert "localhost:8080/" in commands
    done = subprocess.run(
        ["bash", "-c", commands.replace("localhost:8080", f"127.0.0.1:{server.inference_port}")],
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip("\n") == shown.rstrip("\n")


def test_each_block_is_run() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert kinds.count("python") == len(HANDLERS)
    assert kinds.count("bash") == kinds.count("text") == len(COMMANDS)
    assert set(CONFIGS) <= set(HANDLERS)
    assert set(kinds) <= {"python", "yaml", "bash", "text"}
    asked = " ".join(commands for commands, _ in COMMANDS)
    assert all(f"/predictions/{name} " in asked for name in HANDLERS)


def test_settings_of_the_page_are_known() -> None:
    own = {"limit"}
    for kind, text in BLOCKS:
        if kind == "yaml":
            assert set(yaml.safe_load(text)) <= KNOWN_KEYS | own


def test_logs_have_what_the_handler_says(server: TorchServe) -> None:
    server.predict("measured", data="", headers={"x-request-id": "logged-1"}).raise_for_status()
    server.wait_log("model_log.log", r"1 requests, the first is logged-1$")


def test_names_of_the_page_exist() -> None:
    settings = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    for key in ("decode_input_request", "error_detail", "json_nan", "model_metrics_auto_detect"):
        assert f"`{key}" in PAGE
        assert f"`{key}`" in settings
    for link in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", PAGE):
        assert Path(REPOSITORY / "docs" / link).exists(), link

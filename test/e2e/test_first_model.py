"""docs/first-model.md, walked by a newcomer: an empty environment, the wheels, and no JDK."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import newcomer
import pytest
from page_reader import Block, Reader, assert_same_json, blocks_of
from torchserve_process import REPOSITORY

PAGE = (REPOSITORY / "docs" / "first-model.md").read_text(encoding="utf-8")
LIMIT_SEC = 900
"""Far above what the page says: other tests run beside this one."""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    if shutil.which("curl") is None:
        pytest.skip("the page's commands need curl")
    one = Reader(tmp_path)
    (one.clone / "examples").unlink()
    config = one.clone / "config.properties"
    config.write_text(config.read_text().replace("default_workers_per_model=1\n", ""))
    for wheel in newcomer.wheels():
        (one.clone / wheel.name).symlink_to(wheel)
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    programs = newcomer.programs_without_java(tmp_path / "programs")
    one.environment = {
        **{k: v for k, v in one.environment.items() if not k.startswith(("JAVA_", "PYTEST_"))},
        "PATH": f"{one.clone}/venv/bin:{programs}",
        # What a first start leaves for the next one is not there; what pip has fetched may be.
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", f"{cache}/pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    yield one
    one.leaves()


def file_name(block: Block) -> str | None:
    """The file that a block shows, by its first line."""
    name = re.match(r"# ([\w./-]+\.\w+)\n", block.text)
    return name.group(1) if name else None


def comparable(text: str) -> list[str]:
    """Lines without what differs by machine: counts of workers, times, and values of metrics.

    The stages of a model that loads are one line on a terminal, and those of two in any order.
    """
    by_machine = r'\d+/\d+|\d+ of 100\b|\d+\.\d+|(?<="gpu": )\w+'
    measured = [re.sub(by_machine, "#", line) for line in text.splitlines()]
    lines = [line for line in measured if not re.search(r" (starting|imported|loaded #)$", line)]
    return sorted(lines) if any(" READY " in line for line in lines) else lines


def assert_as_shown(printed: str, shown: Block) -> None:
    if shown.language == "json":
        assert_same_json(printed, shown)
        answer, page = json.loads(printed), json.loads(shown.text)
        assert max(answer, key=answer.get) == max(page, key=page.get)
    else:
        assert shown.language == "text"
        assert comparable(printed) == comparable(shown.text)


def cpu_of_commands() -> float:
    """CPU seconds of the processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def test_newcomer_walks_it(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    began, used = time.monotonic(), cpu_of_commands()
    outputs: dict[str, str] = {}
    install, *rest = blocks_of(PAGE)
    make, *installs = install.commands()
    reader.types(make)
    packages = newcomer.packages_without_ours(reader.clone.parent / "packages")
    newcomer.let_see(reader.clone / "venv", packages)
    for command in installs:
        reader.types(command)
    assert reader.types("command -v java || true") == ""

    last = ""
    for block in rest:
        name = file_name(block)
        if name:
            path = reader.clone / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(reader.on_free_ports(block.text), encoding="utf-8")
        elif block.language == "bash":
            for command in block.commands():
                last = outputs[command] = reader.types(command)
        else:
            assert_as_shown(last, block)

    took = time.monotonic() - began
    with capsys.disabled():
        print(
            f"\ndocs/first-model.md: {took:.0f} s, without torch's installation; its commands took"
            f" {cpu_of_commands() - used:.0f} s of CPU time"
        )
    assert took < LIMIT_SEC
    (metrics,) = (text for command, text in outputs.items() if "/metrics" in command)
    requests, batches = (float(line.split()[-1]) for line in metrics.splitlines())
    assert requests == 64
    assert 8 <= batches < 64


def test_wheels_that_pages_name_are_those_that_are_built() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    built = {wheel.name for wheel in newcomer.wheels()}
    for page in (PAGE, readme):
        assert set(re.findall(r"pip install '?\./([\w.-]+\.whl)", page)) == built


def test_pages_in_words_and_commands_name_what_exists() -> None:
    for block in blocks_of(PAGE):
        assert block.language in {"bash", "json", "text", "python", "yaml"}
        assert file_name(block) or block.language not in {"python", "yaml"}
    for link in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", PAGE):
        assert (REPOSITORY / "docs" / link).exists(), link

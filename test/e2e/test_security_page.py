"""Holds docs/security.md and docs/reliability.md to their word: every test they name exists."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from torchserve_process import REPOSITORY

PAGES = {
    name: (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
    for name in ("security.md", "reliability.md")
}
TEXT = "\n".join(PAGES.values())
PYTHON = sorted(set(re.findall(r"`([\w/.-]+\.py)::(\w+)`", TEXT)))
JAVA = sorted(set(re.findall(r"`(\w+)#(\w+)`", TEXT)))
HEADS = ("| threat | promise | shown by |", "| promise | shown by |")
FOLDERS = ("test", "ts-python/tests", "model-archiver/tests", "examples")


@cache
def texts(name: str) -> list[str]:
    """The content of every test file of that name or path."""
    folders = ("frontend",) if name.endswith(".java") else FOLDERS
    found = [
        path
        for folder in folders
        for path in (REPOSITORY / folder).rglob(Path(name).name)
        if path.as_posix().endswith(f"/{name}") and "target" not in path.parts
    ]
    return [path.read_text(encoding="utf-8") for path in found]


@pytest.mark.parametrize(("file", "test"), PYTHON)
def test_named_python_test_exists(file: str, test: str) -> None:
    assert any(re.search(rf"^(async )?def {test}\(", text, re.M) for text in texts(file))


@pytest.mark.parametrize(("file", "test"), JAVA)
def test_named_java_test_exists(file: str, test: str) -> None:
    assert any(re.search(rf"\b{test}\(", text) for text in texts(f"{file}.java"))


@pytest.mark.parametrize("name", PAGES)
def test_page_names_tests_in_every_promise(name: str) -> None:
    assert len(PYTHON) > 5
    assert len(JAVA) > 5
    lines = [line for line in PAGES[name].splitlines() if line.startswith("| ") and "|" in line[2:]]
    first = min(lines.index(head) for head in HEADS if head in lines)
    bare = [
        line
        for line in lines[first:]
        if line not in HEADS and not re.search(r"`\w+#\w+`|`[\w/.-]+\.py::\w+`", line)
    ]
    assert not bare, "a promise without the test that shows it"


@pytest.mark.parametrize("name", PAGES)
def test_no_row_of_a_page_is_there_twice(name: str) -> None:
    firsts = [
        line.split(" | ")[0]
        for line in PAGES[name].splitlines()
        if line.startswith("| ") and line not in HEADS
    ]
    assert len(firsts) > 20
    assert [first for first, count in Counter(firsts).items() if count > 1] == []


@pytest.mark.parametrize("name", PAGES)
def test_each_table_of_a_page_is_whole_and_apart_from_what_surrounds_it(name: str) -> None:
    """A blank line ends a table: what comes after it is shown as text with bars."""
    tables = 0
    for block in re.split(r"\n{2,}", PAGES[name]):
        lines = block.splitlines()
        if not any(line.startswith("|") for line in lines):
            continue
        tables += 1
        assert all(line.startswith("|") for line in lines), f"no blank line beside: {lines[-1]}"
        assert re.fullmatch(r"[|-]+", lines[1] if len(lines) > 1 else ""), f"no head: {lines[0]}"
        bars = {len(re.findall(r" \| ", line)) for line in (lines[0], *lines[2:])}
        assert len(bars) == 1, f"rows of {bars} columns under {lines[0]}"
    assert tables > 5

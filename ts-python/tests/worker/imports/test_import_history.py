"""What was learnt of a model's imports counts for its code and its installed packages alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ts._protocol.frames import FrameType

from .conftest import HANDLER, HEAVY, Site, facts, plain_fork, ready, templates

IN_A_FUNCTION = HANDLER.replace("if data is None:", "if data is None:\n        load()")
FRESH = """
import os, sys
FOUND = [name for name in ("fresh", "heavy") if name in sys.modules]
import fresh
def handle(data, context):
    return [{"found": FOUND, "imported_in": fresh.PID} for _ in data or ()]
"""
REFUSED = "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)\n"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history"


def learn(frontend: Any, path: Path, until: Any, history: Path) -> None:
    """Have the worker of a first version say what it has imported in a function."""
    worker = ready(frontend, path, until, 1, history=str(history))
    names = worker.loaded["imported"]
    frontend.send(FrameType.IMPORTED, frontend.template + 1, {"names": names})
    until(lambda: list(history.glob("*.json")), "the imports to be kept")


def release(frontend: Any, until: Any, version: int) -> None:
    frontend.send(FrameType.RELEASE, frontend.template + version)
    until(lambda: not templates(frontend), "the end of the template process")


@pytest.mark.parametrize("is_loaded", [True, False])
def test_archive_replaced_under_its_name_gets_the_imports_of_its_new_content(
    frontend: Any,
    site: Site,
    folder: Any,
    history: Path,
    request_of: Any,
    until: Any,
    is_loaded: bool,
) -> None:
    site.package("heavy", HEAVY, modules=30)
    site.package("fresh", HEAVY)
    path = folder("m", "def load(): import heavy", IN_A_FUNCTION)
    learn(frontend, path, until, history)
    before = templates(frontend)
    if not is_loaded:
        release(frontend, until, 1)
    (path / "handler.py").write_text(FRESH)
    worker = ready(frontend, path, until, 2, history=str(history))
    assert plain_fork(frontend, worker) is None
    fact = facts(worker, request_of)
    assert fact["found"] == ["fresh"]
    assert fact["imported_in"] in set(templates(frontend)) - set(before)
    assert len(templates(frontend)) == (2 if is_loaded else 1)


def test_what_was_learnt_counts_for_the_packages_with_which_it_was_learnt(
    frontend: Any, site: Site, folder: Any, history: Path, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY, modules=30)
    site.install("heavy", "1.0")
    path = folder("m", "def load(): import heavy", IN_A_FUNCTION)
    learn(frontend, path, until, history)
    release(frontend, until, 1)
    site.install("heavy", "2.0")
    worker = ready(frontend, path, until, 2, history=str(history))
    assert facts(worker, request_of)["imported_in"] == worker.hello["pid"]
    assert "heavy.part29" in worker.loaded["imported"]
    assert not templates(frontend)
    site.install("heavy", "1.0")
    again = ready(frontend, path, until, 3, history=str(history))
    assert facts(again, request_of)["imported_in"] in templates(frontend)


def test_import_that_could_not_be_shared_is_tried_again_with_another_version_of_a_package(
    frontend: Any, site: Site, folder: Any, history: Path, request_of: Any, until: Any
) -> None:
    site.package("heavy", HEAVY + REFUSED)
    site.install("heavy", "1.0")
    path = folder("m", "import heavy")
    first = ready(frontend, path, until, 1, history=str(history))
    assert plain_fork(frontend, first) == "importing heavy set a signal handler"
    until(lambda: list(history.glob("*.json")), "the refusal to be kept")
    release(frontend, until, 1)
    (site.folder / "heavy" / "__init__.py").write_text(HEAVY)
    kept = ready(frontend, path, until, 2, history=str(history))
    assert plain_fork(frontend, kept) == "importing heavy set a signal handler"
    site.install("heavy", "2.0")
    worker = ready(frontend, path, until, 3, history=str(history))
    assert plain_fork(frontend, worker) is None
    assert facts(worker, request_of)["imported_in"] in templates(frontend)

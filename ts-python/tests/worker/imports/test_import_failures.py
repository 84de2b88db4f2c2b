"""Imports that never end, and template processes that cannot fork, cost no worker its start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import INIT
from .conftest import HEAVY, Site, facts, plain_fork, ready, templates

HANGS = """
import time
with open({log!r}, "a") as log, open("/proc/self/comm") as name:
    found = name.read()
    log.write(found)
if found == "ts-imports\\n":
    time.sleep(600)
"""
SHORT_LIMIT = f"""
import importlib.util, sys
del sys.path[0]
spec = importlib.util.spec_from_file_location("start_of_init", {str(INIT)!r})
start = importlib.util.module_from_spec(spec)
spec.loader.exec_module(start)
start._use_own_package()
from ts._zygote import import_versions
import_versions.IMPORT_LIMIT_SEC = 1.0
from ts._zygote import supervisor
sys.exit(supervisor.main())
"""


def test_import_over_the_limit_is_ended_and_told_and_not_tried_again(
    make_frontend: Callable[..., Any],
    python_path: str,
    site: Site,
    folder: Any,
    tmp_path: Path,
    request_of: Any,
    until: Any,
) -> None:
    log = tmp_path / "imported-by"
    log.touch()
    site.package("heavy", HEAVY + HANGS.format(log=str(log)))
    frontend = make_frontend(start=("-c", SHORT_LIMIT), env={"PYTHONPATH": python_path})
    path = folder("m", "import heavy")
    reason = "importing heavy takes longer than 1 s"
    workers = [ready(frontend, path, until)]
    until(lambda: not templates(frontend), "the end of the template process")
    tried = log.read_text().count("ts-imports")
    workers += [ready(frontend, path, until, version) for version in (1, 2)]
    for worker in workers:
        fact = facts(worker, request_of)
        assert fact["imported_in"] == fact["pid"]
        assert plain_fork(frontend, worker) == reason
    assert f"Imports are not shared between workers: {reason}" in frontend.text(0)
    assert not templates(frontend)
    assert log.read_text().count("ts-imports") == tried


# The first call is that of the check of the imports.
FAILING_FORK = """
import errno, os
left, fork = {left}, os.fork
def failing():
    global left
    left -= 1
    if left == 0:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    return fork()
os.fork = failing
"""


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        pytest.param(2, "the fork failed: [Errno 12] Cannot allocate memory", id="first"),
        pytest.param(3, "the process before its reaper ended with status 256", id="reaper"),
        pytest.param(4, "its reaper ended before it was started", id="worker"),
    ],
)
def test_worker_that_its_template_cannot_fork_comes_from_the_zygote_and_the_reason_is_told(
    frontend: Any,
    site: Site,
    folder: Any,
    request_of: Any,
    until: Any,
    left: int,
    reason: str,
) -> None:
    site.package("heavy", HEAVY + FAILING_FORK.format(left=left))
    path = folder("m", "import heavy")
    worker = ready(frontend, path, until)
    fact = facts(worker, request_of)
    assert fact["imported_in"] == fact["pid"]
    assert plain_fork(frontend, worker) == reason
    (template,) = templates(frontend)

    def is_shared() -> bool:
        worker = ready(frontend, path, until)
        return bool(facts(worker, request_of)["imported_in"] == template)

    until(is_shared, "a worker of the template process, which can fork again")

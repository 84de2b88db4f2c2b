"""Debian's Chromium, driven by Playwright, as a person at the console would use it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from torchserve_process import REPOSITORY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGES = REPOSITORY / "frontend" / "console" / "node_modules"
AXE = PAGES / "axe-core" / "axe.min.js"
WITHIN_MS = 30_000
"""Far above what is usual, for machines that are busy."""

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.violations.push(`${e.violatedDirective} ${e.blockedURI}`);
});
"""


def require_browser() -> Any:
    """Playwright; skips and says why where there is no browser, which is a failure in CI."""
    missing = None
    if CHROMIUM is None:
        missing = "no chromium on the path (Debian: apt-get install chromium)"
    elif not PAGES.is_dir():
        missing = "the web pages are not built: Node.js 20 and npm are needed"
    else:
        try:
            from playwright import sync_api
        except ImportError:
            missing = "the Python package playwright is not installed"
    if missing is None:
        return sync_api
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
    return None


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, without windows."""
    sync_api = require_browser()
    # Root has no sandbox; the small /dev/shm of containers is not used.
    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def a_page(browser: Any, **options: Any) -> Iterator[Any]:
    """A page in a profile of its own. Fails if a script fails, or the page breaks its policy."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
    context.set_default_timeout(WITHIN_MS)
    page = context.new_page()
    page.add_init_script(WATCH)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    try:
        yield page
        violations = page.evaluate("window.violations ?? []")
        assert not violations, violations
        assert not failures, failures
    finally:
        context.close()


def axe_findings(page: Any) -> list[str]:
    """What axe finds wrong with a page, a line each."""
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than its window."""
    script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(script))

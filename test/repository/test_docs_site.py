"""The documentation site: complete, searchable without a network, and free of outside loads."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "scripts" / "docs-site"
LOADING = {"script", "img", "link", "iframe", "source", "audio", "video", "embed", "object"}


class Page(HTMLParser):
    """What a page of the site loads, leads to, and can be led to."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        target = given.get("src") or given.get("data") or given.get("href")
        if target and tag in LOADING:
            self.loads.append(target)
        elif target and tag == "a":
            self.links.append(target)
        self.loads += [part.split()[0] for part in given.get("srcset", "").split(",") if part]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    subprocess.run([SCRIPT, folder], check=True, stdin=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {file: Page(file) for file in site.rglob("*.html")}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that lays the pages out, for a small repository of its own."""
    path = REPOSITORY / "docs" / "site" / "stage.py"
    spec = importlib.util.spec_from_file_location("docs_site_stage", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# Documentation\n\n## Begin\n\n[a](a.md)\n")
    (tmp_path / "docs" / "a.md").write_text("# A\n\n[back](../README.md#x) [code](../code)\n")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "b.py").write_text("print()\n")
    (tmp_path / "README.md").write_text("# Front\n\n[all](docs/README.md)\n")
    return module


def test_every_page_of_the_documentation_is_in_the_site(site: Path) -> None:
    missing = [
        page.name
        for page in (REPOSITORY / "docs").glob("*.md")
        if not (site / "docs" / page.with_suffix(".html").name).is_file()
    ]
    assert missing == []
    assert "drop-in compatible" in (site / "index.html").read_text(encoding="utf-8")


def test_no_page_loads_anything_from_outside(site: Path, pages: dict[Path, Page]) -> None:
    outside = {
        (file.name, target)
        for file, page in pages.items()
        for target in page.loads
        if urlsplit(target).scheme not in ("", "data") or target.startswith("//")
    }
    assert outside == set()
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        targets = re.findall(r"url\(\s*[\"']?([^\"')]{0,200})", text)
        targets += re.findall(r"@import\s+[\"']([^\"']+)", text)
        assert [t for t in targets if re.match(r"(\w+:)?//", t)] == [], sheet
    for script in site.rglob("*.js"):
        if script.name != "searchindex.js":  # the words of the pages, addresses among them
            text = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", script.read_text("utf-8"), flags=re.S | re.M)
            found = set(re.findall(r"[\"'`]((?:https?:)?//[\w.-]+[^\"'`]*)", text))
            assert found <= {"http://www.w3.org/2000/svg"}, script


def test_every_link_inside_the_site_leads_somewhere(pages: dict[Path, Page]) -> None:
    broken = []
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file.resolve()
            found = target.is_file()
            if found and parts.fragment and target.suffix == ".html" and target in pages:
                found = unquote(parts.fragment) in pages[target].anchors
            if not found:
                broken.append((file.name, link))
    assert broken == []


def test_browser_without_a_network_finds_a_page_by_a_word_of_it(site: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"{(site / 'search.html').as_uri()}?q=maxBatchDelay",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    found = re.findall(r'<a href="([^"#]+)[^"]*" data-score', done.stdout)
    assert "docs/batching.html" in found
    assert "docs/model-config.html" in found


def test_pages_files_and_folders_that_are_linked_are_laid_out(
    stage: ModuleType, tmp_path: Path
) -> None:
    stage.Site(tmp_path / "out").lay_out()
    a = (tmp_path / "out" / "docs" / "a.md").read_text()
    assert "[back](../index.md#x) [code](../code/files.md)" in a
    assert "{download}`b.py`" in (tmp_path / "out" / "code" / "files.md").read_text()
    front = (tmp_path / "out" / "index.md").read_text()
    assert ":caption: Begin\n\ndocs/a\n" in front


def test_link_that_leads_nowhere_is_an_error(stage: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "docs" / "a.md").write_text("[gone](gone.md)\n")
    with pytest.raises(stage.BrokenLink, match=r"docs/a\.md: gone\.md leads nowhere"):
        stage.Site(tmp_path / "out").lay_out()


def test_folder_with_other_things_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run(
        [SCRIPT, tmp_path], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 1
    assert "no site of this script" in done.stderr
    assert (tmp_path / "mine.txt").is_file()

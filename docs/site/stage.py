"""Lays the Markdown of the repository out for the site: ``stage.py FOLDER``.

What README.md leads to is copied, page by page. Files beside the pages are taken along as
downloads, a folder without a README gets a page that lists its files, and docs/README.md is the
navigation. A link that leads nowhere is an error.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FRONT = Path("README.md")
INDEX = Path("docs", "README.md")
_FENCE = re.compile(r"^(```.*?^```$)", re.M | re.S)
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_LEFT_OUT = ("target", "__pycache__")


class BrokenLink(Exception):
    """A link of a page that leads nowhere."""


class Site:
    """The pages that are laid out below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting = [FRONT]
        self._seen = {FRONT}

    def lay_out(self) -> None:
        """Write all pages."""
        in_navigation = set(re.findall(r"^[\w/.-]+$", navigation(), re.M))
        while self._waiting:
            page = self._waiting.pop()
            text = self._with_links(page, (REPOSITORY / page).read_text(encoding="utf-8"))
            if page == FRONT:
                text += navigation()
            elif page.with_suffix("").as_posix() not in in_navigation:
                text = f"---\norphan: true\n---\n\n{text}"
            self._write(staged_name(page), text)

    def _with_links(self, page: Path, text: str) -> str:
        parts = _FENCE.split(text)
        for index in range(0, len(parts), 2):
            parts[index] = _LINK.sub(lambda link: self._link(page, link), parts[index])
        return "".join(parts)

    def _link(self, page: Path, link: re.Match[str]) -> str:
        before, target, anchor, after = link.groups()
        if re.match(r"[a-z]+:", target):
            return link.group()
        path = (REPOSITORY / page.parent / target).resolve()
        if not path.exists() or not path.is_relative_to(REPOSITORY):
            raise BrokenLink(f"{page}: {target} leads nowhere")
        found = self._take(path.relative_to(REPOSITORY))
        up = "../" * len(page.parent.parts)
        return f"{before}{up}{found.as_posix()}{anchor or ''}{after}"

    def _take(self, path: Path) -> Path:
        """Have a page, a file or a folder laid out; return where it is."""
        source = REPOSITORY / path
        if source.is_dir():
            if (source / "README.md").is_file():
                return self._take(path / "README.md")
            return self._list(path)
        if path.suffix == ".md":
            if path not in self._seen:
                self._seen.add(path)
                self._waiting.append(path)
            return staged_name(path)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        return path

    def _list(self, folder: Path) -> Path:
        page = folder / "files.md"
        lines = [f"---\norphan: true\n---\n\n# {folder.as_posix()}\n"]
        for file in sorted((REPOSITORY / folder).rglob("*")):
            name = file.relative_to(REPOSITORY / folder)
            if file.is_file() and not set(_LEFT_OUT) & set(name.parts):
                self._take(folder / name)
                lines.append(f"- {{download}}`{name.as_posix()}`")
        self._write(page, "\n".join(lines) + "\n")
        return page

    def _write(self, name: Path, text: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def staged_name(page: Path) -> Path:
    """Where a page is laid out: README.md is the first page of the site."""
    return Path("index.md") if page == FRONT else page


def navigation() -> str:
    """What docs/README.md lists, by its headings, and the examples."""
    text = (REPOSITORY / INDEX).read_text(encoding="utf-8")
    parts = ["\n```{toctree}\n:hidden:\n\ndocs/README\n```\n"]
    for section in text.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        parts.append(_toctree(title, [match[1] for match in _LINK.findall(body)]))
    names = sorted((REPOSITORY / "examples").glob("*/README.md"))
    parts.append(_toctree("Examples", [f"../{name.relative_to(REPOSITORY)}" for name in names]))
    others = ["../CHANGELOG.md", "../CONTRIBUTING.md", "../SECURITY.md"]
    parts.append(_toctree("The project", others))
    return "".join(parts)


def _toctree(title: str, links: list[str]) -> str:
    pages = []
    for link in links:
        path = (REPOSITORY / INDEX.parent / link).resolve().relative_to(REPOSITORY)
        pages.append(path.with_suffix("").as_posix())
    listed = "\n".join(pages)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{listed}\n```\n"


if __name__ == "__main__":
    try:
        Site(Path(sys.argv[1])).lay_out()
    except BrokenLink as problem:
        sys.exit(str(problem))

"""Every place that says the version says what the file VERSION says."""

from __future__ import annotations

import re
from importlib.metadata import version as installed_version
from pathlib import Path
from xml.etree import ElementTree

import model_archiver
import pytest
import ts
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[2]
VERSION = (REPOSITORY / "VERSION").read_text(encoding="ascii").strip()
MAVEN = "{http://maven.apache.org/POM/4.0.0}"


def test_version_is_written_as_python_normalises_it() -> None:
    assert str(Version(VERSION)) == VERSION


def test_both_packages_say_it() -> None:
    assert ts.__version__ == model_archiver.__version__ == VERSION


@pytest.mark.parametrize("name", ["torchserve-next", "torchserve-next-model-archiver"])
def test_both_installed_distributions_say_it(name: str) -> None:
    assert installed_version(name) == VERSION


def test_maven_says_it_in_its_own_spelling() -> None:
    revision = ElementTree.parse(REPOSITORY / "pom.xml").findtext(f".//{MAVEN}revision")
    assert revision == re.sub(r"(a|b|rc)(\d+)$", r"-\1\2", VERSION)


@pytest.mark.parametrize(
    ("folder", "needed"),
    [
        ("torchserve", "torchserve-next"),
        ("torch-model-archiver", "torchserve-next-model-archiver"),
    ],
)
def test_wheels_that_stand_for_0_12_need_it(folder: str, needed: str) -> None:
    text = (REPOSITORY / "compat" / folder / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\ndependencies = ["{needed}=={VERSION}"]\n' in text


def test_changelog_opens_with_it() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[([^]]+)\]", changelog, re.M)[0] == VERSION


def test_comparisons_with_torchserve_0_12_as_handlers_write_them_hold() -> None:
    assert Version(ts.__version__) > Version("0.12.0")
    assert tuple(map(int, ts.__version__.split(".")[:2])) > (0, 12)
    assert ts.__version__ > "0.12"

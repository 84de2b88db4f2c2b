"""Names outside ASCII, in whatever locale the command runs."""

from __future__ import annotations

import locale
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_java import FakeJava, Run
from test_streams import CODE
from ts._cli import utf8

LOCALES = (
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX"},
    {"LC_ALL": "", "LC_CTYPE": "", "LANG": "de_DE.ISO-8859-1"},
    {"LC_ALL": "xx_XX.UTF-8"},
    {"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LC_TIME": "xx_XX"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"},
    {},
)


@pytest.fixture
def unicode_store(place: Path) -> Path:
    folder = place / "Modelle für Größen 模型"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("variables", LOCALES)
def test_command_and_jvm_use_utf8_and_the_users_locale_is_told(
    java: FakeJava, home: Path, unicode_store: Path, variables: dict[str, str]
) -> None:
    java.does(exits=0, prints="für")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}
    environment.update(variables, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))

    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(home), "--foreground", "--model-store", unicode_store],
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stderr
    words = java.words()
    assert words[words.index("-s") + 1] == str(unicode_store)
    locale_of_jvm = java.records()[-1]["locale"]
    assert "UTF-8" in "".join(locale_of_jvm.values()).upper()
    told = [word.removeprefix(utf8.USERS_LOCALE) for word in words if utf8.USERS_LOCALE in word]
    if told:
        assert told == [variables.get("LC_ALL", "")]
    else:
        assert locale_of_jvm.get("LC_ALL", "") == variables.get("LC_ALL", "")
    assert "-Dfile.encoding=UTF-8" in words


def test_missing_folder_is_named_as_it_was_written(home: Path, place: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}
    environment.update(
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        PYTHONPATH=os.pathsep.join(p for p in sys.path if p),
    )
    missing = "nirgends für 模型"
    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(home), "--start", "--model-store", missing],
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stdout.decode() == f"--model-store directory not found: {missing}\n"


def test_name_that_is_not_utf8_is_refused_in_one_line(
    java: FakeJava, run: Run, place: Path
) -> None:
    name = os.fsdecode(b"fo\xe9")
    (place / name).mkdir()

    outcome = run("--start", "--model-store", name)

    assert outcome.status == 1
    assert outcome.err == (f"The name {place}/fo\\udce9 is not UTF-8; rename the file or folder.\n")
    assert java.records() == []


def test_locale_with_utf8_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    before = locale.setlocale(locale.LC_ALL)

    assert utf8.locale_for_java(os.environ) is None

    assert locale.setlocale(locale.LC_ALL) == before


def test_system_without_a_utf8_locale_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(utf8, "_CANDIDATES", ("xx_XX.UTF-8",))

    assert utf8.locale_for_java(os.environ) is None


def test_macos_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(sys, "platform", "darwin")

    assert utf8.locale_for_java(os.environ) is None

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ts
from fake_java import Run, Spawn, make_executable
from ts._cli.make_class_archive import make_archive

JAVA = """#!{python}
import pathlib, sys
words = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
archive = words.get("-XX:SharedArchiveFile")
if "-Xshare:dump" in sys.argv:
    {dump}
    pathlib.Path(archive).write_text("archive of " + words["-XX:SharedClassListFile"])
elif archive and {complains}:
    print("[warning][cds] something")
print("openjdk 17.0.15")
"""


def archive_words(java: Any) -> list[str]:
    return [word for word in java.words() if "Archive" in word or "cds" in word]


@pytest.fixture
def cache(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of archives, for a package with a list of classes."""
    (home / "frontend" / "classes.lst").write_text("java/lang/Object id: 0\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "torchserve-next"


def start(run: Run) -> None:
    assert run("--start", "--model-store", "store").status == 0
    assert run("--stop").status == 0


def test_first_start_has_the_archive_made_and_later_ones_use_it(
    run: Run, java: Any, cache: Path, home: Path
) -> None:
    start(run)
    (asked,) = archive_words(java)
    archive = Path(asked.partition("=")[2])
    assert asked.startswith("-Dtsnext.classArchive=")
    assert archive.parent == cache
    assert cache.stat().st_mode & 0o777 == 0o700
    archive.touch()
    start(run)
    assert archive_words(java) == [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]
    # Other jars need another archive.
    (home / "frontend" / "tsnext-server-1.0.0.jar").write_text("newer")
    start(run)
    (asked,) = archive_words(java)
    assert asked.startswith("-Dtsnext.classArchive=")
    assert str(archive) not in asked


def test_archive_on_a_read_only_file_system_is_used(
    run: Run, java: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(run)
    (asked,) = archive_words(java)
    archive = Path(asked.partition("=")[2])
    archive.touch()

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("ts._cli.class_archive.os.utime", refuse)
    start(run)
    assert archive_words(java) == [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]


def test_without_a_private_folder_there_is_no_archive(
    run: Run, java: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    start(run)
    assert archive_words(java) == []
    cache.parent.joinpath("file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent / "file"))
    start(run)
    assert archive_words(java) == []
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "")
    start(run)
    assert archive_words(java) == []


def test_users_own_choice_wins(
    run: Run, java: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("config.properties").write_text("vmargs=-Xshare:off\n")
    start(run)
    assert archive_words(java) == []
    assert not cache.exists()


def maker(tmp_path: Path, *, dump: str = "pass", complains: bool = False) -> list[str]:
    text = JAVA.format(python=sys.executable, dump=dump, complains=complains)
    return [str(make_executable(tmp_path / "java", text)), "a.jar:b.jar", "list"]


def test_archive_is_made_once(tmp_path: Path) -> None:
    archive = tmp_path / "classes-1.jsa"
    assert make_archive(archive, *maker(tmp_path))
    assert archive.read_text() == "archive of list"
    assert not make_archive(archive, *maker(tmp_path))
    assert sorted(path.suffix for path in tmp_path.glob("classes-*")) == [".jsa", ".lock"]


@pytest.mark.parametrize(
    "faults", [{"dump": "sys.exit(1)"}, {"complains": True}], ids=["fails", "complains"]
)
def test_archive_that_the_jvm_does_not_like_is_not_kept(
    tmp_path: Path, faults: dict[str, Any]
) -> None:
    assert not make_archive(tmp_path / "classes-1.jsa", *maker(tmp_path, **faults))
    assert not list(tmp_path.glob("classes-*.jsa"))
    assert not list(tmp_path.glob("*.draft"))


def test_old_archives_go_only_where_no_other_host_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [tmp_path / f"classes-old{number}.jsa" for number in range(5)]
    for path in old:
        path.touch()
    monkeypatch.setattr("ts._cli.make_class_archive.is_on_this_host_alone", lambda _: False)
    assert make_archive(tmp_path / "classes-1.jsa", *maker(tmp_path))
    assert all(path.exists() for path in old)
    monkeypatch.undo()
    assert make_archive(tmp_path / "classes-2.jsa", *maker(tmp_path))
    assert len([path for path in old if path.exists()]) < len(old)


def test_of_two_makers_one_works(tmp_path: Path, spawn: Spawn) -> None:
    go = tmp_path / "go"
    runs = tmp_path / "runs"
    dump = (
        f"pathlib.Path({str(runs)!r}).open('a').write('x')\n"
        f"    while not pathlib.Path({str(go)!r}).exists(): pass"
    )
    archive = tmp_path / "classes-1.jsa"
    words = [sys.executable, "-m", "ts._cli.make_class_archive", str(archive)]
    words += maker(tmp_path, dump=dump)
    sources = {**os.environ, "PYTHONPATH": str(Path(ts.__file__).parents[1])}
    first = spawn(words, env=sources)
    while not runs.exists():
        assert first.poll() is None
    assert subprocess.run(words, env=sources, check=False).returncode == 1
    go.touch()
    assert first.wait(60) == 0
    assert runs.read_text() == "x"
    assert archive.exists()


def test_oldest_archives_are_removed(tmp_path: Path) -> None:
    for number in range(5):
        for suffix in (".jsa", ".lock"):
            old = tmp_path / f"classes-old{number}{suffix}"
            old.touch()
            os.utime(old, (number, number))
    assert make_archive(tmp_path / "classes-new.jsa", *maker(tmp_path))
    names = sorted(path.name for path in tmp_path.glob("*.jsa"))
    assert names == [f"classes-{name}.jsa" for name in ("new", "old2", "old3", "old4")]
    assert not (tmp_path / "classes-old1.lock").exists()

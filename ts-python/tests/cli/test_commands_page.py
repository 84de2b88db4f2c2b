"""docs/commands.md: each line with a `$` is one that the command takes, and names what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from ts._cli.commands.run import command_names, command_parser
from ts._cli.options import parse_options

PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
LINES = re.findall(r"^    \$ torchserve (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_line_is_taken(line: str) -> None:
    words = shlex.split(line)
    if words[0].startswith("-"):
        parse_options(words)
    else:
        command_parser().parse_args(words)


def test_every_command_is_told() -> None:
    assert [name for name in command_names() if f"`torchserve {name}" not in PAGE] == []


@pytest.mark.parametrize("name", [*command_names(), None])
def test_every_example_of_a_help_is_taken(name: str | None) -> None:
    from ts._cli.options import option_parser

    parser = command_parser()
    if name is None:
        text = option_parser().epilog or ""
    else:
        (subparsers,) = (a for a in parser._actions if a.dest == "command")
        text = subparsers.choices[name].epilog  # type: ignore[index,union-attr]
    examples = re.findall(r"^  torchserve (.*)$", text.partition("examples:")[2], re.MULTILINE)
    assert examples or name == "completion"
    for example in examples:
        words = shlex.split(re.split(r" \| | && | > | # ", example)[0])
        parse_options(words) if words[0].startswith("-") else parser.parse_args(words)

"""``torchserve completion bash|zsh|fish``: lets a shell complete the command's words."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from ts._cli.commands import DONE
from ts._cli.commands.words import Commands

_BASH = """# torchserve: completion for bash. Put it to use:  source <(torchserve completion bash)
_torchserve() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}" words
    if [ "$COMP_CWORD" -gt 1 ]; then
        case "$command" in
{cases}
            *) words="{options}" ;;
        esac
    else
        words="{commands} {options}"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _torchserve torchserve
"""

_ZSH = """#compdef torchserve
# torchserve: completion for zsh. Put it to use:  source <(torchserve completion zsh)
_torchserve() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )) && [[ "$PREFIX" != -* ]]; then
        _describe command commands
        return
    fi
    case "$words[2]" in
{cases}
        *) [[ "$PREFIX" == -* ]] && compadd -- {options} || _files ;;
    esac
}}
compdef _torchserve torchserve
"""


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "completion",
        "print what lets bash, zsh or fish complete this command",
        run,
        [
            "source <(torchserve completion bash)     # in ~/.bashrc",
            "source <(torchserve completion zsh)      # in ~/.zshrc, after compinit",
            "torchserve completion fish > ~/.config/fish/completions/torchserve.fish",
        ],
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    from ts._cli.commands.run import command_parser
    from ts._cli.options import option_parser

    commands = _commands(command_parser())
    options = _options(option_parser())
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](commands, options), end="")
    return DONE


_Option = tuple[str, str]
_Command = tuple[str, str, list[_Option]]


def _commands(parser: argparse.ArgumentParser) -> list[_Command]:
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
    return [(name, helps[name], _options(sub)) for name, sub in action.choices.items()]


def _options(parser: argparse.ArgumentParser) -> list[_Option]:
    return [
        (word, action.help or "")
        for action in parser._actions
        for word in action.option_strings
        if word.startswith("--")
    ]


def _bash(commands: list[_Command], options: list[_Option]) -> str:
    cases = "\n".join(
        f'            {name}) words="{" ".join(word for word, _ in words)}" ;;'
        for name, _, words in commands
    )
    names = " ".join(name for name, _, _ in commands)
    return _BASH.format(cases=cases, commands=names, options=" ".join(word for word, _ in options))


def _zsh(commands: list[_Command], options: list[_Option]) -> str:
    listed = "\n".join(f"        {_quoted(f'{name}:{text}')}" for name, text, _ in commands)
    cases = "\n".join(
        f'        {name}) [[ "$PREFIX" == -* ]] && compadd -- '
        f"{' '.join(word for word, _ in words)} || _files ;;"
        for name, _, words in commands
    )
    words = " ".join(word for word, _ in options)
    return _ZSH.format(commands=listed, cases=cases, options=words)


def _fish(commands: list[_Command], options: list[_Option]) -> str:
    lines = ["# torchserve: completion for fish, in ~/.config/fish/completions/torchserve.fish"]
    for word, text in options:
        lines.append(
            f"complete -c torchserve -n __fish_use_subcommand -l {word[2:]} -d {_quoted(text)}"
        )
    for name, text, words in commands:
        lines.append(
            f"complete -c torchserve -n __fish_use_subcommand -a {name} -d {_quoted(text)}"
        )
        for word, help_text in words:
            lines.append(
                f"complete -c torchserve -n '__fish_seen_subcommand_from {name}'"
                f" -l {word[2:]} -d {_quoted(help_text)}"
            )
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "").replace("'", "") + "'"

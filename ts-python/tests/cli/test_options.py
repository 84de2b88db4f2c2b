from __future__ import annotations

import pytest
from fake_java import Run
from ts._cli.options import Action, Options, parse_options


def test_no_action_starts() -> None:
    assert parse_options([]) == Options(action=Action.START)


def test_all_options_of_torchserve_0_12() -> None:
    words = (
        "--start --ts-config c --model-store m --workflow-store w --models a b=c --log-config l "
        "--cpp-log-config p --foreground --no-config-snapshots --plugins-path g "
        "--disable-token-auth --enable-model-api"
    )
    assert parse_options(words.split()) == Options(
        action=Action.START,
        ts_config="c",
        model_store="m",
        workflow_store="w",
        models=("a", "b=c"),
        log_config="l",
        cpp_log_config="p",
        plugins_path="g",
        foreground=True,
        no_config_snapshots=True,
        disable_token_auth=True,
        enable_model_api=True,
    )


def test_short_forms_and_prefixes() -> None:
    words = "--stop --ncs --ppath g --dt --fore --model-s m --enable".split()
    short = parse_options(words)
    assert short == Options(
        action=Action.STOP,
        model_store="m",
        plugins_path="g",
        foreground=True,
        no_config_snapshots=True,
        disable_token_auth=True,
        enable_model_api=True,
    )


@pytest.mark.parametrize(
    "words", ["--start --stop", "-v --start", "--stop --version", "--models", "--nonsense", "-f x"]
)
def test_wrong_usage_exits_2(run: Run, words: str) -> None:
    outcome = run(*words.split())
    assert outcome.status == 2
    assert "usage: torchserve" in outcome.err


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_exits_0(run: Run, word: str) -> None:
    outcome = run(word)
    assert outcome.status == 0
    assert "--ts-config" in outcome.out
    assert "not affiliated with the PyTorch Foundation" in outcome.out


@pytest.mark.parametrize("word", ["-v", "--version"])
def test_version(run: Run, word: str) -> None:
    outcome = run(word)
    assert outcome.status == 0
    assert outcome.out == "TorchServe Version is 1.0.0\n", "scripts cut the number out of it"

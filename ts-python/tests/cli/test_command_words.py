from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_java import FakeJava, Run
from fake_server import FakeServer, description, load_error, serving

COMMANDS = "status models logs wait token predict stop try dev completion".split()


@pytest.fixture
def server(java: FakeJava, run: Run) -> Iterator[FakeServer]:
    """A server that was started from here, with tokens."""
    keys = {"inference": {"key": "i-token"}, "management": {"key": "m-token"}, "API": {"key": "a"}}
    Path("key_file.json").write_text(json.dumps(keys))
    with serving() as fake:
        addresses = {"inference": fake.url, "management": fake.url}
        java.starts(addresses, key_file=str(Path("key_file.json").absolute()), version="1.0.0")
        assert run("--start", "--model-store", "store").status == 0
        fake.has_models(description("digits"))
        yield fake


@pytest.mark.parametrize(
    "words", ["status", "models", "wait", "token", "predict m --data x", "logs"]
)
def test_without_a_server_the_exit_status_is_3(run: Run, words: str) -> None:
    outcome = run(*words.split())

    assert outcome.status == 3
    assert "TorchServe is not currently running." in outcome.out + outcome.err


def test_stop_without_a_server_is_done(run: Run) -> None:
    assert run("stop").out == run("--stop").out == "TorchServe is not currently running.\n"
    assert run("stop").status == run("--stop").status == 0
    assert json.loads(run("stop", "--json").out)["stopped"] is False


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_examples(run: Run, command: str) -> None:
    outcome = run(command, "--help")

    assert outcome.status == 0
    assert "examples:\n  " in outcome.out
    assert f"torchserve {command}" in outcome.out.partition("examples:")[2]
    assert "--json" in outcome.out or command == "completion"
    assert "--ts-config" in outcome.out or command in ("completion", "try", "dev")


def test_help_of_torchserve_names_each_command(run: Run) -> None:
    text = run("--help").out

    assert [name for name in COMMANDS if f"torchserve {name}" not in text] == []
    assert "exit status:" in text


@pytest.mark.parametrize(
    ("word", "meant"), [("stauts", "status"), ("model", "models"), ("start", "torchserve --start")]
)
def test_unknown_command_names_the_nearest(run: Run, word: str, meant: str) -> None:
    outcome = run(word)

    assert outcome.status == 2
    assert f"there is no command '{word}'. Did you mean {meant}?" in outcome.err


def test_status_says_where_it_listens_and_how_models_are(server: FakeServer, run: Run) -> None:
    outcome = run("status")

    assert outcome.status == 0
    assert "is ready" in outcome.out
    assert f"  inference   {server.url}" in outcome.out
    assert "  model       digits 1.0 READY 1/1 workers" in outcome.out


def test_status_of_a_server_that_is_not_ready_is_1_with_the_cause(
    server: FakeServer, run: Run
) -> None:
    broken = description(
        "whole", "RECOVERING", lastLoadError=load_error("KeyError: 'x'", "/m/h.py:3")
    )
    server.has_models(description("digits"), broken)
    server.answer("/ready", {"status": "NotReady", "models": [{"name": "whole"}]}, status=503)

    outcome = run("status", "--json")

    assert outcome.status == 1
    (said,) = json.loads(outcome.out)["servers"]
    assert said["state"] == "not ready"
    assert [model["cause"] for model in said["models"]] == [None, "h.py:3 KeyError: 'x'"]


def test_models_are_a_table_and_json(server: FakeServer, run: Run) -> None:
    lines = run("models").out.splitlines()

    assert lines[0].split() == ["MODEL", "VERSION", "STATE", "WORKERS", "BATCH", "WAITING", "FROM"]
    assert lines[1].split() == ["digits", "1.0", "READY", "1/1", "1", "0", "digits.mar"]
    assert json.loads(run("models", "--json").out) == [description("digits")]
    assert "worker 9000" in run("models", "digits").out


def test_management_requests_have_the_management_token(server: FakeServer, run: Run) -> None:
    run("models")

    sent = {path.partition("?")[0]: headers for _, path, headers, _ in server.requests}
    assert sent["/models"]["authorization"] == "Bearer m-token"
    assert sent["/ready"]["authorization"] == "Bearer i-token"


def test_tokens_of_the_environment_come_first(
    server: FakeServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TS_MANAGEMENT_TOKEN", "given")
    run("models")

    assert server.requests[-1][2]["authorization"] == "Bearer given"


@pytest.mark.parametrize("command", [("models", "digit"), ("predict", "digit", "--data", "x")])
def test_unknown_model_names_the_nearest(
    server: FakeServer, run: Run, command: tuple[str, ...]
) -> None:
    outcome = run(*command)

    assert outcome.status == 1
    assert "Model not found:" in outcome.err
    assert "The server has digits. Did you mean digits?" in outcome.err


def test_wait_tells_each_stage_once_and_how_it_ends(server: FakeServer, run: Run) -> None:
    error = load_error("KeyError: 'vocab'", "/lib/site-packages/torch/nn.py:9", "/m/handler.py:3")
    server.has_models(description("digits"), description("whole"))
    loading = description("digits", "LOADING")
    server.answer("/models/digits", [loading], [loading], [description("digits")])
    server.answer("/models/whole", [description("whole", "RECOVERING", lastLoadError=error)])

    outcome = run("wait")

    assert outcome.out.splitlines() == [
        "digits imported",
        "whole FAILED: handler.py:3 KeyError: 'vocab'",
        "digits READY 1/1 in 3.1 s",
    ]
    assert outcome.status == 1


def test_wait_for_a_named_model_looks_at_no_other(server: FakeServer, run: Run) -> None:
    server.has_models(description("digits"), description("whole", "FAILED", reason="it is broken"))

    assert run("wait", "digits").status == 0
    assert run("wait", "whole").status == 1


def test_wait_ends_at_its_limit_with_4(server: FakeServer, run: Run) -> None:
    server.has_models(description("digits", "LOADING"))

    outcome = run("wait", "--limit", "0")

    assert outcome.status == 4
    assert "Not ready within 0 s: digits imported" in outcome.err


def test_wait_takes_the_words_of_the_server_where_they_have_the_place(
    server: FakeServer, run: Run
) -> None:
    said = "KeyError: 'x' (handler.py:12, in initialize)"
    broken = description("whole", "FAILED", lastLoadError=load_error(said, "/m/handler.py:12"))
    server.has_models(broken)

    assert run("wait").out == f"whole FAILED: {said}\n"


def test_start_with_wait_says_how_models_end_and_the_server_runs_on(
    java: FakeJava, run: Run
) -> None:
    with serving() as fake:
        fake.has_models(description("digits"), description("whole", "FAILED", reason="no handler"))
        java.starts({"inference": fake.url, "management": fake.url})
        outcome = run("--start", "--model-store", "store", "--wait")

        assert outcome.status == 1
        lines = outcome.out.splitlines()
        assert "  digits READY 1/1 in 3.1 s" in lines
        assert "  whole FAILED: no handler" in lines
        assert lines[-1].startswith("Model server started, but 1 of 2 models failed.")
        assert run("status").status == 0, "it runs on"


def test_start_with_wait_ends_as_ever_when_all_are_ready(java: FakeJava, run: Run) -> None:
    with serving() as fake:
        fake.has_models(description("digits"))
        java.starts({"inference": fake.url, "management": fake.url})
        outcome = run("--start", "--model-store", "store", "--wait", "30")

    assert outcome.status == 0
    assert outcome.out.splitlines()[-1] == "Model server started."


def test_start_with_wait_ends_at_its_limit_with_4(java: FakeJava, run: Run) -> None:
    with serving() as fake:
        fake.has_models(description("digits", "LOADING"))
        java.starts({"inference": fake.url, "management": fake.url})
        outcome = run("--start", "--model-store", "store", "--wait=0")

    assert outcome.status == 4
    assert "Model server started." not in outcome.out


@pytest.mark.parametrize("words", ["--stop --wait", "--foreground --wait", "--wait=-1", "--wait x"])
def test_wait_that_makes_no_sense_is_wrong_usage(run: Run, words: str) -> None:
    assert run(*words.split()).status == 2


def test_abbreviation_of_an_old_option_means_what_it_meant(java: FakeJava, run: Run) -> None:
    java.starts()

    assert run("--model-store", "store", "--w", "store").status == 0
    assert "-w" in java.words()


def test_missing_model_of_the_start_comes_with_the_store_and_the_nearest_name(
    java: FakeJava, run: Run
) -> None:
    for name in ("digits.mar", "echo.mar"):
        Path("store", name).touch()
    java.starts(models=["digit"], failed=["digit: Model not found at: digit"])

    outcome = run("--start", "--model-store", "store", "--models", "digit")

    store = Path("store").absolute()
    assert (
        f"The model store {store} has digits.mar, echo.mar. Did you mean digits.mar?" in outcome.out
    )
    assert outcome.out.splitlines()[-1] == "Model server started."


def test_token_prints_nothing_but_the_token(server: FakeServer, run: Run) -> None:
    assert run("token").out == "i-token\n"
    assert run("token", "management").out == "m-token\n"
    assert json.loads(run("token", "--json").out)["API"] == {"key": "a"}
    assert run("token", "other").status == 2


def test_renewed_token_is_asked_for_with_the_api_token_and_is_that_of_the_file(
    server: FakeServer, run: Run
) -> None:
    server.answer("/token", {"status": "The management token has been replaced"})

    outcome = run("token", "management", "--renew")

    assert outcome.status == 0
    assert outcome.out == "m-token\n"
    assert outcome.err == "The management token has been replaced.\n"
    method, path, headers, _ = server.requests[-1]
    assert (method, path) == ("PUT", "/token?type=management")
    assert headers["authorization"] == "Bearer a"
    assert json.loads(run("token", "--renew", "--json").out)["inference"] == {"key": "i-token"}
    assert server.requests[-1][1] == "/token?type=inference"


def test_token_that_cannot_be_renewed_says_why(
    server: FakeServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("token", "api", "--renew").status == 2
    server.answer("/token", {"code": 409, "message": "It was given."}, status=409)
    outcome = run("token", "--renew")
    assert (outcome.status, outcome.out) == (1, "")
    assert "It was given." in outcome.err

    Path("key_file.json").write_text('{"inference": {"key": "i-token"}}')
    assert "has no API token" in run("token", "--renew").err
    Path("key_file.json").write_text("[]")
    assert run("token").status == 1


def test_tokens_that_were_given_are_told_and_not_renewed(
    java: FakeJava, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TS_INFERENCE_TOKEN", "given")
    with serving() as fake:
        java.starts({"inference": fake.url}, version="1.0.0")
        assert run("--start", "--model-store", "store").status == 0

        assert run("token").out == "given\n"
        assert "was given its inference token" in run("token", "--renew").err
        outcome = run("token", "api")
        assert (outcome.status, outcome.out) == (1, "")


def test_token_of_a_server_without_tokens_says_so(java: FakeJava, run: Run) -> None:
    java.starts()
    run("--start", "--model-store", "store")

    outcome = run("token")

    assert outcome.status == 1
    assert outcome.out == ""
    assert "--disable-token-auth" in outcome.err


def test_predict_sends_the_file_with_its_type_and_the_token(server: FakeServer, run: Run) -> None:
    server.answer("/predictions/digits", {"class": 7})
    Path("a.json").write_text("[1]")

    outcome = run("predict", "digits", "a.json", "--header", "x-me: 1")

    assert json.loads(outcome.out) == {"class": 7}
    method, _, headers, body = server.requests[-1]
    assert (method, body) == ("POST", b"[1]")
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer i-token"
    assert headers["x-me"] == "1"


def test_predict_writes_bytes_as_they_are(server: FakeServer, run: Run) -> None:
    server.answer("/predictions/digits", b"\x00\xff")

    assert run("predict", "digits", "--data", "x", "--output", "out.bin").status == 0
    assert Path("out.bin").read_bytes() == b"\x00\xff"
    assert json.loads(run("predict", "digits", "--data", "x", "--json").out)["base64"] == "AP8="


def test_predict_tells_the_error_and_leaves_the_output_file(server: FakeServer, run: Run) -> None:
    error = {"code": 503, "type": "T", "message": "Prediction failed", "detail": "ValueError: no"}
    server.answer("/predictions/digits", error, status=503)
    Path("out").write_text("before")

    outcome = run("predict", "digits", "--data", "x", "--output", "out")

    assert outcome.status == 1
    assert outcome.err == "The server answered 503 T: Prediction failed\nValueError: no\n"
    assert Path("out").read_text() == "before"


@pytest.mark.parametrize("words", ["", "a --data x", "missing.png"])
def test_predict_without_one_input_says_what_was_expected(
    server: FakeServer, run: Run, words: str
) -> None:
    outcome = run("predict", "digits", *words.split())

    assert outcome.status == 1
    assert "cannot be read" in outcome.err or "only one of them" in outcome.err


def test_stop_stops_the_server(server: FakeServer, run: Run) -> None:
    assert json.loads(run("stop", "--json").out) == {
        "stopped": True,
        "message": "TorchServe has stopped.",
    }
    assert run("status").status == 3


def test_old_options_import_none_of_the_commands(command: list[str]) -> None:
    code = command[2].replace("sys.exit(main(", "status = main(['-v'], ").replace("))", ")")
    code += "; heavy = [m for m in sys.modules if m.startswith(('ts._cli.commands', 'ts.client'))]"
    code += "; assert not heavy, heavy; assert 'http.client' not in sys.modules"
    done = subprocess.run([*command[:2], code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_colours_are_on_terminals_only(server: FakeServer, run: Run, command: list[str]) -> None:
    assert "\x1b[" not in run("models").out

    ours, theirs = pty.openpty()
    code = command[2].replace("main(", "main(['models'], ", 1)
    words = [*command[:2], code]
    environ = {**os.environ, "TERM": "xterm"}
    subprocess.run(words, stdout=theirs, env=environ, check=True)
    os.close(theirs)
    assert b"\x1b[32mREADY\x1b[0m" in os.read(ours, 65536)
    os.close(ours)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_has_each_command_and_its_options(run: Run, shell: str) -> None:
    text = run("completion", shell).out

    for name in COMMANDS:
        assert name in text
    assert "model-store" in text
    assert "follow" in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_and_options(run: Run) -> None:
    script = run("completion", "bash").out
    for words, expected in (
        (["torchserve", "sta"], "status"),
        (["torchserve", "logs", "--fo"], "--follow"),
    ):
        typed = " ".join(words)
        ask = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _torchserve; echo $COMPREPLY"
        done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True)
        assert done.stdout.strip() == expected, done.stderr

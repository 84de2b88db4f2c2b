"""The server in place of the command, and the launchers that build on that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_java import FakeJava, Run, Spawn, wait_until
from ts import llm_launcher
from ts._cli.llm_progress import LlmProgress

SOURCE = Path(__file__).parents[2] / "src"


def pid_file() -> Path:
    return Path(tempfile.gettempdir(), ".model_server.pid")


def test_signals_go_straight_to_the_server_and_its_status_comes_back(
    java: FakeJava, command: list[str], run: Run, spawn: Spawn
) -> None:
    process = spawn([*command, "--foreground", "--model-store", "store"])
    wait_until(lambda: bool(java.records()))

    assert java.records()[-1]["pid"] == process.pid
    assert "-Dtsnext.console=off" not in java.words()
    assert pid_file().read_text() == str(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    assert run("--stop").out == "TorchServe is not currently running.\n"


def test_status_of_a_failed_start_comes_back(java: FakeJava, command: list[str]) -> None:
    java.does(exits=7, prints="Invalid configuration")
    done = subprocess.run(
        [*command, "--foreground", "--model-store", "store"], stdout=subprocess.PIPE, check=False
    )
    assert done.returncode == 7
    assert b"Invalid configuration" in done.stdout


def test_server_in_the_foreground_is_stopped_from_elsewhere(
    java: FakeJava, command: list[str], run: Run, spawn: Spawn
) -> None:
    process = spawn([*command, "--foreground", "--model-store", "store"])
    wait_until(lambda: bool(java.records()))

    assert run("--stop").out == "TorchServe has stopped.\n"

    assert process.wait(60) == -signal.SIGTERM
    assert not pid_file().exists()


def test_second_server_on_the_same_addresses_is_refused(
    java: FakeJava, command: list[str], run: Run
) -> None:
    run("--model-store", "store")
    done = subprocess.run(
        [*command, "--foreground", "--model-store", "store"], stdout=subprocess.PIPE, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"TorchServe is already running")


def test_llm_launcher_writes_a_vllm_model() -> None:
    arguments = llm_launcher.parse_arguments(
        "--model_name lama --model_id org/model --disable_token_auth --startup_timeout 60 "
        "--vllm_engine.max_num_seqs 8 --vllm_engine.max_model_len 1024".split()
    )
    folder = llm_launcher.write_model(arguments)

    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())
    assert folder == Path("model_store", "lama")
    assert manifest["model"] == {
        "modelName": "lama",
        "modelVersion": "1.0",
        "handler": "vllm_handler",
        "configFile": "model-config.yaml",
    }
    config = llm_launcher.get_model_config(arguments)
    assert config["handler"] == {
        "model_path": "org/model",
        "vllm_engine_config": {
            "max_num_seqs": 8,
            "tensor_parallel_size": 1,
            "dtype": "bfloat16",
            "max_model_len": 1024,
        },
    }
    assert (config["minWorkers"], config["maxWorkers"]) == (1, 1)
    assert (config["startupTimeout"], config["responseTimeout"]) == (60, 1200)
    assert config["deviceType"] == "gpu"
    assert config["asyncCommunication"] is True
    assert config["servedModelName"] == ["org/model"]
    assert "parallelType" not in config
    words = "--start --foreground --ncs --model-store model_store --disable-token-auth"
    assert llm_launcher.server_words(arguments) == [*words.split(), "--models", "lama"]


@pytest.mark.parametrize(("gpus", "level"), [(1, 1), (2, 2), (3, 2), (7, 4), (8, 8)])
def test_llm_launcher_spreads_the_weights_over_the_gpus(
    monkeypatch: pytest.MonkeyPatch, gpus: int, level: int
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus))))
    config = llm_launcher.get_model_config(llm_launcher.parse_arguments([]))
    assert (config["parallelType"], config["parallelLevel"]) == ("custom", level)
    assert config["handler"]["vllm_engine_config"]["tensor_parallel_size"] == level
    words = ["--vllm_engine.tensor_parallel_size", "1"]
    assert llm_launcher.get_model_config(llm_launcher.parse_arguments(words))["parallelLevel"] == 1


def test_llm_launcher_asks_nvidia_smi_for_the_gpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'GPU 0: H200 (UUID: a)'\necho 'GPU 1: H200 (UUID: b)'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert llm_launcher.get_model_config(llm_launcher.parse_arguments([]))["parallelLevel"] == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,-1,4")
    assert llm_launcher.get_model_config(llm_launcher.parse_arguments([]))["parallelLevel"] == 1


def test_llm_launcher_serves_adapters_and_further_names() -> None:
    arguments = llm_launcher.parse_arguments(
        "--model_id org/model --served_model_name chat --lora_adapter sql=/a/sql"
        " --lora_adapter fr=org/fr --chat_template t.jinja --trust_remote_code".split()
    )
    config = llm_launcher.get_model_config(arguments)
    assert config["servedModelName"] == ["org/model", "chat", "sql", "fr"]
    assert config["handler"]["adapters"] == {"sql": "/a/sql", "fr": "org/fr"}
    assert config["handler"]["chat_template"] == str(Path("t.jinja").absolute())
    assert config["handler"]["vllm_engine_config"]["trust_remote_code"] is True
    with pytest.raises(SystemExit):
        llm_launcher.parse_arguments(["--lora_adapter", "sql"])


def test_llm_launcher_finds_folders_where_it_runs_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker runs in another folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("llama", "adapters/sql"):
        Path(name).mkdir(parents=True)
    words = (
        "--model_id ./llama --lora_adapter sql=adapters/sql --lora_adapter fr=org/fr"
        " --vllm_engine.download_dir weights"
    ).split()
    section = llm_launcher.get_model_config(llm_launcher.parse_arguments(words))["handler"]
    assert section["model_path"] == str(tmp_path / "llama")
    assert section["adapters"] == {"sql": str(tmp_path / "adapters" / "sql"), "fr": "org/fr"}
    assert section["vllm_engine_config"]["download_dir"] == str(tmp_path / "weights")

    def trt_llm(model: str) -> tuple[str, str]:
        words = ["--engine", "trt_llm", "--model_id", model]
        section = llm_launcher.get_model_config(llm_launcher.parse_arguments(words))["handler"]
        return section["tokenizer_dir"], section["engine_dir"]

    assert trt_llm("llama") == (str(tmp_path / "llama"),) * 2
    assert trt_llm("meta-llama/Llama-3") == ("meta-llama/Llama-3",) * 2


def test_llm_launcher_says_how_to_ask_and_how_far_it_is(tmp_path: Path) -> None:
    said = LlmProgress("m", tokens=True).how_to_ask("http://127.0.0.1:8080")
    assert said.startswith("m is ready:\n\n  curl http://127.0.0.1:8080/v1/chat/completions")
    assert ' token)"' in said
    assert "Authorization" not in LlmProgress("m", tokens=False).how_to_ask("http://x")
    log = tmp_path / "model_log.log"
    log.write_text("2026 [INFO ] W-9000-m - shards:  0%\rshards: 50%\n")
    running: Any = SimpleNamespace(logs=tmp_path)
    assert LlmProgress("m", tokens=True).progress(running, 12.4) == (
        "m is loading, 12 s so far: shards: 50%"
    )
    log.write_text(
        "2026-01-01T00:00:00,000 [INFO ] W-9000-m_1.0-stdout MODEL_LOG - read - 7 of 9\n"
    )
    assert LlmProgress("m", tokens=True).progress(running, 12.4) == (
        "m is loading, 12 s so far: read - 7 of 9"
    )


def test_llm_launcher_takes_a_parsed_command_line_and_the_folder_of_a_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = llm_launcher.parse_arguments(["--model_id", "org/model"])
    config = llm_launcher.get_model_config(arguments, Path("/models/snapshot"))
    assert config["handler"]["model_path"] == "/models/snapshot"
    assert arguments.model_id == "org/model"
    monkeypatch.setattr(llm_launcher, "run_until_signal", lambda command: len(command))
    assert llm_launcher.main(arguments) == 3 + len(llm_launcher.server_words(arguments))


def test_llm_launcher_writes_a_trt_llm_model() -> None:
    arguments = llm_launcher.parse_arguments(
        "--engine trt_llm --trt_llm_engine.kv_cache_free_gpu_memory_fraction 0.25".split()
    )
    section = llm_launcher.get_model_config(arguments)["handler"]
    assert section["kv_cache_config"] == {"free_gpu_memory_fraction": 0.25}
    assert section["max_batch_size"] == 4
    assert section["dtype"] == "bfloat16"


def launched(spawn: Spawn, *prefix: str) -> tuple[subprocess.Popen[bytes], int]:
    """The launcher with a command that stays, and the process of that."""
    code = (
        "import sys; from ts.llm_launcher import run_until_signal; "
        "sys.exit(run_until_signal([sys.executable, '-c', 'import os, pathlib, time; "
        'pathlib.Path("draft").write_text(str(os.getpid())); os.rename("draft", "up"); '
        "time.sleep(60)']))"
    )
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = spawn([*prefix, sys.executable, "-c", code], env=environ, stdin=subprocess.DEVNULL)
    wait_until(Path("up").exists)
    return process, int(Path("up").read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_llm_launcher_ends_the_command_at_a_signal(spawn: Spawn, number: signal.Signals) -> None:
    process, command = launched(spawn)
    process.send_signal(number)
    assert process.wait(60) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(command, 0)


def test_llm_launcher_under_nohup_outlives_its_terminal(spawn: Spawn) -> None:
    process, command = launched(spawn, "nohup")
    process.send_signal(signal.SIGHUP)
    os.kill(command, signal.SIGKILL)
    assert process.wait(60) == 128 + signal.SIGKILL, "the command's own end"


def test_llm_launcher_passes_on_the_status_of_a_server_that_ends() -> None:
    assert llm_launcher.run_until_signal([sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_llm_launcher_has_the_model_in_the_store_for_the_length_of_a_block(tmp_path: Path) -> None:
    arguments = llm_launcher.parse_arguments(["--model_store", str(tmp_path)])
    with llm_launcher.create_mar_file(arguments, "/models/snapshot") as path:
        assert path == str(tmp_path / "model")
        config = (tmp_path / "model" / "model-config.yaml").read_text()
        assert "model_path: /models/snapshot" in config
    assert not (tmp_path / "model").exists()
    kept = tmp_path / "model" / "notes.txt"
    kept.parent.mkdir()
    kept.touch()
    with llm_launcher.create_mar_file(arguments):
        pass
    assert kept.exists()

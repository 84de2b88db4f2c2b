"""The server in place of the command, and the launchers that build on that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fake_java import FakeJava, Run, Spawn, wait_until
from ts import llm_launcher

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
    assert config["parallelType"] == "custom"
    words = "--start --foreground --ncs --model-store model_store --disable-token-auth"
    assert llm_launcher.server_words(arguments) == [*words.split(), "--models", "lama"]


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


def test_llm_launcher_runs_the_command_until_a_signal(spawn: Spawn) -> None:
    code = (
        "import sys; from ts.llm_launcher import run_until_signal; "
        "sys.exit(run_until_signal([sys.executable, '-c', "
        "'import pathlib, time; pathlib.Path(\"up\").touch(); time.sleep(60)']))"
    )
    process = spawn([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    wait_until(Path("up").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_llm_launcher_passes_on_the_status_of_a_server_that_ends() -> None:
    assert llm_launcher.run_until_signal([sys.executable, "-c", "raise SystemExit(3)"]) == 3

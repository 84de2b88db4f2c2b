"""Serves a large language model: `python -m ts.llm_launcher --model_id ...`.

Writes a model folder (a manifest and a model-config.yaml, no archive) into the model store,
runs a server with it in the foreground, and stops the server at SIGINT, SIGTERM or SIGHUP. The
model is served under its name here and under that of the engine, by the OpenAI API. docs/llm.md
has more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from ts._cli.gpus import count_gpus
from ts._cli.llm_progress import LlmProgress
from ts._cli.streams import run_command

_RESPONSE_TIMEOUT_SEC = 1200


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line; ends the process for `--help` and wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m ts.llm_launcher", description=__doc__)
    parser.add_argument("--model_name", default="model", help="name to serve it under")
    parser.add_argument("--model_store", default="model_store", help="folder, made if need be")
    parser.add_argument(
        "--model_id",
        default="meta-llama/Meta-Llama-3.1-8B-Instruct",
        help="model of the Hugging Face hub, or a folder",
    )
    parser.add_argument("--disable_token_auth", action="store_true", help="serve without tokens")
    parser.add_argument(
        "--startup_timeout", type=int, default=1200, help="seconds that loading may take"
    )
    parser.add_argument("--engine", choices=("vllm", "trt_llm"), default="vllm")
    parser.add_argument("--dtype", default="bfloat16", help="data type of the weights")
    parser.add_argument(
        "--served_model_name",
        action="append",
        metavar="NAME",
        help="a further name for clients, beside --model_name and --model_id; may be repeated",
    )
    vllm = parser.add_argument_group("vLLM")
    vllm.add_argument("--vllm_engine.max_num_seqs", type=int, default=256)
    vllm.add_argument("--vllm_engine.max_model_len", type=int)
    vllm.add_argument("--vllm_engine.download_dir")
    vllm.add_argument(
        "--vllm_engine.tensor_parallel_size",
        type=int,
        metavar="GPUS",
        help="GPUs that share the weights; default: all, or the power of two below",
    )
    vllm.add_argument(
        "--lora_adapter",
        action="append",
        type=_adapter,
        metavar="NAME=PATH",
        help="a LoRA adapter, which clients ask for by NAME; may be repeated",
    )
    vllm.add_argument("--chat_template", help="a file of Jinja for models without one")
    vllm.add_argument(
        "--trust_remote_code",
        action="store_true",
        help="run Python code that comes with the weights; off by default",
    )
    trt_llm = parser.add_argument_group("TensorRT-LLM")
    trt_llm.add_argument("--trt_llm_engine.max_batch_size", type=int, default=4)
    trt_llm.add_argument(
        "--trt_llm_engine.kv_cache_free_gpu_memory_fraction", type=float, default=0.1
    )
    return parser.parse_args(arguments)


def get_model_config(
    args: argparse.Namespace, model_snapshot_path: str | Path | None = None
) -> dict[str, Any]:
    """Return the content of model-config.yaml.

    Args:
        args: A parsed command line.
        model_snapshot_path: The folder of the model, in place of the name that `args` have.
    """
    if model_snapshot_path is not None:
        args = argparse.Namespace(**{**vars(args), "model_id": str(model_snapshot_path)})
    config: dict[str, Any] = {
        "minWorkers": 1,
        "maxWorkers": 1,
        "batchSize": 1,
        "maxBatchDelay": 100,
        "responseTimeout": _RESPONSE_TIMEOUT_SEC,
        "startupTimeout": args.startup_timeout,
        "deviceType": "gpu",
        "asyncCommunication": True,
    }
    gpus = count_gpus()
    level = _parallel_level(args, gpus)
    if gpus:
        # One process that sees all its devices: without it the frontend ignores parallelLevel.
        config.update(parallelType="custom", parallelLevel=level)
    names = _served_names(args)
    if names:
        config["servedModelName"] = names
    section = _vllm_section(args, level) if args.engine == "vllm" else _trt_llm_section(args)
    return {**config, "handler": section}


@contextlib.contextmanager
def create_mar_file(
    args: argparse.Namespace, model_snapshot_path: str | Path | None = None
) -> Iterator[str]:
    """Have the model in the model store for the length of a ``with`` block; yield its path.

    A folder that was there before is written anew, as `main` does, and stays.

    Args:
        args: A parsed command line.
        model_snapshot_path: As `get_model_config` takes it.
    """
    is_new = not Path(args.model_store, args.model_name).exists()
    folder = write_model(args, model_snapshot_path)
    try:
        yield str(folder)
    finally:
        if is_new:
            shutil.rmtree(folder)


def write_model(
    arguments: argparse.Namespace, model_snapshot_path: str | Path | None = None
) -> Path:
    """Write the model's folder into the model store, anew, and return it."""
    folder = Path(arguments.model_store, arguments.model_name)
    manifest_folder = folder / "MAR-INF"
    manifest_folder.mkdir(parents=True, exist_ok=True)
    config = yaml.safe_dump(get_model_config(arguments, model_snapshot_path), sort_keys=False)
    (folder / "model-config.yaml").write_text(config, encoding="utf-8")
    manifest = {
        "runtime": "python",
        "model": {
            "modelName": arguments.model_name,
            "modelVersion": "1.0",
            "handler": f"{arguments.engine}_handler",
            "configFile": "model-config.yaml",
        },
    }
    text = json.dumps(manifest, indent=2)
    (manifest_folder / "MANIFEST.json").write_text(text, encoding="utf-8")
    return folder


def server_words(arguments: argparse.Namespace) -> list[str]:
    """Return the words after `torchserve` that serve the model."""
    words = ["--start", "--foreground", "--ncs", "--model-store", arguments.model_store]
    if arguments.disable_token_auth:
        words.append("--disable-token-auth")
    return [*words, "--models", arguments.model_name]


def main(args: argparse.Namespace | Sequence[str] | None = None) -> int:
    """Serve until a signal comes or the server ends, and return the exit status.

    Args:
        args: The command line, parsed or in words; None for that of this process.
    """
    parsed = args if isinstance(args, argparse.Namespace) else parse_arguments(args)
    write_model(parsed)
    progress = LlmProgress(parsed.model_name, tokens=not parsed.disable_token_auth)
    progress.start()
    try:
        return run_until_signal([sys.executable, "-m", "ts.model_server", *server_words(parsed)])
    finally:
        progress.stop()


def run_until_signal(command: list[str]) -> int:
    """Run a command, hand SIGINT, SIGTERM and SIGHUP on to it as SIGTERM, and wait for its end.

    Under `nohup`, SIGHUP stays ignored.

    Returns:
        0 if a signal ended it, else its own status.
    """
    asked = threading.Event()
    child: subprocess.Popen[bytes] | None = None

    def stop(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        if child is not None:
            child.terminate()

    # Before the child is there: a signal that came between the two would leave it behind.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        # A session of its own: Ctrl-C in the terminal reaches it once, through here.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        if asked.is_set():
            child.terminate()
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked.is_set():
        return 0
    return status if status >= 0 else 128 - status


def _adapter(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise argparse.ArgumentTypeError(f"{text!r}, expected NAME=PATH")
    return name, path


def _parallel_level(arguments: argparse.Namespace, gpus: int) -> int:
    """Return how many GPUs share the weights: attention heads are divided among them."""
    asked = getattr(arguments, "vllm_engine.tensor_parallel_size", None)
    if asked is not None:
        return max(1, int(asked))
    if arguments.engine != "vllm" or gpus < 1:
        return 1
    return 1 << (gpus.bit_length() - 1)


def _served_names(arguments: argparse.Namespace) -> list[str]:
    """Return the names for clients beside the registered one."""
    names = [arguments.model_id, *(getattr(arguments, "served_model_name", None) or [])]
    if arguments.engine == "vllm":
        names += [name for name, _ in getattr(arguments, "lora_adapter", None) or []]
    return [
        name
        for name in dict.fromkeys(str(name) for name in names)
        # A folder with a blank in its path can be served, but not asked for by its path.
        if name != arguments.model_name and name.isprintable() and " " not in name
    ]


def _vllm_section(arguments: argparse.Namespace, level: int) -> dict[str, Any]:
    given = vars(arguments)
    engine: dict[str, Any] = {
        "max_num_seqs": given["vllm_engine.max_num_seqs"],
        "tensor_parallel_size": level,
        "dtype": arguments.dtype,
    }
    if given["vllm_engine.max_model_len"] is not None:
        engine["max_model_len"] = given["vllm_engine.max_model_len"]
    if given["vllm_engine.download_dir"] is not None:
        engine["download_dir"] = str(Path(given["vllm_engine.download_dir"]).absolute())
    if given.get("trust_remote_code"):
        engine["trust_remote_code"] = True
    section: dict[str, Any] = {
        "model_path": _located(arguments.model_id),
        "vllm_engine_config": engine,
    }
    if given.get("lora_adapter"):
        section["adapters"] = {name: _located(path) for name, path in given["lora_adapter"]}
    if given.get("chat_template"):
        # Not below the model's folder, where the handler would look for it.
        section["chat_template"] = str(Path(given["chat_template"]).absolute())
    return section


def _trt_llm_section(arguments: argparse.Namespace) -> dict[str, Any]:
    given = vars(arguments)
    fraction = given["trt_llm_engine.kv_cache_free_gpu_memory_fraction"]
    return {
        "tokenizer_dir": _located(arguments.model_id),
        "engine_dir": _located(arguments.model_id),
        "dtype": arguments.dtype,
        "max_batch_size": given["trt_llm_engine.max_batch_size"],
        "kv_cache_config": {"free_gpu_memory_fraction": fraction},
    }


def _located(name: str) -> str:
    """Return the whole path of what exists, as workers run in another folder; else a hub's name."""
    path = Path(name)
    return str(path.absolute()) if path.exists() else name


if __name__ == "__main__":
    run_command("ts.llm_launcher", main)

"""``torchserve try PATH``: loads a model in this process and asks it, without a server."""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ts._cli.commands import DONE, FAILED
from ts._cli.commands.predict import input_of
from ts._cli.commands.terminal import Colour, paint
from ts._cli.commands.words import Commands, add_json, positive, print_json, say
from ts._cli.errors import Refusal

if TYPE_CHECKING:
    from ts._cli.trying.frontend import Answer, Input
    from ts._cli.trying.run import Tried
    from ts._cli.trying.source import ModelSource

_MIB = 2**20
_RELEVANT_MEMORY = 1 << 20


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "try",
        "load a model in this process, without Java, and ask it",
        run,
        [
            "torchserve try digits.mar --input seven.png",
            "torchserve try my_model/ --data 'some text'",
            "torchserve try handler.py --input a.json --batch 8 --repeat 20",
            "torchserve try digits.mar --input seven.png --explain",
            "torchserve try digits.mar --input seven.png --profile",
            "torchserve try digits.mar        # only loads it",
        ],
        description="Load a model as a worker of the server does, in this process and without Java,"
        " ask it, and print its answer, the time of each stage and the peak memory; on failure the"
        " traceback. PATH is an archive, a folder, or a handler's .py file, whose folder is the"
        " model's. Exit status: 1 if it cannot be loaded or answers with an error.",
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="an archive, a folder or a handler")
    parser.add_argument(
        "--input",
        metavar="FILE",
        action="append",
        default=[],
        help="what to send; several are one batch; - for standard input",
    )
    parser.add_argument("--data", metavar="TEXT", help="send this text")
    parser.add_argument(
        "--content-type", metavar="TYPE", help="default: by the file's name, text for --data"
    )
    parser.add_argument(
        "--batch", metavar="N", type=positive, default=1, help="send it N times in one batch"
    )
    parser.add_argument(
        "--repeat",
        metavar="N",
        type=positive,
        default=1,
        help="ask N times; the answer is the last",
    )
    parser.add_argument("--explain", action="store_true", help="ask for the explanation")
    parser.add_argument(
        "--profile", action="store_true", help="print the operators of torch that took longest"
    )
    parser.add_argument("--handler", metavar="HANDLER", help="in place of the manifest's")
    parser.add_argument("--model-name", metavar="NAME", help="what the handler is told")
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="cpu, or the number of a GPU (default: GPU 0 if there is one)",
    )
    add_json(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    from ts._cli.trying.run import Plan, has_gpu, try_model
    from ts._cli.trying.source import Choices, open_source

    inputs = _inputs(arguments)
    with tempfile.TemporaryDirectory(prefix="ts-try-") as scratch:
        choices = Choices(arguments.model_name, arguments.handler)
        source = open_source(arguments.path, choices, Path(scratch).resolve())
        gpu = _gpu(arguments.device, source, has_gpu)
        plan = Plan(inputs, arguments.repeat, arguments.explain, arguments.profile, gpu)
        here = Path.cwd()
        try:
            tried = try_model(source, plan)
        finally:
            os.chdir(here)  # before the folder goes
    if arguments.json:
        print_json(_json(source, tried))
        return DONE if _is_good(tried) else FAILED
    return _print(source, tried, gpu)


def _inputs(arguments: argparse.Namespace) -> list[Input]:
    from ts._cli.trying.frontend import Input

    if arguments.data is not None and arguments.input:
        raise Refusal("Expected --input or --data, not both.")
    given = [input_of(file, None, arguments.content_type) for file in arguments.input]
    if arguments.data is not None:
        given = [input_of(None, arguments.data, arguments.content_type)]
    batch: int = arguments.batch
    return [Input(kind, body) for body, kind in given] * batch


def _gpu(device: str | None, source: ModelSource, has_gpu: Any) -> int | None:
    if device is None:
        return 0 if source.config.get("deviceType") != "cpu" and has_gpu() else None
    number = device.lower().removeprefix("cuda").removeprefix("gpu").removeprefix(":")
    if device.lower() == "cpu":
        return None
    if number == "" or (number.isascii() and number.isdigit()):
        return int(number or 0)
    raise Refusal(f"--device {device}: expected cpu, or the number of a GPU.")


def _is_good(tried: Tried) -> bool:
    outcome = tried.outcome
    return (
        outcome.load_seconds is not None
        and not outcome.unusable
        and not outcome.problem
        and all(_is_answer(answer) for _, answers in outcome.rounds for answer in answers)
    )


def _is_answer(answer: Answer) -> bool:
    return answer.ended and answer.error is None and answer.status < 400


def _print(source: ModelSource, tried: Tried, gpu: int | None) -> int:
    outcome = tried.outcome
    if outcome.failed is not None:
        say(source.in_users_words(str(outcome.failed.get("traceback", ""))).rstrip())
        cause = source.in_users_words(str(outcome.failed.get("detail", "")))
        say(paint(f"{outcome.failed.get('message', '')}: {cause}", Colour.RED, sys.stderr))
        return FAILED
    if outcome.load_seconds is None:
        say(f"The worker ended with status {tried.exit_code}: {outcome.problem}")
        return FAILED
    answers = outcome.rounds[-1][1] if outcome.rounds else []
    for number, answer in enumerate(answers, 1):
        if len(answers) > 1:
            say(f"-- answer {number} of {len(answers)}")
        _print_answer(source, answer)
    for line in report(source, tried, gpu):
        say(line)
    if tried.profile:
        say(tried.profile)
    if outcome.unusable:
        say(paint(f"The worker can serve no more: {outcome.unusable}", Colour.RED, sys.stderr))
    elif outcome.problem:
        say(f"The worker ended with status {tried.exit_code}: {outcome.problem}")
    return DONE if _is_good(tried) else FAILED


def _print_answer(source: ModelSource, answer: Answer) -> None:
    sys.stdout.flush()
    if sys.stdout.isatty() and _is_binary(answer):
        print(f"({len(answer.body)} bytes of {answer.content_type or 'no type'})")
    else:
        sys.stdout.buffer.write(answer.body)
        if answer.body and not answer.body.endswith(b"\n") and not _is_binary(answer):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    if answer.error is not None:
        error = answer.error
        cause = f": {source.in_users_words(error.detail)}" if error.detail else ""
        say(paint(f"{error.code} {error.message}{cause}", Colour.RED, sys.stderr))
    elif answer.status >= 400:
        say(paint(f"status {answer.status}", Colour.RED, sys.stderr))


def _is_binary(answer: Answer) -> bool:
    try:
        answer.body.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return answer.content_type.startswith(("image/", "audio/", "video/"))


def report(source: ModelSource, tried: Tried, gpu: int | None) -> list[str]:
    """Return the lines that tell what it took."""
    outcome = tried.outcome
    batch = len(outcome.rounds[-1][1]) if outcome.rounds else 0
    where = "cpu" if gpu is None else f"GPU {gpu}"
    sent = f", batch of {batch}" if batch > 1 else ""
    lines = [f"{source.name} {source.version}, handler {source.handler}, {where}{sent}"]
    lines.append(f"  {'load':<14}{_duration(outcome.load_seconds or 0)}")
    for stage, seconds in tried.stages.items():
        if seconds:
            lines.append(f"  {stage:<14}{_times(seconds)}")
    whole = [seconds for seconds, _ in outcome.rounds if seconds]
    if whole:
        lines.append(f"  {'request':<14}{_times(whole)}")
    streamed = (
        max((len(answer.chunks) for answer in outcome.rounds[-1][1]), default=0) if whole else 0
    )
    if streamed > 1:
        lines.append(f"  {'stream':<14}{streamed} parts")
    grown = tried.peak_memory - tried.memory_before
    lines.append(
        f"  {'peak memory':<14}{tried.peak_memory / _MIB:.0f} MiB"
        f" ({grown / _MIB:.0f} MiB more than before the model)"
    )
    if tried.accelerator_memory > _RELEVANT_MEMORY:
        lines.append(f"  {'GPU memory':<14}{tried.accelerator_memory / _MIB:.0f} MiB")
    return lines


def _times(seconds: list[float]) -> str:
    if len(seconds) == 1:
        return _duration(seconds[0])
    rest = seconds[1:]
    return (
        f"{_duration(seconds[0])} the first, then {_duration(statistics.median(rest))} "
        f"(median of {len(rest)})"
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _json(source: ModelSource, tried: Tried) -> dict[str, Any]:
    outcome = tried.outcome
    failed = outcome.failed
    return {
        "model": source.name,
        "version": source.version,
        "handler": source.handler,
        "ok": _is_good(tried),
        "loadSeconds": outcome.load_seconds,
        "failure": None
        if failed is None
        else {
            name: source.in_users_words(str(failed.get(name, "")))
            for name in ("message", "detail", "traceback")
        },
        "stages": tried.stages,
        "requestSeconds": [seconds for seconds, _ in outcome.rounds],
        "peakMemoryBytes": tried.peak_memory,
        "acceleratorMemoryBytes": tried.accelerator_memory,
        "answers": [
            _answer_json(source, a) for a in (outcome.rounds[-1][1] if outcome.rounds else [])
        ],
        "problem": outcome.unusable or outcome.problem or None,
        "profile": tried.profile or None,
    }


def _answer_json(source: ModelSource, answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"status": answer.status, "contentType": answer.content_type}
    if answer.error is not None:
        error = answer.error
        said["error"] = {
            "message": error.message,
            "detail": source.in_users_words(error.detail),
            "traceback": source.in_users_words(error.traceback),
        }
        return said
    try:
        text = answer.body.decode("utf-8")
        said["value"] = json.loads(text) if answer.content_type == "application/json" else text
    except ValueError:
        said["base64"] = base64.b64encode(answer.body).decode("ascii")
    return said

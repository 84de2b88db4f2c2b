"""A limit: the work in a plain loop, without any server, in a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from perf.work import load_work

WARM_UP = 10


@dataclass(frozen=True)
class PlainLoop:
    """Items per second of the loop, and what it answered."""

    rate: float
    answer: bytes


def measure(
    python: Path, folder: Path, work: str, batch_size: int, seconds: float, body: bytes
) -> PlainLoop:
    """Run the loop in a process of its own."""
    file = folder / "body"
    file.write_bytes(body)
    code = "from perf.plain_loop import main; main()"
    arguments = [str(folder), work, str(batch_size), str(seconds), str(file)]
    output = subprocess.run(
        [str(python), "-c", code, *arguments],
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds + 120,
    ).stdout
    result = json.loads(output)
    return PlainLoop(result["rate"], base64.b64decode(result["answer"]))


def main() -> None:
    """Do the work for a while and print JSON: items per second, and an answer in base64.

    The arguments are FOLDER, WORK, BATCH_SIZE, SECONDS and BODY_FILE.
    """
    folder, name, batch_size, seconds, file = sys.argv[1:]
    work = load_work(name, Path(folder))
    batch = [Path(file).read_bytes()] * int(batch_size)
    for _ in range(WARM_UP):
        answers = work.answer(batch)
    rounds = 0
    start = time.perf_counter()
    end = start + float(seconds)
    while (now := time.perf_counter()) < end:
        work.answer(batch)
        rounds += 1
    rate = rounds * len(batch) / (now - start)
    print(json.dumps({"rate": rate, "answer": base64.b64encode(answers[0]).decode()}))

"""docs/batching.md keeps its word: which batching it advises is one that the server carries out."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import requests
import yaml
from model_archiver._config_keys import KNOWN_KEYS
from page_reader import blocks_of
from PIL import Image
from torchserve_process import REPOSITORY, TorchServe

PAGE = (REPOSITORY / "docs" / "batching.md").read_text(encoding="utf-8")
WHICH = PAGE.split("\n## Which batching for which model\n")[1].split("\n## ")[0]
SIZE_OF_BATCH = """
import time


def handle(data, context):
    if data is None:
        return None
    time.sleep(0.05)
    return [{"size": len(data)} for _ in data]
"""
SIZE_AT_ONCE = """
import asyncio


class AtOnce:
    def initialize(self, context):
        self.running = self.most = 0

    async def handle(self, data, context):
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.2)
        self.running -= 1
        return [{"size": len(data), "most": self.most}]
"""


def block(language: str) -> str:
    (text,) = (text for kind, text in blocks_of(WHICH) if kind == language)
    return text


def advised() -> list[dict[str, Any]]:
    """What the rows of the table advise, as model-config.yaml has it."""
    found = []
    for row in re.findall(r"^\| [^|]+ \| ([^|]+) \|", WHICH, re.M)[1:]:
        values = dict(re.findall(r"`(\w+): (\w+)`", row))
        found.append({key: yaml.safe_load(value) for key, value in values.items()})
    return found


def ask(server: TorchServe, model: str, count: int, data: bytes = b"") -> list[Any]:
    with ThreadPoolExecutor(count) as clients:
        answers = list(clients.map(lambda _: server.predict(model, data=data), range(count)))
    assert [answer.status_code for answer in answers] == [200] * count, answers[0].text
    return [answer.json() for answer in answers]


def counted(server: TorchServe, metric: str, model: str, **labels: str) -> float:
    wanted = {"model_name": model, **labels}
    for line in requests.get(f"{server.metrics}/metrics", timeout=30).text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith(metric + "{") and all(f'{k}="{v}"' in name for k, v in wanted.items()):
            return float(value)
    raise AssertionError(f"no {metric} of {wanted}")


def test_each_row_names_keys_that_exist_and_can_be_used_together(
    start: Callable[..., TorchServe],
) -> None:
    rows = advised()
    assert len([row for row in rows if row]) >= 9
    server = start()
    for index, row in enumerate(rows):
        assert set(row) <= KNOWN_KEYS
        if row.get("sequenceBatching"):
            row = {**row, "sequenceMaxIdleMSec": 60_000}
        code = SIZE_AT_ONCE if "concurrency" in row else SIZE_OF_BATCH
        server.store.write_handler(f"row{index}", code, yaml.safe_dump(row))
        added = requests.post(f"{server.management}/models?url=row{index}", timeout=60)
        assert added.status_code == 200, added.text


def test_batches_are_counted_as_the_page_says(start: Callable[..., TorchServe]) -> None:
    server = start()
    config = "minWorkers: 1\nmaxWorkers: 1\nbatchSize: 8\nmaxBatchDelay: 200\n"
    server.store.write_handler("cnn", SIZE_OF_BATCH, config)
    at_once = "minWorkers: 1\nmaxWorkers: 1\nbatchSize: 8\nconcurrency: 32\n"
    server.store.write_handler("waits", SIZE_AT_ONCE, at_once)
    for name in ("cnn", "waits"):
        server.register(name)

    sizes = [answer["size"] for answer in ask(server, "cnn", 16)]
    assert max(sizes) > 1
    labels = {"protocol": "http", "outcome": "success"}
    assert counted(server, "ts_requests_total", "cnn", **labels) == 16
    batches = counted(server, "ts_worker_time_seconds_count", "cnn")
    assert batches == sum(Fraction(1, size) for size in sizes)
    assert counted(server, "ts_queue_time_seconds_count", "cnn", protocol="http") == 16

    # With `concurrency` no batches are formed, whatever batchSize says.
    answers = ask(server, "waits", 8)
    assert {answer["size"] for answer in answers} == {1}
    assert max(answer["most"] for answer in answers) > 1


def test_micro_batching_of_the_page_answers_whole_batches_in_order(
    start: Callable[..., TorchServe],
) -> None:
    server = start(torch=True)
    config = block("yaml") + "minWorkers: 1\nmaxWorkers: 1\n"
    server.store.write_handler("sizes", block("python"), config)
    server.register("sizes")

    def size(width: int) -> Any:
        content = io.BytesIO()
        Image.new("L", (width, 3)).save(content, "PNG")
        return server.predict("sizes", data=content.getvalue()).json()

    with ThreadPoolExecutor(8) as clients:
        assert list(clients.map(size, range(1, 9))) == [[width, 3] for width in range(1, 9)]

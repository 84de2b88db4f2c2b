"""``warmup`` of model-config.yaml: what runs before a worker says that it is ready."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ts._worker.warmup_entries import WarmupEntry, read_entries

ECHO = """
import json
seen = []

def handle(data, context):
    if data is None:
        return None
    headers = [context.get_all_request_header(i) for i in range(len(data))]
    for row, said in zip(data, headers):
        value = row["body"]
        seen.append([
            len(data),
            value.decode() if isinstance(value, bytearray) else value,
            said.get("content-type"),
            said.get("url_path", ""),
            context.warming_up,
        ])
    context.metrics.add_counter("Seen", len(data))
    return [seen] * len(data)
"""


@pytest.fixture
def start(shared_frontend: Any, model: Callable[..., Path], until: Any) -> Callable[..., Any]:
    """Starts a worker of a model with a configuration; returns its channel and spawn id."""

    def started(code: str, config: Any, **load: Any) -> tuple[Any, int]:
        folder = model(code, handler="handler.py", configFile="model-config.yaml")
        (folder / "model-config.yaml").write_text(yaml.safe_dump(config))
        spawn_id = shared_frontend.spawn("fork", folder)
        worker = shared_frontend.worker(spawn_id)
        worker.load(folder, "handler", **load)
        until(lambda: worker.loaded or worker.failed, f"the load; {shared_frontend.lines}")
        return worker, spawn_id

    return started


def test_inputs_run_alone_and_in_whole_batches_before_the_first_request(
    start: Any, tmp_path: Path, request_of: Any, shared_frontend: Any, until: Any
) -> None:
    (tmp_path / "sample.json").write_text('{"a": [1]}')
    config = {"warmup": ["sample.json", {"body": "hello", "batchSizes": [2], "repeat": 2}]}
    worker, spawn_id = start(ECHO, config, batch_size=3)
    assert worker.loaded, worker.failed
    (answer,) = worker.ask(request_of(b"x"))
    seen = json.loads(answer.body)
    of_file = [{"a": [1]}, "application/json", "", True]
    of_text = ["hello", "text/plain; charset=utf-8", "", True]
    assert seen == [
        [1, *of_file],
        *[[3, *of_file]] * 3,
        *[[2, *of_text]] * 4,
        [1, "x", None, "", False],
    ]
    until(lambda: "Warmed up" in shared_frontend.text(spawn_id), "what was printed")
    printed = shared_frontend.text(spawn_id)
    assert "Warming up with warmup[0] (sample.json) in a batch of 3" in printed
    assert re.search(r"^Warmed up in [\d.]+ s, batches: 4$", printed, re.MULTILINE)
    assert [sample.value for sample in worker.metrics if sample.name == "Seen"] == [1.0]
    assert [reply[0] for reply in worker.replies] == ["RESPONSE"]


def test_route_and_content_type_reach_the_handler(start: Any, request_of: Any) -> None:
    entry = {"body": {"b": None}, "contentType": "text/x-own", "route": "/v1/chat/completions"}
    worker, _ = start(ECHO, {"warmup": [entry]})
    assert worker.loaded, worker.failed
    seen = json.loads(worker.ask(request_of(b"x"))[0].body)
    assert seen[0] == [1, '{"b": null}', "text/x-own", "v1/chat/completions", True]


STREAM = """
closed = []
def parts(count):
    try:
        for number in range(count):
            yield str(number)
    finally:
        closed.append(count)

def handle(data, context):
    if data is None:
        return None
    return [parts(3) for _ in data] if context.warming_up else [str(closed) for _ in data]
"""

COROUTINE = """
import asyncio
class Handler:
    async def initialize(self, context):
        self.loop = asyncio.get_running_loop()
        self.rows = []
    async def handle(self, data, context):
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is self.loop
        self.rows.append(len(data))
        if context.warming_up:
            async def parts():
                yield "a"
                self.rows.append("streamed")
            return [parts()]
        return [str(self.rows)]
"""

STEPS = """
left = {}
steps = []
def handle(data, context):
    if data is None:
        return None
    steps.append(len(data))
    for request_id in context.request_ids.values():
        left.setdefault(request_id, 3 if context.warming_up else 1)
        left[request_id] -= 1
    ids = list(context.request_ids.values())
    context.stopping_criteria = [lambda _, i=i: left[i] <= 0 for i in ids]
    return [str(steps)] * len(data)
"""


@pytest.mark.parametrize(
    ("code", "load", "answer"),
    [
        pytest.param(STREAM, {"batch_size": 2}, "[3, 3, 3]", id="streams"),
        pytest.param(COROUTINE, {"async": True}, "[1, 'streamed', 1]", id="coroutines"),
        pytest.param(
            COROUTINE.replace("async def initialize", "def initialize")
            .replace("asyncio.get_running_loop()\n        self", "None\n        self")
            .replace("assert asyncio.get_running_loop() is self.loop", "pass"),
            {"batch_size": 1},
            "[1, 'streamed', 1]",
            id="a coroutine that runs batch by batch",
        ),
        pytest.param(STEPS, {"batch_size": 2}, "[1, 1, 1, 2, 2, 2, 1]", id="continuous batching"),
    ],
)
def test_handlers_of_each_kind_run_to_their_end(
    start: Any, request_of: Any, code: str, load: dict[str, Any], answer: str
) -> None:
    worker, _ = start(code, {"warmup": [{"body": "x"}]}, **load)
    assert worker.loaded, worker.failed
    assert bytes(worker.ask(request_of(b"x"))[0].body).decode() == answer


FAILS = """
from ts.handler import RequestError

def handle(data, context):
    if data is None:
        return None
    for row in data:
        if row["body"] == "memory":
            raise MemoryError("too much")
        if row["body"] == "refused":
            raise RequestError(422, "not this one")
        if row["body"] == "status":
            context.set_response_status(400, "no", 0)
            return ["what a handler says"] * len(data)
        if row["body"] == "short":
            return []
        if row["body"] == "leave":
            raise SystemExit(0)
        if row["body"] == "stream":
            def broken():
                yield "a"
                raise KeyError("vocab")
            return [broken() for _ in data]
        if len(data) > 1:
            raise ValueError("no batches")
    return ["fine"] * len(data)
"""


@pytest.mark.parametrize(
    ("body", "said", "in_traceback"),
    [
        (
            "fine",
            "warmup[0] in a batch of 2 failed with status 503: Prediction failed:"
            " ValueError: no batches (handler.py:",
            "in handle",
        ),
        (
            "memory",
            "in a batch of 1 failed with status 507: Out of resources: MemoryError",
            "handle",
        ),
        ("refused", "in a batch of 1 failed with status 422: not this one", ""),
        ("status", "failed with status 400: the handler answered: what a handler says", ""),
        ("short", "failed with status 503: number of batch response mismatched", ""),
        ("stream", "failed with status 503: Prediction failed: KeyError: 'vocab'", "in broken"),
        ("leave", "SystemExit", "in handle"),
    ],
)
def test_input_that_fails_is_why_the_model_is_not_loaded(
    start: Any, shared_frontend: Any, body: str, said: str, in_traceback: str
) -> None:
    worker, spawn_id = start(FAILS, {"warmup": [{"body": body}]}, batch_size=2)
    assert not worker.loaded
    assert said in worker.failed["detail"]
    assert worker.failed["code"] == (507 if body == "memory" else 500)
    assert in_traceback in worker.failed["traceback"]
    assert shared_frontend.exit_of(spawn_id)["code"] == 3
    assert worker.replies == []


def test_configuration_that_cannot_be_followed_fails_the_load_in_words(start: Any) -> None:
    worker, _ = start(ECHO, {"warmup": ["missing.bin"]})
    assert worker.failed["detail"].startswith(
        "ValueError: warmup[0].file is 'missing.bin' in model-config.yaml, which is not in the"
        " model's folder"
    )


def test_sizes_above_the_models_batch_are_left_out(
    start: Any, shared_frontend: Any, request_of: Any, until: Any
) -> None:
    config = {"warmup": [{"body": "x", "batchSizes": [1, 8]}]}
    worker, spawn_id = start(ECHO, config, batch_size=4)
    assert worker.loaded, worker.failed
    assert [row[0] for row in json.loads(worker.ask(request_of(b"y"))[0].body)] == [1, 1]
    warning = "batches of 8 are left out, the handler gets 4 at most"
    until(lambda: warning in shared_frontend.text(spawn_id), "the warning")


def entries(config: Any, folder: Path = Path("/nowhere")) -> list[WarmupEntry]:
    return read_entries(config, str(folder), 100)


@pytest.mark.parametrize("value", [None, True, 3, "kitten.jpg", {"steps": 2}])
def test_key_that_is_no_list_belongs_to_the_handler(value: Any) -> None:
    assert entries({"warmup": value}) == []


def test_file_below_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.txt").write_text("text")
    (entry,) = entries({"warmup": ["samples/a.txt"]}, tmp_path)
    assert (entry.content, entry.content_type) == (b"text", "text/plain; charset=utf-8")
    assert (entry.repeat, entry.sizes, entry.route) == (1, None, "")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"file": "a"}, "warmup is a map in model-config.yaml, expected a list of names of files"),
        ([3], r"warmup\[0\] is 3 in model-config.yaml, expected the name of a file, or a map"),
        (["a"] * 33, "expected at most 32"),
        (["../a"], r"warmup\[0\].file is '../a' in model-config.yaml, expected the name of a file"),
        ([{"file": "/etc/passwd"}], "expected the name of a file in the model's folder"),
        ([{"file": "C:/a"}], "expected the name of a file in the model's folder"),
        ([{"file": "a", "body": "b"}], "both file and body .*, expected one of them"),
        ([{"repeat": 2}], "neither file nor body .*, expected one of them"),
        ([{"body": "x", "times": 2}], "expected the keys file, body, contentType, route"),
        ([{"body": "x", "repeat": 0}], r"repeat is 0 .*, expected a whole number from 1 to 100"),
        ([{"body": "x", "repeat": True}], "expected a whole number"),
        ([{"body": "x", "batchSizes": []}], "expected a list of 1 to 16 whole numbers"),
        ([{"body": "x", "batchSizes": [4097]}], "expected a whole number from 1 to 4096"),
        ([{"body": "x", "contentType": "png"}], "such as image/png"),
        ([{"body": "x", "route": "a b"}], "such as /v1/chat/completions"),
        ([{"body": {"day": float("nan")}}], "body is no JSON in model-config.yaml"),
        ([{"body": "x" * 101}], "has 101 bytes .*, the limit max_request_size is 100"),
    ],
)
def test_wrong_entry_is_told_with_place_value_and_what_was_expected(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        entries({"warmup": value})


def test_models_of_sequences_are_not_warmed_up() -> None:
    with pytest.raises(ValueError, match="warmup is set beside sequenceBatching"):
        entries({"warmup": [{"body": "x"}], "sequenceBatching": True})

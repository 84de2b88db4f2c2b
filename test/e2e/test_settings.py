"""What holds for a model that is set in several places, and what is refused, over the real API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from torchserve_process import TorchServe

HANDLER = "def handle(data, context):\n    return ['ok'] * len(data or ())\n"
MODELS = {name: {"1.0": {"batchSize": 16, "responseTimeout": 31}} for name in ("plain", "tuned")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with settings for `plain` and `tuned`; the file of the latter says more."""
    running = TorchServe(
        tmp_path_factory.mktemp("settings"),
        config={"models": json.dumps(MODELS), "default_startup_timeout": "77"},
    )
    running.store.write_handler("plain", HANDLER)
    running.store.write_handler(
        "tuned", HANDLER, "minWorkers: 1\nmaxWorkers: 2\nbatchSize: 8\nresponseTimeout: 21\n"
    )
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


def register(server: TorchServe, model: str, **parameters: Any) -> requests.Response:
    return requests.post(
        f"{server.management}/models", params={"url": model, **parameters}, timeout=60
    )


def test_nearest_wins_and_the_description_says_who(server: TorchServe) -> None:
    assert register(server, "plain", max_batch_delay=5, initial_workers=1).status_code == 200
    plain = server.describe("plain")
    assert (plain["batchSize"], plain["responseTimeout"]) == (16, 31)
    assert (plain["startupTimeout"], plain["maxBatchDelay"]) == (77, 5)
    assert plain["settingSources"] == {
        "minWorkers": "request",
        "maxWorkers": "request",
        "batchSize": "models",
        "maxBatchDelay": "request",
        "responseTimeout": "models",
        "startupTimeout": "default_startup_timeout",
        "maxRetryTimeoutInSec": "default",
        "clientTimeoutInMills": "default",
        "jobQueueSize": "job_queue_size",
    }

    assert register(server, "tuned", response_timeout=11).status_code == 200
    tuned = server.describe("tuned")
    assert (tuned["batchSize"], tuned["responseTimeout"]) == (8, 11)
    assert (tuned["minWorkers"], tuned["maxWorkers"]) == (1, 2)
    assert tuned["settingSources"]["batchSize"] == "model-config.yaml"
    assert tuned["settingSources"]["responseTimeout"] == "request"
    assert tuned["settingSources"]["minWorkers"] == "model-config.yaml"

    scaled = requests.put(f"{server.management}/models/tuned?min_worker=2", timeout=60)
    assert scaled.ok, scaled.text
    assert server.describe("tuned")["settingSources"]["minWorkers"] == "scale request"


@pytest.mark.parametrize(
    ("name", "config", "reason"),
    [
        ("quoted", "batchSize: '4'", "batchSize is '4', expected a whole number"),
        ("workers", "minWorkers: 3\nmaxWorkers: 2", "expected at least minWorkers, which is 3"),
        ("crowd", "minWorkers: 5000", "5000 to 5000 workers, expected at most 4096"),
        ("endless", "sequenceBatching: true", "sequenceMaxIdleMSec, expected more than 0"),
        ("word", "workerStart: thread", "workerStart is 'thread', expected one of fork, spawn"),
        ("object", "a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("bomb", "a: &a [1]\nb: [" + "*a, " * 50 + "]", "is not valid YAML"),
    ],
)
def test_model_config_that_cannot_be_followed_is_refused_with_its_reason(
    server: TorchServe, name: str, config: str, reason: str
) -> None:
    server.store.write_handler(name, HANDLER, config)
    answer = register(server, name, initial_workers=1)
    assert answer.status_code == 400, answer.text
    assert reason in answer.json()["message"]
    assert not server.registered(name)


def test_what_the_original_put_up_with_serves_with_a_warning(server: TorchServe) -> None:
    config = "minWorkers: 0\nbatchSize: 0\nresponseTimeout: -1\ndeviceType: neuron\n"
    server.store.write_handler("lenient", HANDLER, config)
    assert register(server, "lenient").status_code == 200
    described = server.describe("lenient")
    assert (described["minWorkers"], described["batchSize"]) == (1, 1)
    assert described["responseTimeout"] == 120
    for said in (
        "minWorkers is 0, expected 1 or more; 1 is taken",
        "batchSize is 0, expected 1 or more; 1 is taken",
        "responseTimeout is -1, expected 1 or more; it is ignored",
        "deviceType is 'neuron', expected one of cpu, gpu; it is ignored",
    ):
        server.wait_log("ts_log.log", f"WARN.*Model lenient: .*{said}")


def test_misspelt_key_and_key_without_effect_are_warnings(server: TorchServe) -> None:
    server.store.write_handler("typo", HANDLER, "batch_size: 4\nmaxWorkers: 2\nmine: 1\n")
    assert register(server, "typo").status_code == 200
    server.wait_log("ts_log.log", "WARN.*Model typo: .*'batch_size'.* did you mean 'batchSize'")
    server.wait_log("ts_log.log", "WARN.*Model typo: .*maxWorkers has no effect, since minWorkers")
    server.wait_log("ts_log.log", r"INFO.*Model typo: keys for the handler alone: \[mine\]")
    assert "mine'" not in server.log("ts_log.log")

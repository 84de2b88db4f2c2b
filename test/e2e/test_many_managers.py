"""Many clients that change one model at the same time: each order gets one sensible answer."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from torchserve_process import TorchServe, wait_for

HANDLER = """
def handle(data, context):
    if data is None:
        return None
    return [context.manifest["model"]["modelVersion"]] * len(data)
"""

ORDERS = [
    ("POST", "/models?url=first&initial_workers=1"),
    ("POST", "/models?url=first&initial_workers=2&synchronous=false"),
    ("POST", "/models?url=second&initial_workers=1"),
    ("DELETE", "/models/first"),
    ("DELETE", "/models/first/1.0"),
    ("DELETE", "/models/first/2.0"),
    ("PUT", "/models/first?min_worker=3&synchronous=true"),
    ("PUT", "/models/first?min_worker=0&synchronous=true&timeout=0"),
    ("PUT", "/models/first/2.0?min_worker=1"),
    ("PUT", "/models/first/2.0/set-default"),
    ("PUT", "/models/first/1.0/set-default"),
    ("GET", "/models/first"),
    ("GET", "/models/first/all"),
    ("GET", "/models/first?customized=true"),
    ("GET", "/models"),
    ("GET", "/v1/models/first"),
    ("POST", "/predictions/first"),
    ("POST", "/predictions/first/2.0"),
]

SENSIBLE = {200, 202, 206, 403, 404, 409, 503}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server without models; its store has two versions of `first`."""
    running = TorchServe(tmp_path_factory.mktemp("busy"))
    running.store.write_handler("first", HANDLER)
    running.store.write_handler("second", HANDLER)
    manifest = running.store.path / "second" / "MAR-INF" / "MANIFEST.json"
    manifest.write_text(
        manifest.read_text()
        .replace('"modelName": "second"', '"modelName": "first"')
        .replace('"modelVersion": "1.0"', '"modelVersion": "2.0"')
    )
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


def ask(server: TorchServe, method: str, path: str) -> requests.Response:
    address = server.inference if path.startswith("/predictions") else server.management
    return requests.request(method, address + path, data=b"", timeout=60)


def test_one_of_many_registrations_wins(busy: TorchServe) -> None:
    with ThreadPoolExecutor(30) as pool:
        registered = list(pool.map(lambda _: ask(busy, *ORDERS[0]), range(30)))
        assert Counter(answer.status_code for answer in registered) == {200: 1, 409: 29}
        assert ask(busy, "POST", "/predictions/first").text == "1.0"
        gone = list(pool.map(lambda _: ask(busy, "DELETE", "/models/first"), range(30)))
    assert {answer.status_code for answer in gone} <= {200, 404}
    assert ask(busy, "GET", "/models").json() == {"models": []}


def test_orders_that_cross_each_other_get_one_sensible_answer_each(busy: TorchServe) -> None:
    def client(seed: int) -> list[tuple[tuple[str, str], int, str]]:
        choice = random.Random(seed)
        answers = []
        for _ in range(30):
            order = choice.choice(ORDERS)
            answer = ask(busy, *order)
            answers.append((order, answer.status_code, answer.text))
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for some in pool.map(client, range(8)) for answer in some]
    assert [answer for answer in answers if answer[1] not in SENSIBLE] == []

    assert requests.get(f"{busy.inference}/ping", timeout=30).json() == {"status": "Healthy"}
    for version in ("/2.0", "/1.0", "/2.0"):  # the default one goes last, whichever it is
        ask(busy, "DELETE", f"/models/first{version}")
    assert ask(busy, "GET", "/models").json() == {"models": []}
    # Workers are forks of the zygote with its command line.
    wait_for(
        lambda: sum("--zygote" in words for words in busy.processes().values()) == 1,
        "the zygote is alone",
        30,
    )

"""How requests share a worker: continuous batching, deadlines, the learned delay, sequences."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from torchserve_process import TorchServe, wait_for

COUNTDOWN = '''
import time

def handle(data, context):
    """Counts each request down by one per call, with those that came meanwhile."""
    if data is None:
        context.cache = {}
        return None
    cache, ids = context.cache, context.request_ids
    for gone in set(cache) - set(ids.values()):
        del cache[gone]
    out = []
    for index, row in enumerate(data):
        if ids[index] not in cache:
            cache[ids[index]] = int(row["body"])
        else:
            assert row == {}, row
        cache[ids[index]] -= 1
        out.append(f"{cache[ids[index]]}/{len(data)} ")
    left = [cache[ids[index]] for index in range(len(data))]
    context.stopping_criteria = [lambda _, n=n: n <= 0 for n in left]
    time.sleep(0.01)
    return out
'''

SLOW = """
import time

def handle(data, context):
    if data is None:
        return None
    for row in data:
        time.sleep(float(row["body"]))
    return [f"slept in a batch of {len(data)}"] * len(data)
"""

QUICK = """
import time

def handle(data, context):
    if data is None:
        return None
    time.sleep(0.004)
    return [str(len(data))] * len(data)
"""

COUNTER = '''
import os, time

def handle(data, context):
    """A counter per sequence, which only the sequence's own worker knows."""
    if data is None:
        context.counters = {}
        return None
    seen = [context.get_sequence_id(i) for i in range(len(data))]
    assert len(set(seen)) == len(seen), seen
    out = []
    for index, row in enumerate(data):
        order = bytes(row["body"]).decode() if row else ""
        if order == "die":
            os._exit(1)
        if order.startswith("sleep"):
            time.sleep(float(order[5:]))
        start = context.get_request_header(index, context.header_key_sequence_start)
        count = context.counters.get(seen[index], 0) + 1
        context.counters[seen[index]] = count
        out.append({"sequence": seen[index], "count": count, "start": start,
                    "pid": os.getpid(), "together": len(data), "order": order})
    return out
'''

TALK = '''
def handle(data, context):
    """Counts each request down; "stop" ends what runs in its sequence, "bye" the sequence, at its
    second step.
    """
    if data is None:
        context.left, context.stopped, context.byes = {}, set(), set()
        return None
    out, done = [], []
    for index, row in enumerate(data):
        request, sequence = context.get_request_id(index), context.get_sequence_id(index)
        if request not in context.left:
            order = bytes(row["body"]).decode()
            context.left[request] = {"stop": 1, "bye": 2}.get(order) or int(order)
            if order == "stop":
                context.stopped.add(sequence)
            if order == "bye":
                context.byes.add(request)
        context.left[request] -= 1
        byes = request in context.byes
        done.append(context.left[request] == 0 or (sequence in context.stopped and not byes))
        if done[-1] and byes:
            context.set_response_header(index, context.header_key_sequence_end, sequence)
        out.append(f"{context.left[request]} ")
    context.stopping_criteria = [lambda _, end=end: end for end in done]
    return out
'''

SEQUENCES = """
sequenceBatching: true
sequenceMaxIdleMSec: {idle}
maxNumSequence: {most}
maxSequenceJobQueueSize: {waiting}
batchSize: 4
maxBatchDelay: 20
minWorkers: {workers}
maxWorkers: {workers}
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with one model per way of batching."""
    running = TorchServe(
        tmp_path_factory.mktemp("batching"), config={"ts_header_key_sequence_id": "x-dialogue"}
    )
    store = running.store
    store.write_handler("countdown", COUNTDOWN, "continuousBatching: true\nbatchSize: 4\n")
    store.write_handler("slow", SLOW, "batchSize: 4\nmaxBatchDelay: 0\n")
    store.write_handler("learned", QUICK, "batchSize: 8\nmaxBatchDelay: adaptive\n")
    store.write_handler("unhurried", QUICK, "batchSize: 8\nmaxBatchDelay: 0\n")
    store.write_handler(
        "dialogue", COUNTER, SEQUENCES.format(idle=60000, most=8, waiting=32, workers=2)
    )
    store.write_handler("narrow", COUNTER, SEQUENCES.format(idle=500, most=2, waiting=1, workers=1))
    store.write_handler(
        "talk",
        TALK,
        SEQUENCES.format(idle=60000, most=1, waiting=4, workers=1) + "continuousBatching: true\n",
    )
    models = ("countdown", "slow", "learned", "unhurried", "dialogue", "narrow", "talk")
    running.start(*models)
    for model in models:
        running.wait_ready(model, 2 if model == "dialogue" else 1)
    yield running
    running.stop()
    running.assert_nothing_left()


def say(server: TorchServe, sequence: str | None, order: str = "", model: str = "dialogue") -> Any:
    """One request of a sequence; the header is spelled in another case than configured."""
    headers = {} if sequence is None else {"X-DIALOGUE": sequence}
    return server.predict(model, data=order.encode() or b" ", headers=headers)


# -- continuous batching ---------------------------------------------------------------------


def test_requests_run_together_and_each_stream_ends_by_itself(shared: TorchServe) -> None:
    lengths = [40, 20, 30, 10, 25, 5]

    def ask(length: int) -> list[str]:
        answer = shared.predict(
            "countdown", data=str(length), headers={"content-type": "text/plain"}
        )
        assert answer.status_code == 200, answer.text
        assert "chunked" in answer.headers["transfer-encoding"]
        return answer.text.split()

    with ThreadPoolExecutor(len(lengths)) as pool:
        streams = list(pool.map(ask, lengths))
    for length, steps in zip(lengths, streams, strict=True):
        assert [int(step.split("/")[0]) for step in steps] == list(range(length - 1, -1, -1))
    together = {int(step.split("/")[1]) for steps in streams for step in steps}
    assert max(together) == 4, "as many as batchSize, and no more"


def test_answer_of_one_step_is_plain(shared: TorchServe) -> None:
    answer = shared.predict("countdown", data="1", headers={"content-type": "text/plain"})
    assert answer.text == "0/1 "
    assert answer.headers["content-length"] == "4"
    assert "transfer-encoding" not in answer.headers


def test_client_that_leaves_makes_room(shared: TorchServe) -> None:
    url = f"{shared.inference}/predictions/countdown"
    with requests.post(
        url, data="1000000", headers={"content-type": "text/plain"}, stream=True, timeout=30
    ) as stream:
        assert next(stream.iter_content(6))
    wait_for(
        lambda: all(w["inFlight"] == 0 for w in shared.describe("countdown")["workers"]),
        "the request of the client that left to end",
    )


def test_worker_that_dies_ends_its_streams_and_comes_back(shared: TorchServe) -> None:
    old = shared.worker_pids("countdown")
    url = f"{shared.inference}/predictions/countdown"
    with requests.post(
        url, data="1000000", headers={"content-type": "text/plain"}, stream=True, timeout=30
    ) as stream:
        pieces = stream.iter_content(6)
        assert next(pieces)
        os.kill(old[0], signal.SIGKILL)
        with pytest.raises(requests.RequestException):
            for _ in pieces:
                pass
    shared.wait_new_worker("countdown", old)
    answer = shared.predict("countdown", data="2", headers={"content-type": "text/plain"})
    assert answer.text == "1/1 0/1 "


# -- deadlines -------------------------------------------------------------------------------


def sleep(server: TorchServe, seconds: float, limit: str | None = None) -> requests.Response:
    headers = {"content-type": "text/plain"}
    if limit is not None:
        headers["X-Request-Timeout-Ms"] = limit
    return server.predict("slow", data=str(seconds), headers=headers)


def test_request_that_states_its_patience_is_answered_in_time(shared: TorchServe) -> None:
    started = time.monotonic()
    answer = sleep(shared, 4, "200")
    assert time.monotonic() - started > 0.15
    assert shared.describe("slow")["workers"][0]["inFlight"] == 1, "the handler still sleeps"
    assert answer.status_code == 504
    assert answer.json()["type"] == "RequestTimeoutException"
    assert "200 ms" in answer.json()["message"]
    assert sleep(shared, 0, "60000").status_code == 200


def test_request_that_expires_in_the_queue_never_runs(shared: TorchServe) -> None:
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(sleep, shared, 3)
        wait_for(lambda: shared.describe("slow")["workers"][0]["inFlight"] == 1, "the first to run")
        assert sleep(shared, 60, "100").status_code == 504
        assert not running.done(), "it is not told when its turn comes, but in time"
        assert running.result().status_code == 200
    started = time.monotonic()
    assert sleep(shared, 0).status_code == 200
    assert time.monotonic() - started < 50, "the worker did not sleep for the expired request"


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "soon", "99999999999999999999"])
def test_malformed_patience_is_refused(shared: TorchServe, limit: str) -> None:
    answer = sleep(shared, 0, limit)
    assert answer.status_code == 400
    assert "x-request-timeout-ms" in answer.json()["message"]


# -- the learned delay -----------------------------------------------------------------------


def test_learned_delay_is_described_and_costs_a_lone_client_nothing(shared: TorchServe) -> None:
    description = shared.describe("learned")
    assert description["adaptiveBatchDelay"] is True
    assert isinstance(description["maxBatchDelay"], int)
    assert "adaptiveBatchDelay" not in shared.describe("unhurried")
    times: dict[str, list[float]] = {"learned": [], "unhurried": []}
    with requests.Session() as session:
        # By turns: what else runs on this machine meets both alike.
        for _ in range(60):
            for model, taken in times.items():
                started = time.perf_counter()
                answer = session.post(f"{shared.inference}/predictions/{model}", timeout=30)
                taken.append(time.perf_counter() - started)
                assert answer.text == "1"
    medians = {model: sorted(taken)[30] for model, taken in times.items()}
    assert medians["learned"] < medians["unhurried"] * 1.5, medians


def test_clients_that_ask_together_share_batches(shared: TorchServe) -> None:
    def mean_batch(model: str) -> float:
        sizes: list[int] = []

        def client() -> None:
            with requests.Session() as session:
                for _ in range(100):
                    answer = session.post(f"{shared.inference}/predictions/{model}", timeout=30)
                    sizes.append(int(answer.text))

        clients = [threading.Thread(target=client) for _ in range(6)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        assert len(sizes) == 600
        return sum(sizes) / len(sizes)

    assert mean_batch("learned") > 2


# -- sequences -------------------------------------------------------------------------------


def test_sequence_stays_with_one_worker_and_keeps_its_order(shared: TorchServe) -> None:
    def talk(name: str) -> list[dict[str, Any]]:
        return [say(shared, name, str(i)).json() for i in range(12)]

    names = [f"talk-{i}" for i in range(6)]
    with ThreadPoolExecutor(len(names)) as pool:
        talks = dict(zip(names, pool.map(talk, names), strict=True))
    for name, answers in talks.items():
        assert [answer["count"] for answer in answers] == list(range(1, 13))
        assert {answer["sequence"] for answer in answers} == {name}
        assert len({answer["pid"] for answer in answers}) == 1
        assert {answer["start"] for answer in answers} == {None}
    assert len({answers[0]["pid"] for answers in talks.values()}) == 2, "both workers have some"
    assert max(answer["together"] for answers in talks.values() for answer in answers) > 1


def test_requests_of_one_sequence_that_come_at_once_run_one_by_one(shared: TorchServe) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: say(shared, "talk-0").json(), range(16)))
    counts = sorted(answer["count"] for answer in answers)
    assert counts == list(range(counts[0], counts[0] + 16))
    assert len({answer["pid"] for answer in answers}) == 1


def test_server_names_sequences_and_limits_and_forgets_them(shared: TorchServe) -> None:
    unnamed = say(shared, None, model="narrow").json()
    assert unnamed["sequence"].startswith("ts-seq-")
    assert unnamed["start"] == "true"
    named = say(shared, unnamed["sequence"], model="narrow").json()
    assert (named["count"], named["start"]) == (2, None)
    say(shared, "second", model="narrow")
    refused = say(shared, "third", model="narrow")
    assert refused.status_code == 503
    assert "maxNumSequence" in refused.json()["message"]
    assert refused.headers["retry-after"]
    wait_for(lambda: say(shared, "third", model="narrow").status_code == 200, "idle ones to end")


def test_sequence_with_too_many_waiting_requests_says_so(shared: TorchServe) -> None:
    wait_for(lambda: say(shared, "busy", model="narrow").status_code == 200, "a place")
    with ThreadPoolExecutor(3) as pool:
        answers = list(
            pool.map(lambda _: say(shared, "busy", "sleep0.7", model="narrow"), range(3))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert "maxSequenceJobQueueSize" in refused.json()["message"]


def test_worker_that_dies_ends_its_sequences_and_their_ids_open_again(shared: TorchServe) -> None:
    wait_for(lambda: say(shared, "fatal", model="narrow").status_code == 200, "a place")
    old = shared.worker_pids("narrow")
    died = say(shared, "fatal", "die", model="narrow")
    assert died.status_code == 500
    assert died.json()["message"].startswith('Worker died. Sequence "fatal" has ended')
    again = say(shared, "fatal", model="narrow").json()
    assert again["count"] == 1
    assert again["pid"] not in old


def test_sequences_without_idle_limit_are_refused(shared: TorchServe) -> None:
    shared.store.write_handler("endless", COUNTER, "sequenceBatching: true\n")
    url = f"{shared.management}/models?url=endless&initial_workers=1"
    refused = requests.post(url, timeout=30)
    assert refused.status_code == 400
    assert "sequenceMaxIdleMSec" in refused.json()["message"]


# -- sequences and continuous batching together ------------------------------------------------


def test_request_of_a_sequence_reaches_the_handler_while_another_of_it_streams(
    shared: TorchServe,
) -> None:
    with requests.post(
        f"{shared.inference}/predictions/talk",
        data=b"1000000000",
        headers={"x-dialogue": "one"},
        stream=True,
        timeout=60,
    ) as streaming:
        pieces = streaming.iter_content(None)
        assert next(pieces)
        refused = say(shared, "two", "1", model="talk")
        assert refused.status_code == 503, "one sequence may be open"
        assert say(shared, "one", "stop", model="talk").text == "0 "
        assert b"".join(pieces), "the stream has a proper end"
    ended = say(shared, "one", "bye", model="talk")
    assert (ended.status_code, ended.text) == (200, "1 0 ")
    assert say(shared, "two", "1", model="talk").text == "0 ", "there is room for another"

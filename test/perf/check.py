"""Checks that a server's answers are right: a server that is wrong fast wins nothing."""

from __future__ import annotations

import http.client
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from perf.clients import TIMEOUT_SEC, Target, WrongAnswer
from perf.work import CHUNK_MARK, CHUNKS, chunks

TOLERANCE = 1e-3
REQUESTS = 16


def post(target: Target, timeout_sec: float = TIMEOUT_SEC) -> tuple[int, bytes]:
    """Send one request on a new connection. Returns status and body."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout_sec)
    try:
        headers = {"Content-Type": "application/octet-stream"}
        connection.request("POST", target.path, target.body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for_answer(target: Target, limit_sec: float, has_ended: Callable[[], bool]) -> None:
    """Return once a request is answered with 200.

    Raises:
        TimeoutError: It was not within `limit_sec`, or the server has ended.
    """
    end = time.monotonic() + limit_sec
    last = "nothing yet"
    while time.monotonic() < end and not has_ended():
        try:
            status, body = post(target)
            if status == 200:
                return
            last = f"status {status}: {body[:200]!r}"
        except (OSError, http.client.HTTPException) as e:
            last = f"{type(e).__name__}: {e}"
        time.sleep(0.05)
    raise TimeoutError(f"{target.path} not answered within {limit_sec:.0f} s; last: {last}")


def validate(target: Target, expected: bytes | None, requests: int = REQUESTS) -> None:
    """Send requests, eight at a time, and check every answer.

    Args:
        target: Where to.
        expected: The right answer; ``None`` for a stream of `perf.work.chunks`.
        requests: How many.

    Raises:
        WrongAnswer: One is not right.
    """
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: post(target), range(requests)))
    for status, body in answers:
        if status != 200:
            raise WrongAnswer(f"{target.path}: status {status}, expected 200: {body[:300]!r}")
        if expected is None:
            check_stream(body)
        elif not is_near(body, expected):
            raise WrongAnswer(f"{target.path}: {body[:200]!r}, expected {expected[:200]!r}")


def check_stream(body: bytes) -> None:
    """Check that a body holds every chunk once and in order; what frames them may differ.

    Raises:
        WrongAnswer: It does not.
    """
    position = -1
    for chunk in chunks():
        position = body.find(chunk.encode(), position + 1)
        if position < 0:
            raise WrongAnswer(f"{chunk!r} is missing or out of order in {body[-200:]!r}")
    if body.count(CHUNK_MARK.encode()) != CHUNKS:
        raise WrongAnswer(f"{body.count(CHUNK_MARK.encode())} chunks, expected {CHUNKS}")


def is_near(body: bytes, expected: bytes) -> bool:
    """Tell whether two answers are equal, or JSON whose numbers are nearly equal."""
    if body == expected:
        return True
    try:
        return _near(json.loads(body), json.loads(expected))
    except ValueError:
        return False


def _near(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=TOLERANCE)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_near, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_near(one[key], other[key]) for key in one)
    return bool(one == other)

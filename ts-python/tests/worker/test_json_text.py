"""The fast encoder writes exactly what ``json.dumps(value, indent=2)`` writes."""

from __future__ import annotations

import collections
import enum
import json
import random
from typing import Any

import pytest
from ts._worker.json_text import dumps_indented

SCALARS = [0, -5, 10**30, 1.5, 1e-9, float("nan"), float("-inf"), True, False, None]
SCALARS += ["", "a", 'ü\n"\\', "],[", "\ud800", "\u2028"]


class Colour(enum.IntEnum):
    RED = 1


def random_value(rng: random.Random, depth: int) -> Any:
    kind = rng.random()
    if depth == 0 or kind < 0.2:
        return rng.choice(SCALARS)
    if kind < 0.5:
        return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    if kind < 0.6:
        return tuple(random_value(rng, depth - 1) for _ in range(rng.randint(0, 3)))
    if kind < 0.8:
        return {f"k{i}": random_value(rng, depth - 1) for i in range(rng.randint(0, 4))}
    if kind < 0.95:
        return random_nest(rng, rng.randint(0, 4))
    return {rng.choice([1, 2.5, None, True]): random_value(rng, depth - 1)}


def random_nest(rng: random.Random, depth: int) -> Any:
    if depth == 0:
        return [rng.choice([1, 2.5, None, True]) for _ in range(rng.randint(1, 3))]
    return [random_nest(rng, depth - 1) for _ in range(rng.randint(1, 3))]


def test_random_values() -> None:
    rng = random.Random(11)
    for _ in range(5000):
        value = random_value(rng, 5)
        assert dumps_indented(value) == json.dumps(value, indent=2)


@pytest.mark.parametrize(
    "value",
    [
        *SCALARS,
        [],
        {},
        [[]],
        [[], [1]],
        [[1], [[2]]],
        [[[1, 2]], [[3]]],
        [(1, 2), [3]],
        [["a"], ["],["]],
        [[1, "x"], [2, 3]],
        {"a": {}},
        {1: [1]},
        [Colour.RED, 2],
        collections.OrderedDict(b=1, a=[2]),
        [collections.Counter("aab")],
        [[[[[1.0] * 3] * 2] * 2] * 2] * 2,
    ],
)
def test_special_values(value: Any) -> None:
    assert dumps_indented(value) == json.dumps(value, indent=2)


def test_what_cannot_be_written_raises_as_the_library_does() -> None:
    circular: list[Any] = []
    circular.append(circular)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for value in (object(), {1, 2}, [object()], {(1,): 2}, circular, {"a": circular}, deep):
        assert error_of(dumps_indented, value) == error_of(json.dumps, value, indent=2)


def error_of(function: Any, *args: Any, **kwargs: Any) -> tuple[type, str]:
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError, RecursionError) as error:
        return type(error), str(error)
    raise AssertionError("nothing was raised")

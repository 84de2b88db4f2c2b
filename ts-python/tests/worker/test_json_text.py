"""The fast encoder writes exactly what ``json.dumps(value, indent=2)`` writes."""

from __future__ import annotations

import collections
import enum
import json
import random
from typing import Any

import numpy
import pytest
from ts._worker.json_text import dumps_compact, dumps_indented
from ts._worker.non_finite import JsonNan, NotFiniteError

LITERAL = JsonNan.LITERAL
NAN = float("nan")

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
        assert dumps_indented(value, LITERAL) == json.dumps(value, indent=2)
        assert dumps_compact(value, LITERAL) == json.dumps(value)


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
    assert dumps_indented(value, LITERAL) == json.dumps(value, indent=2)


def test_what_cannot_be_written_raises_as_the_library_does() -> None:
    circular: list[Any] = []
    circular.append(circular)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for value in (object(), {1, 2}, [object()], {(1,): 2}, circular, {"a": circular}, deep):
        assert error_of(dumps_indented, value) == error_of(json.dumps, value, indent=2)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (NAN, "the value is NaN"),
        (float("inf"), "the value is Infinity"),
        ([-float("inf")], "[0] is -Infinity"),
        ([{"scores": [1, 2, 3.5, NAN]}], '[0]["scores"][3] is NaN'),
        ({"a": [[1.0, 2.0], [3.0, NAN]], "b": NAN}, '["a"][1][1] is NaN'),
        ({1: {None: (0, NAN)}}, "[1][None][1] is NaN"),
        ({'say "é"': NAN}, '["say \\"\\u00e9\\""] is NaN'),
        ([object, NAN], None),
        ({"k" * 500: NAN}, f'["{"k" * 100}..."] is NaN'),
        ([[[[[[[[[[NAN]]]]]]]]]] * 2, "[0]" * 10 + " is NaN"),
        (collections.OrderedDict(a=1, b=NAN), '["b"] is NaN'),
        ([collections.Counter(), numpy.float64("nan")], "[1] is NaN"),
        ({NAN: [1, NAN]}, "[nan][1] is NaN"),
    ],
)
def test_number_that_is_not_finite_is_an_error_with_its_place(
    value: Any, place: str | None
) -> None:
    for dumps in (dumps_indented, dumps_compact):
        if place is None:
            assert error_of(dumps, value)[0] is TypeError
            continue
        with pytest.raises(NotFiniteError) as caught:
            dumps(value)
        assert caught.value.message == f"The response cannot be sent as JSON: {place}"
        assert str(caught.value).startswith(place)
        assert "json_nan" in str(caught.value)


def test_place_of_a_deep_number_is_short() -> None:
    value: Any = NAN
    for level in range(400):
        value = [value] if level % 2 else {"key": value}
    with pytest.raises(NotFiniteError) as caught:
        dumps_indented(value)
    assert len(caught.value.message) < 300
    assert "...[" in caught.value.message


def test_random_values_have_no_word_that_is_not_json() -> None:
    def refuse(word: str) -> Any:
        raise AssertionError(word)

    rng = random.Random(12)
    for _ in range(3000):
        value = random_value(rng, 5)
        written = json.dumps(value, indent=2)
        bad = "NaN" in written or "Infinity" in written
        for dumps in (dumps_indented, dumps_compact):
            text = dumps(value, JsonNan.NULL)
            expected = json.loads(written, parse_constant=lambda _: None)
            assert json.loads(text, parse_constant=refuse) == expected
            if bad:
                with pytest.raises(NotFiniteError):
                    dumps(value)
            else:
                assert dumps(value) == text
        if not bad:
            assert dumps_indented(value) == written


@pytest.mark.parametrize("nan", JsonNan)
def test_keys_that_are_not_finite_become_texts_as_they_always_did(nan: JsonNan) -> None:
    value = {NAN: 1, float("-inf"): [{float("inf"): 2}]}
    assert json.loads(dumps_indented(value, nan)) == {"NaN": 1, "-Infinity": [{"Infinity": 2}]}


@pytest.mark.parametrize("nan", JsonNan)
def test_other_errors_are_the_librarys_whatever_the_setting_says(nan: JsonNan) -> None:
    circular: list[Any] = [NAN] if nan is JsonNan.LITERAL else []
    circular.append(circular)
    for value in (circular, [10**5000], {"a": (circular, object())}):
        assert error_of(dumps_indented, value, nan) == error_of(json.dumps, value, indent=2)


def error_of(function: Any, *args: Any, **kwargs: Any) -> tuple[type, str]:
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError, RecursionError) as error:
        return type(error), str(error)
    raise AssertionError("nothing was raised")

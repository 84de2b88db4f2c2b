"""What models and their libraries make becomes JSON in results."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import json
import pathlib
import subprocess
import sys
import uuid
from typing import Any, ClassVar

import numpy as np
import pydantic
import pytest
import torch
from ts._worker import json_text
from ts._worker.json_text import dumps_compact, dumps_indented
from ts._worker.non_finite import JsonNan, NotFiniteError
from ts._worker.plain_values import to_plain

MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
UUID = uuid.UUID(int=5)
MODULE_WITH_LITTLE = "ts._worker.values"


class Kind(enum.Enum):
    CAT = "cat"


class Colour(enum.IntEnum):
    RED = 1


@dataclasses.dataclass
class Box:
    corners: Any
    label: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    n: int = 2


class Detection(pydantic.BaseModel):
    score: float
    kind: Kind = Kind.CAT
    at: datetime.datetime | None = None
    parent: Detection | None = None


class WithArray(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    rows: np.ndarray


class Rows(pydantic.RootModel[list[int]]):
    pass


@pydantic.dataclasses.dataclass
class Checked:
    n: int


Point = collections.namedtuple("Point", "x y")


class TypeOne:
    """A model of pydantic 1, as far as it matters here."""

    __fields__: ClassVar[Any] = {}

    def dict(self) -> dict[str, Any]:
        return {"n": np.int8(1)}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.zeros(2), [0.0, 0.0]),
        (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (np.array(3), 3),
        (np.zeros((0, 2)), []),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([None, np.float32(0.5)], dtype=object), [None, 0.5]),
        (np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f4")]), [[1, 2.5]]),
        (np.ma.masked_array([1, 2], [True, False]), [None, 2]),
        (np.array(["2026-01-02T03:04:05"], dtype="M8[ns]"), ["2026-01-02T03:04:05.000000000"]),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.float16(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.longdouble(0.5), 0.5),
        (np.array([0.5], dtype=np.longdouble), [0.5]),
        (np.int64(-3), -3),
        (np.uint8(255), 255),
        (np.bool_(True), True),
        (np.str_("é"), "é"),
        ({"t": torch.ones(2, requires_grad=True)}, {"t": [1.0, 1.0]}),
        ({"t": torch.tensor(2)}, {"t": 2}),
        ([torch.tensor([0.5], dtype=torch.bfloat16), 1], [[0.5], 1]),
        ([torch.nn.Parameter(torch.zeros(1))], [[0.0]]),
        (Box(np.array([1, 2]), Kind.CAT), {"corners": [1, 2], "label": "cat"}),
        (Box([Box(1)]), {"corners": [{"corners": 1, "label": None}], "label": None}),
        (Slotted(), {"n": 2}),
        (Checked(n=1), {"n": 1}),
        (
            [Detection(score=0.5, at=MOMENT, parent=Detection(score=1))],
            [
                {
                    "score": 0.5,
                    "kind": "cat",
                    "at": "2026-01-02T03:04:05Z",
                    "parent": {"score": 1.0, "kind": "cat", "at": None, "parent": None},
                }
            ],
        ),
        (WithArray(rows=np.zeros(1)), {"rows": [0.0]}),
        (Rows([1, 2]), [1, 2]),
        (TypeOne(), {"n": 1}),
        (MOMENT, "2026-01-02T03:04:05+00:00"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        ({UUID: pathlib.PurePosixPath("/a")}, {str(UUID): "/a"}),
        ({np.int64(1): np.int64(2), "a": 1}, {"1": 2, "a": 1}),
        ({Kind.CAT: {3: np.zeros(1)}}, {"cat": {"3": [0.0]}}),
        ((Point(np.int64(1), 2),), [[1, 2]]),
        (collections.OrderedDict(z=np.int8(1), a=2), {"z": 1, "a": 2}),
        ([Colour.RED, np.int8(1)], [1, 1]),
    ],
)
def test_values_become_json_alone_and_nested(value: Any, plain: Any) -> None:
    for wrap in (lambda v: v, lambda v: [v], lambda v: {"a": [{"b": v}, 1]}):
        expected = wrap(plain)
        assert dumps_indented(wrap(value)) == json.dumps(expected, indent=2)
        assert dumps_compact(wrap(value)) == json.dumps(expected)


@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), 1j, b"x", np.array([1j]), Box, Box(object()), {"a": [np.bytes_(b"x")]}],
)
def test_what_has_no_form_in_json_is_a_type_error(value: Any) -> None:
    for dumps in (dumps_indented, dumps_compact):
        with pytest.raises(TypeError, match="is not JSON serializable"):
            dumps({"a": value})


def test_value_that_contains_itself_by_way_of_a_dataclass_is_an_error() -> None:
    box = Box([])
    box.corners.append({"box": box})
    with pytest.raises((ValueError, TypeError)):
        dumps_indented(box)


@pytest.mark.parametrize(
    ("value", "place", "null"),
    [
        (np.array([1, np.nan]), "[1] is NaN", [1.0, None]),
        ({"s": Box(torch.tensor([torch.inf]))}, '["s"]["corners"][0] is Infinity', None),
        ([np.float32("nan")], "[0] is NaN", [None]),
        (np.float32("-inf"), "the value is -Infinity", "null"),
        (Detection(score=float("nan")), '["score"] is NaN', None),
        ({"a": np.array([np.nan]), "b": float("inf")}, '["a"][0] is NaN', {"a": [None], "b": None}),
    ],
)
def test_numbers_that_are_not_finite_follow_the_setting(value: Any, place: str, null: Any) -> None:
    for dumps in (dumps_indented, dumps_compact):
        with pytest.raises(NotFiniteError) as raised:
            dumps(value)
        assert raised.value.message.endswith(": " + place)
        literal = dumps(value, JsonNan.LITERAL)
        assert "NaN" in literal or "Infinity" in literal
        written = json.loads(dumps(value, JsonNan.NULL), parse_constant=pytest.fail)
        if null is not None:
            assert written == (None if null == "null" else null)


def test_plain_values_are_the_same_objects() -> None:
    for value in ({"a": [1, (2, "x")], 3: None}, [], {"a": {}}, Point(1, 2), [{1, 2}]):
        assert to_plain(value) is value


def test_no_library_is_imported_for_it() -> None:
    code = (
        f"import sys, {MODULE_WITH_LITTLE} as values\n"
        "from ts._worker.non_finite import JsonNan\n"
        "values.encode_value({'a': [1]}, JsonNan.ERROR)\n"
        "try: values.encode_value({'a': object()}, JsonNan.ERROR)\n"
        "except TypeError: pass\n"
        "print(sorted({'numpy', 'torch', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_arrays_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = json.dumps({"rows": [[0.0] * 3] * 2}, indent=2)
    monkeypatch.setattr(json_text.json, "dumps", pytest.fail)
    assert dumps_indented({"rows": np.zeros((2, 3))}) == expected
    assert dumps_indented({"rows": Box(np.zeros((2, 3)), np.int64(1))}) != expected

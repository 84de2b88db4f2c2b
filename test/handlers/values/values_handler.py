"""A function entry point of another name than `handle`. Answers values of many types."""

from collections import OrderedDict, namedtuple

import numpy
import torch
from helpers.shapes import describe
from sibling import VALUE
from ts.utils.util import PredictionException

Point = namedtuple("Point", "x y")

VALUES = {
    "str": lambda: "grüße",
    "bytes": lambda: b"\x00\xff",
    "bytearray": lambda: bytearray(b"ab"),
    "dict": lambda: {"a": [1, 2.5, None, True], 3: {"b": []}, "é": 1e-9},
    "ordered": lambda: OrderedDict([("z", 1), ("a", 2)]),
    "tuple": lambda: (1, "b", Point(1, 2)),
    "list": lambda: [],
    "none": lambda: None,
    "number": lambda: 0.1,
    "true": lambda: True,
    "infinite": lambda: [float("inf"), float("-inf")],
    "nan": lambda: [{"scores": [1, 2, 3, float("nan")]}],
    "nan_float64": lambda: numpy.float64("nan"),
    "tensor": lambda: torch.arange(3),
    "parameter": lambda: torch.nn.Parameter(torch.ones(2)),
    "numpy_float64": lambda: numpy.float64(1.5),
    "numpy_float32": lambda: numpy.float32(1.5),
    "numpy_array": lambda: numpy.zeros(2),
    "in_numpy": lambda: {"a": numpy.int64(3)},
    "in_tensor": lambda: {"a": torch.ones(1)},
    "nan_in_array": lambda: {"a": numpy.array([1, numpy.nan])},
    "set": lambda: {1, 2},
    "surrogate": lambda: "\ud800",
    "sibling": lambda: [VALUE, describe("x")],
}


def circular():
    value = []
    value.append(value)
    return value


def deep():
    value = []
    for _ in range(100000):
        value = [value]
    return value


VALUES["circular"] = circular
VALUES["deep"] = deep


def entry(data, context):
    """Answer the value that each request names; called with None first."""
    if data is None:
        return "ignored"
    first = data[0].get("body")
    if first == "prediction_exception":
        raise PredictionException("no such digit", 404)
    if first == "prediction_exception_default":
        raise PredictionException("it is so")
    if first == "prediction_exception_odd":
        raise PredictionException({"a": 1}, "x")
    if first == "cuda":
        raise RuntimeError("CUDA out of memory. Tried to allocate")
    if first == "memory":
        raise MemoryError
    if first == "assert":
        assert first == "x", "not x"
    if first == "key":
        return data[0]["absent"]
    if first == "stop":
        raise StopIteration
    if first == "generator":
        return (x for x in data)
    if first == "return_tuple":
        return ("a",)
    if first == "return_tensor":
        return torch.zeros(len(data))
    if first == "return_array":
        return numpy.zeros(len(data))
    if first == "return_none":
        return None
    if first == "return_str":
        return "a"
    return [VALUES[row.get("data") or row.get("body")]() for row in data]

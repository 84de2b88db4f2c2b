"""Which requests of a batch a handler, an envelope or a slice names as those it cannot take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from handler_fakes import FakeContext, image_bytes
from ts.handler_utils.micro_batching import MicroBatching
from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.densenet_handler import DenseNetHandler
from ts.torch_handler.object_detector import ObjectDetector
from ts.torch_handler.request_envelope.body import BodyEnvelope
from ts.torch_handler.request_envelope.json import JSONEnvelope
from ts.torch_handler.request_envelope.kserve import KServeEnvelope
from ts.torch_handler.request_envelope.kservev2 import KServev2Envelope
from ts.torch_handler.text_classifier import TextClassifier
from ts.torch_handler.vision_handler import VisionHandler
from ts.utils._row_errors import RowErrors, read_rows
from ts.utils.util import PredictionException

GOOD = image_bytes()


class Thumbnail(VisionHandler):
    @staticmethod
    def image_processing(image: Any) -> torch.Tensor:
        return torch.zeros(1)


class Numbers(BaseHandler):
    def preprocess(self, data: Any) -> Any:
        return read_rows(data, number)

    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return data

    def postprocess(self, data: Any) -> Any:
        return data


def number(row: Any, _: int) -> int:
    if not isinstance(row, int):
        raise PredictionException(f"{row} is no number", 400)
    return row


def texts(handler: TextClassifier) -> TextClassifier:
    handler.source_vocab = {"good": 1}
    return handler


@pytest.mark.parametrize(
    ("handler", "good", "bad"),
    [
        (Thumbnail(), GOOD, b"no image"),
        (ObjectDetector(), GOOD, GOOD[:50]),
        (DenseNetHandler(), None, b"no tensor"),
        (texts(TextClassifier()), b"good", b"\xff"),
        (texts(TextClassifier()), b"good", b"unheard"),
    ],
)
def test_handlers_name_the_requests_they_cannot_take(handler: Any, good: Any, bad: Any) -> None:
    handler.device = torch.device("cpu")
    rows = [{"body": value} for value in ((bad, bad) if good is None else (good, bad, good, bad))]
    with pytest.raises(RowErrors) as caught:
        handler.preprocess(rows)
    assert sorted(caught.value.errors) == ([0, 1] if good is None else [1, 3])
    assert {error.error_code for error in caught.value.errors.values()} == {400}
    assert caught.value.message == caught.value.errors[min(caught.value.errors)].message


def context(count: int) -> FakeContext:
    return FakeContext(Path(), headers=[{}] * count)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_slices_name_them_by_their_place_in_the_batch(size: int) -> None:
    handler = Numbers()
    handler.handle = MicroBatching(handler, size, {"preprocess": 0})  # type: ignore[method-assign]
    with pytest.raises(RowErrors) as caught:
        handler.handle([1, 2, 3, "x"], context(4))
    assert list(caught.value.errors) == [3]
    assert handler.handle([1, 2, 3], context(3)) == [1, 2, 3]


def tensor(value: Any) -> dict[str, Any]:
    return {"name": "x", "shape": [1], "datatype": "BYTES", "data": [value]}


@pytest.mark.parametrize("envelope", [JSONEnvelope, KServeEnvelope, KServev2Envelope])
def test_envelopes_name_requests_rather_than_their_rows(envelope: Any) -> None:
    def handler(rows: Any, _: Any) -> Any:
        values = [row["data"] if isinstance(row, dict) else row for row in rows]
        return read_rows(values, number)

    def row(*values: Any) -> dict[str, Any]:
        return {"body": {"instances": list(values), "inputs": [tensor(v) for v in values]}}

    rows = [row(1, 2), row(3, "x", "y"), row(4), row("z")]
    with pytest.raises(RowErrors) as caught:
        envelope(handler).handle(rows, context(4))
    found = {index: error.message for index, error in caught.value.errors.items()}
    assert found == {1: "x is no number", 3: "z is no number"}
    with pytest.raises(RowErrors) as caught:
        envelope(handler).handle([row(1), {"body": b"{"}, {"body": 7}], context(3))
    assert sorted(caught.value.errors) == [1, 2]


def test_envelope_of_single_rows_names_them_as_they_are() -> None:
    with pytest.raises(RowErrors) as caught:
        BodyEnvelope(lambda rows, _: read_rows(rows, number)).handle(
            [{"body": 1}, {"body": "x"}], context(2)
        )
    assert list(caught.value.errors) == [1]


@pytest.mark.parametrize("outputs", [["a", "b"], [{}, {"name": 3}], [None, {"name": "b"}]])
def test_odd_names_of_outputs_are_no_failure(outputs: Any) -> None:
    request = {"body": {"inputs": [tensor("v")], "outputs": outputs}}
    (answer,) = KServev2Envelope(lambda *_: [1, 2]).handle([request], context(1))
    names = [output["name"] for output in answer["outputs"]]
    assert names == ["x", "b" if outputs[0] is None else "output_1"]


def spoilt(*values: Any) -> tuple[list[dict[str, Any]], VisionHandler]:
    handler = Classes()
    handler.device = torch.device("cpu")
    return [{"body": value} for value in values], handler


class Classes(VisionHandler):
    @staticmethod
    def image_processing(image: Any) -> torch.Tensor:
        return torch.zeros(3, 4, 4)


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ((GOOD, [1, 2, 3], GOOD), [1]),
        (([1, 2, 3], [[[1.0]]], GOOD), [0, 1]),
        (([], torch.zeros(3, 4, 4).tolist()), [0]),
        (([1], [2], torch.ones(3, 2, 2).tolist()), [0, 1]),
    ],
)
def test_numbers_of_another_shape_than_the_images_of_the_batch_fail_alone(
    values: Any, wrong: list[int]
) -> None:
    rows, handler = spoilt(*values)
    with pytest.raises(RowErrors) as caught:
        handler.preprocess(rows)
    assert sorted(caught.value.errors) == wrong
    assert {error.error_code for error in caught.value.errors.values()} == {400}
    kept = [row for index, row in enumerate(rows) if index not in wrong]
    assert len(handler.preprocess(kept)) == len(kept)


def test_detector_takes_images_alone() -> None:
    handler = ObjectDetector()
    handler.device = torch.device("cpu")
    with pytest.raises(RowErrors) as caught:
        handler.preprocess([{"body": GOOD}, {"body": [1, 2]}])
    assert list(caught.value.errors) == [1]


class Flat(Numbers):
    """Each request is a list of numbers; all of them are read at once."""

    def preprocess(self, data: Any) -> Any:
        return super().preprocess([number for row in data for number in row])


def located(handle: Any, rows: list[Any]) -> list[int] | None:
    with pytest.raises(RowErrors) as caught:
        handle(rows)
    found = caught.value.located_in(rows)
    return None if found is None else sorted(found)


def test_rows_of_a_list_of_its_own_are_blamed_on_no_request() -> None:
    rows = [[1, "x"], [2, 3], [4]]
    assert located(Flat().preprocess, rows) is None
    sliced = Flat()
    sliced.handle = MicroBatching(sliced, 2, {"preprocess": 0})  # type: ignore[method-assign]
    assert located(lambda data: sliced.handle(data, context(3)), rows) is None
    enveloped = KServeEnvelope(lambda data, _: Flat().preprocess(data))
    bodies = [{"body": {"instances": [row]}} for row in rows]
    assert located(lambda data: enveloped.handle(data, context(3)), bodies) is None


def test_row_that_is_read_by_itself_is_found_in_its_batch() -> None:
    rows = [{"n": 1}, {"n": "x"}, {"n": 3}]

    def handle(data: Any) -> Any:
        return [read_rows([row], lambda one, _: number(one["n"], 0)) for row in data]

    assert located(handle, rows) == [1]

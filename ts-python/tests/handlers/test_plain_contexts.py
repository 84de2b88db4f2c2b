"""Handlers with a context that a test has made up: nothing but what TorchServe 0.12's own has."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import torch
from handler_fakes import (
    CNN_MODEL,
    EAGER,
    LINEAR_MODEL,
    SCRIPTED,
    image_bytes,
    write_eager,
    write_torchscript,
)
from test_text_handlers import MODEL as BAG_MODEL
from test_text_handlers import WORDS
from ts.handler_utils.micro_batching import HANDLER_METHODS, MicroBatching
from ts.metrics.metrics_store import MetricsStore
from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.densenet_handler import DenseNetHandler
from ts.torch_handler.image_classifier import ImageClassifier
from ts.torch_handler.image_segmenter import ImageSegmenter
from ts.torch_handler.object_detector import ObjectDetector
from ts.torch_handler.request_envelope.body import BodyEnvelope
from ts.torch_handler.request_envelope.json import JSONEnvelope
from ts.torch_handler.request_envelope.kserve import KServeEnvelope
from ts.torch_handler.request_envelope.kservev2 import KServev2Envelope
from ts.torch_handler.text_classifier import TextClassifier

PIXELS_MODEL = """
import torch

class Pixels(torch.nn.Module):
    def forward(self, x):
        return {"out": x}
"""
BOXES_MODEL = """
import torch

class Boxes(torch.nn.Module):
    def forward(self, images):
        box = {"labels": torch.tensor([1]), "boxes": torch.ones(1, 4), "scores": torch.ones(1)}
        return [box for _ in images]
"""


class PlainContext:
    """The six names that the tests of 0.12 give a context."""

    def __init__(self, model_dir: Path, model: dict[str, str]) -> None:
        self.manifest = {"model": model}
        self.system_properties = {"model_dir": str(model_dir), "gpu_id": "0"}
        self.model_yaml_config: dict[str, Any] = {}
        self.metrics = MetricsStore(uuid.uuid4(), "m")
        self.explain = False

    def get_request_header(self, idx: int, exp: str) -> Any:
        return self.explain and exp == "explain"


class Sums(BaseHandler):
    """Takes lists of numbers, of which a test can see how they were cut."""

    def preprocess(self, data: Any) -> Any:
        return super().preprocess([row["data"] for row in data])


class Detector(ObjectDetector):
    @staticmethod
    def image_processing(image: Any) -> torch.Tensor:
        return torch.zeros(3, 4, 4)


def tensor_file() -> bytes:
    file = io.BytesIO()
    torch.save(torch.zeros(1, 2), file)
    return file.getvalue()


HANDLERS: dict[str, tuple[type[BaseHandler], str, Any]] = {
    "base": (Sums, LINEAR_MODEL, [0.0, 1.0]),
    "classifier": (ImageClassifier, CNN_MODEL, image_bytes()),
    "segmenter": (ImageSegmenter, PIXELS_MODEL, image_bytes()),
    "detector": (Detector, BOXES_MODEL, image_bytes()),
    "text": (TextClassifier, BAG_MODEL, b"good film"),
    "tensor": (DenseNetHandler, LINEAR_MODEL, tensor_file()),
}


@pytest.fixture(params=list(HANDLERS))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[BaseHandler, Any, PlainContext]:
    kind, model, payload = HANDLERS[request.param]
    write_eager(tmp_path, model)
    torch.save(WORDS, tmp_path / "source_vocab.pt")
    context = PlainContext(tmp_path, EAGER)
    handler = kind()
    handler.initialize(context)
    return handler, payload, context


@pytest.mark.parametrize("micro_batches", [False, True])
def test_default_handler_answers(
    case: tuple[BaseHandler, Any, PlainContext], micro_batches: bool
) -> None:
    handler, payload, context = case
    if micro_batches:
        handler.handle = MicroBatching(handler)  # type: ignore[method-assign]
    answers = handler.handle([{"data": payload}, {"data": payload}], context)
    assert len(answers) == 2
    assert [metric.name for metric in context.metrics.store] == ["HandlerTime"]


def test_torchscript_is_loaded(tmp_path: Path) -> None:
    write_torchscript(tmp_path)
    handler = Sums()
    handler.initialize(PlainContext(tmp_path, SCRIPTED))
    assert len(handler.handle([{"data": [1.0, 2.0]}], PlainContext(tmp_path, SCRIPTED))) == 1


def test_explanation_is_given(tmp_path: Path) -> None:
    write_eager(tmp_path, CNN_MODEL)
    context = PlainContext(tmp_path, EAGER)
    handler = ImageClassifier()
    handler.initialize(context)
    context.explain = True
    handler.handle = MicroBatching(handler)  # type: ignore[method-assign]
    assert len(handler.handle([{"data": image_bytes()}], context)) == 1


@pytest.mark.parametrize(
    ("envelope", "body", "expected"),
    [
        (BodyEnvelope, [1, 2], [[1, 2]]),
        (JSONEnvelope, {"instances": [1, 2]}, ['{"predictions": [1, 2]}']),
        (KServeEnvelope, {"instances": [1, 2]}, [{"predictions": [1, 2]}]),
    ],
)
def test_envelope_translates(envelope: Any, body: Any, expected: Any, tmp_path: Path) -> None:
    context = PlainContext(tmp_path, EAGER)
    assert envelope(lambda data, _: data).handle([{"body": body}], context) == expected


def test_envelope_of_kserve_v2_names_the_model_of_the_manifest(tmp_path: Path) -> None:
    tensor = {"name": "in", "shape": [2], "datatype": "INT64", "data": [1, 2]}
    envelope = KServev2Envelope(lambda data, _: [[3]])
    body = json.dumps({"id": "one", "inputs": [tensor]}).encode()
    (answer,) = envelope.handle([{"body": body}], PlainContext(tmp_path, EAGER))
    assert (answer["id"], answer["model_name"]) == ("one", "m")


def test_slices_share_a_context_without_request_ids(tmp_path: Path) -> None:
    handler = Sums()
    write_eager(tmp_path)
    context = PlainContext(tmp_path, EAGER)
    handler.initialize(context)
    seen: list[tuple[int, Any]] = []
    micro = MicroBatching(handler, 2, dict.fromkeys(HANDLER_METHODS, 2))

    def preprocess(data: Any) -> Any:
        seen.append((micro.get_micro_batch_idx(), handler.context.manifest))
        handler.context.metrics.add_counter("slices", 1)
        return Sums.preprocess(handler, data)

    handler.preprocess = preprocess  # type: ignore[method-assign]
    handler.handle = micro  # type: ignore[method-assign]
    assert len(handler.handle([{"data": [1.0, 2.0]}] * 5, context)) == 5
    assert sorted(seen, key=lambda pair: pair[0]) == [(i, context.manifest) for i in range(3)]
    assert {metric.name for metric in context.metrics.store} == {"slices", "HandlerTime"}
    micro.shutdown()

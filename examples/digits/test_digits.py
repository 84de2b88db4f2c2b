"""The digits example: its weights, its handler, its archive."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image, ImageOps
from ts.utils.util import PredictionException

HERE = Path(__file__).parent
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MANIFEST = {
    "model": {"modelName": "digits", "modelFile": "model.py", "serializedFile": "digits.pt"}
}


@pytest.fixture
def handler(load_example: Callable[[Path, str], ModuleType], new_context: Any) -> Any:
    context = new_context(HERE)
    context.manifest = MANIFEST
    loaded = load_example(HERE, "handler").DigitsHandler()
    loaded.initialize(context)
    return loaded


def sample(name: str, kind: str = "PNG", change: Any = lambda image: image) -> bytes:
    buffer = io.BytesIO()
    change(Image.open(HERE / "sample" / f"{name}.png")).save(buffer, kind)
    return buffer.getvalue()


def test_weights_are_small_and_right_on_held_out_digits(
    handler: Any, load_example: Callable[[Path, str], ModuleType]
) -> None:
    assert (HERE / "digits.pt").stat().st_size < 500_000
    training = load_example(HERE, "train")
    _, _, images, labels = training.load_split()
    assert training.accuracy(handler.model, images, labels) >= 0.97


@pytest.mark.parametrize("digit", range(10))
def test_every_sample_is_recognized(handler: Any, new_context: Any, digit: int) -> None:
    (answer,) = handler.handle([{"body": sample(NAMES[digit])}], new_context(HERE))
    assert answer["class"] == str(digit)
    assert answer["probability"] > 0.9
    assert next(iter(answer["top"].items())) == (str(digit), answer["probability"])
    assert len(answer["top"]) == 3


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("JPEG", lambda image: image),
        ("BMP", lambda image: image.convert("RGB")),
        ("PNG", lambda image: image.convert("RGBA").resize((200, 200))),
        ("PNG", ImageOps.invert),  # dark ink on light paper
    ],
)
def test_other_kinds_and_sizes_of_images(
    handler: Any, new_context: Any, kind: str, change: Any
) -> None:
    row = {"data": bytearray(sample("seven", kind, change))}
    (answer,) = handler.handle([row], new_context(HERE))
    assert answer["class"] == "7"


def test_batch(handler: Any, new_context: Any) -> None:
    rows = [{"body": sample("three")}, {"body": sample("four")}]
    answers = handler.handle(rows, new_context(HERE, requests=2))
    assert [answer["class"] for answer in answers] == ["3", "4"]


def test_explanation_adds_up_to_the_score(handler: Any, new_context: Any) -> None:
    row = {"body": sample("seven")}
    (answer,) = handler.handle([row], new_context(HERE, explain=True))
    assert answer["class"] == "7"
    attributions = torch.tensor(answer["attributions"])
    assert attributions.shape == (8, 8)
    image = handler.preprocess([row])
    difference = (handler.model(image) - handler.model(torch.zeros_like(image)))[0, 7].item()
    assert attributions.sum().item() == pytest.approx(difference, rel=0.1)


def test_another_digit_can_be_explained(handler: Any, new_context: Any) -> None:
    row = {"data": sample("seven"), "target": bytearray(b"1")}
    (answer,) = handler.handle([row], new_context(HERE, explain=True))
    assert answer["class"] == "1"
    with pytest.raises(PredictionException, match="target is 'x', expected a digit : 400"):
        handler.handle([{"data": sample("seven"), "target": "x"}], new_context(HERE, explain=True))


def test_what_is_not_an_image_is_the_clients_mistake(handler: Any, new_context: Any) -> None:
    with pytest.raises(PredictionException, match="cannot be read as an image"):
        handler.handle([{"body": b"seven"}], new_context(HERE))


def test_archive_holds_what_the_model_needs(
    unpack_build: Callable[[Path], tuple[Path, dict[str, Any]]],
) -> None:
    folder, manifest = unpack_build(HERE)
    model = manifest["model"]
    assert (model["modelName"], model["modelVersion"]) == ("digits", "1.0")
    for key in ("handler", "modelFile", "serializedFile", "configFile"):
        assert (folder / model[key]).is_file()
    assert (folder / "index_to_name.json").is_file()

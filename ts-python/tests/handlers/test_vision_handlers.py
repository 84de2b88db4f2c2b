"""Handlers of images, with tiny models."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import torch
from handler_fakes import CNN_MODEL, EAGER, FakeContext, image_bytes, write_eager, write_labels
from ts.torch_handler.image_classifier import ImageClassifier
from ts.torch_handler.image_segmenter import ImageSegmenter
from ts.torch_handler.object_detector import ObjectDetector
from ts.torch_handler.vision_handler import VisionHandler
from ts.utils._row_errors import RowErrors
from ts.utils.util import PredictionException


class Thumbnail(VisionHandler):
    """Does without torchvision."""

    @staticmethod
    def image_processing(image: Any) -> torch.Tensor:
        return torch.tensor(list(image.convert("L").resize((2, 2)).tobytes())).float()


@pytest.fixture
def classifier(tmp_path: Path) -> ImageClassifier:
    write_eager(tmp_path, CNN_MODEL)
    write_labels(tmp_path, {"0": "cat", "1": "dog", "2": "eel"})
    handler = ImageClassifier()
    handler.initialize(FakeContext(tmp_path, EAGER))
    return handler


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "LA"])
def test_any_kind_of_image_is_classified(classifier: ImageClassifier, mode: str) -> None:
    context = FakeContext(Path())
    (answer,) = classifier.handle([{"body": bytearray(image_bytes(mode))}], context)
    assert set(answer) == {"cat", "dog", "eel"}  # fewer classes than topk
    assert sum(answer.values()) == pytest.approx(1)
    assert list(answer.values()) == sorted(answer.values(), reverse=True)


@pytest.mark.parametrize("encode", [str, lambda text: bytearray(text.encode())])
@pytest.mark.parametrize("head", ["data:image/png;base64,", "DATA:;base64,"])
def test_image_may_be_a_data_uri(classifier: ImageClassifier, head: str, encode: Any) -> None:
    context = FakeContext(Path())
    image = image_bytes()
    uri = encode(head + base64.b64encode(image).decode())
    assert classifier.handle([{"body": uri}], context) == classifier.handle(
        [{"body": image}], context
    )


def test_data_uri_without_base64_is_a_bad_request(classifier: ImageClassifier) -> None:
    with pytest.raises(RowErrors) as failure:
        classifier.handle([{"body": "data:image/svg+xml,<svg/>"}], FakeContext(Path()))
    assert "expected data:<type>;base64,<Base64>" in str(failure.value.errors[0])


def test_batch_gives_each_request_its_answer(classifier: ImageClassifier) -> None:
    classifier.set_max_result_classes(1)
    assert classifier.get_max_result_classes() == 1
    context = FakeContext(Path(), headers=[{}, {}])
    rows = [{"data": image_bytes(kind="JPEG")}, {"data": image_bytes(size=(300, 20))}]
    answers = classifier.handle(rows, context)
    assert [len(answer) for answer in answers] == [1, 1]


def test_explanation_is_one_image_of_numbers_per_request(classifier: ImageClassifier) -> None:
    context = FakeContext(Path(), headers=[{"explain": "True"}] * 2)
    rows = [{"body": image_bytes(), "target": b"1"}, {"body": image_bytes("L")}]
    answer = torch.tensor(classifier.handle(rows, context))
    assert answer.shape == (2, 3, 224, 224)
    # Integrated Gradients sum up to the difference the input makes, per target.
    inputs = classifier.preprocess(rows)
    scores = classifier.model(inputs) - classifier.model(torch.zeros_like(inputs))
    expected = [scores[0, 1].item(), scores[1, 0].item()]
    assert answer.sum(dim=(1, 2, 3)).tolist() == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(("target", "counted"), [("-1", 2), ("2", 2), ("-3", 0)])
def test_target_may_count_from_the_last_class(
    classifier: ImageClassifier, target: str, counted: int
) -> None:
    def explained(*targets: Any) -> Any:
        context = FakeContext(Path(), headers=[{"explain": "True"}] * len(targets))
        return classifier.handle([{"body": image_bytes(), "target": t} for t in targets], context)

    expected = explained(counted)[0]
    for answer in (explained(target)[0], explained(target, "1")[0]):
        assert torch.allclose(torch.tensor(answer), torch.tensor(expected), atol=1e-5)


@pytest.mark.parametrize("target", ["3", "-4", [1, 1]])
def test_target_that_is_no_class_fails_alone(classifier: ImageClassifier, target: Any) -> None:
    context = FakeContext(Path(), headers=[{"explain": "True"}] * 2)
    rows = [{"body": image_bytes()}, {"body": image_bytes(), "target": target}]
    with pytest.raises(RowErrors) as caught:
        classifier.handle(rows, context)
    assert list(caught.value.errors) == [1]
    assert caught.value.errors[1].error_code == 400
    assert "for scores of the shape [3]" in caught.value.errors[1].message


def test_own_image_processing_gets_the_image_as_it_is(tmp_path: Path) -> None:
    seen = []

    class Mine(ImageClassifier):
        @staticmethod
        def image_processing(image: Any) -> torch.Tensor:
            seen.append(image.mode)
            return torch.zeros(3, 4, 4)

    write_eager(tmp_path, CNN_MODEL)
    handler = Mine()
    handler.initialize(FakeContext(tmp_path, EAGER))
    handler.handle([{"body": image_bytes("L")}], FakeContext(tmp_path))
    assert seen == ["L"]
    assert Mine.image_processing is not ImageClassifier.image_processing


def test_all_forms_of_an_input_give_the_same_tensor() -> None:
    handler = Thumbnail()
    data = image_bytes()
    text = base64.b64encode(data).decode()
    rows = [
        {"data": data},
        {"body": bytearray(data)},
        {"data": b"", "body": data},
        {"body": text},
        {"body": {"data": text, "target": 1}},
        data,
    ]
    tensor = handler.preprocess(rows)
    assert tensor.shape == (6, 4)
    assert all(torch.equal(row, tensor[0]) for row in tensor)
    assert torch.equal(handler.preprocess([{"data": [[1, 2]]}]), torch.tensor([[[1.0, 2.0]]]))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"body": b"not an image"}, "The 12 bytes of the input cannot be read as an image"),
        ({"body": image_bytes()[:60]}, "cannot be read as an image"),
        ({"body": "%%%a"}, "Base64"),
        ({}, "no input"),
        ({"body": {"a": 1}}, "neither an image nor an array"),
        ({"body": [[1], [1, 2]]}, "neither an image nor an array"),
    ],
)
def test_bad_input_is_the_clients_mistake(row: Any, message: str) -> None:
    with pytest.raises(PredictionException, match=message) as caught:
        Thumbnail().preprocess([row])
    assert caught.value.error_code == 400


def test_limit_of_pixels_is_lifted_only_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    data = image_bytes()
    with pytest.raises(PredictionException, match="exceeds limit"):
        Thumbnail().preprocess([{"body": data}])
    write_eager(tmp_path)
    context = FakeContext(tmp_path, EAGER)
    context.system_properties["limit_max_image_pixels"] = False
    handler = Thumbnail()
    handler.initialize(context)
    assert handler.preprocess([{"body": data}]).shape == (1, 4)


def test_segmenter_answers_class_and_probability_per_pixel() -> None:
    scores = torch.zeros(1, 2, 1, 3)
    scores[0, 1, 0, 2] = 20.0
    (answer,) = ImageSegmenter().postprocess({"out": scores})
    assert answer[0][0] == [0.0, 0.5]
    assert answer[0][2] == [1.0, pytest.approx(1)]
    assert torch.tensor(answer).shape == (1, 3, 2)


def test_detector_takes_images_of_different_sizes(tmp_path: Path) -> None:
    handler = ObjectDetector()
    handler.mapping = {"1": "cat", "2": "dog"}
    handler.device = torch.device("cpu")

    def model(images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        return [
            {
                "boxes": torch.tensor([[0.0, 0.0, float(i.shape[2]), 1.0], [0.0] * 4]),
                "labels": torch.tensor([1, 2]),
                "scores": torch.tensor([0.5, 0.25]),
            }
            for i in images
        ]

    handler.model = model
    rows = [{"body": image_bytes(size=(12, 10))}, {"body": image_bytes("L", (20, 8))}]
    answer = handler.handle(rows, FakeContext(tmp_path, headers=[{}, {}]))
    assert answer == [
        [{"cat": [0.0, 0.0, 12.0, 1.0], "score": 0.5}],
        [{"cat": [0.0, 0.0, 20.0, 1.0], "score": 0.5}],
    ]

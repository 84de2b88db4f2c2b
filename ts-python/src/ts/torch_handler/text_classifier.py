"""Classification of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ts.handler_utils.text_utils import ngrams_iterator
from ts.handler_utils.timer import timed
from ts.torch_handler._requests import payload_of
from ts.torch_handler.text_handler import TextHandler
from ts.utils._optional import import_optional
from ts.utils._row_errors import read_rows
from ts.utils.util import PredictionException, map_class_to_label


class TextClassifier(TextHandler):
    """Answers the probabilities of all classes of a text.

    The model is called with token ids, all texts in a row, and the offset at which each text
    begins, as ``torch.nn.EmbeddingBag`` takes them.

    Attributes:
        ngrams: Longest run of tokens that has an id of its own.
    """

    ngrams = 2

    @timed
    def preprocess(self, data: Any) -> tuple[torch.Tensor, torch.Tensor, list[list[str]]]:
        """Return the ids of all texts, the offset of each text, and its tokens.

        Raises:
            PredictionException: 400, an input is not a text.
        """
        read = read_rows(data, lambda row, _: self._read(payload_of(row)))
        tokens = [words for words, _ in read]
        ids = [text_ids for _, text_ids in read]
        offsets = [0]
        for text_ids in ids[:-1]:
            offsets.append(offsets[-1] + len(text_ids))
        flat = [token_id for text_ids in ids for token_id in text_ids]
        return (
            torch.as_tensor(flat, dtype=torch.int64, device=self.device),
            torch.as_tensor(offsets, dtype=torch.int64, device=self.device),
            tokens,
        )

    @timed
    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the model on the ids and offsets."""
        ids, offsets, _ = data
        with torch.inference_mode():
            return self.model(ids, offsets, *args, **kwargs)

    @timed
    def postprocess(self, data: Any) -> list[dict[str, float]]:
        """Turn scores [N, K] into one dict from label to probability per request."""
        probabilities = torch.nn.functional.softmax(data, dim=1)
        return map_class_to_label(probabilities.tolist(), self.mapping)

    def _shape_of_scores(self, data_preprocess: Any) -> Sequence[int] | None:
        # A subclass may prepare its texts otherwise.
        if not isinstance(data_preprocess, tuple) or len(data_preprocess) != 3:
            return None
        ids, offsets, _ = data_preprocess
        with torch.inference_mode():
            return tuple(self.model(ids, offsets).shape[1:])

    def get_insights(self, text_preprocess: Any, _: Any, target: Any = 0) -> list[dict[str, Any]]:
        """Explain `target` by Layer Integrated Gradients of ``model.embedding``.

        Returns:
            For each request ``importances``, nested lists, and ``words``, the tokens.
        """
        captum = import_optional("captum.attr", "An explanation")
        reference = captum.TokenReferenceBase()
        ids, offsets, tokens = text_preprocess
        ends = [*offsets.tolist()[1:], len(ids)]
        targets = target if isinstance(target, list) else [target] * len(tokens)
        first = torch.zeros(1, dtype=torch.int64, device=self.device)
        insights: list[dict[str, Any]] = []
        for start, end, words, wanted in zip(offsets.tolist(), ends, tokens, targets, strict=True):
            if start == end:
                insights.append({"importances": [], "words": []})
                continue
            text_ids = ids[start:end]
            baseline = reference.generate_reference(len(text_ids), self.device)
            attributions = self.lig.attribute(
                text_ids,
                baseline,
                additional_forward_args=(first,),
                return_convergence_delta=False,
                target=wanted,
            )
            importances = self.summarize_attributions(attributions).tolist()
            insights.append({"importances": importances, "words": self.get_word_token(words)})
        return insights

    def _read(self, value: Any) -> tuple[list[str], list[int]]:
        """Return the tokens of a text, and the ids of its n-grams."""
        tokens = self._tokens_of(value)
        try:
            return tokens, [self.source_vocab[t] for t in ngrams_iterator(tokens, self.ngrams)]
        except KeyError as e:
            raise PredictionException(
                f"The text has {e}, which is not in the model's vocabulary", 400
            ) from e

    def _tokens_of(self, value: Any) -> list[str]:
        if isinstance(value, (bytes, bytearray)):
            try:
                value = value.decode("utf-8")
            except UnicodeDecodeError as e:
                raise PredictionException(f"The input is not text in UTF-8: {e}", 400) from e
        if not isinstance(value, str):
            raise PredictionException(f"The input is {type(value).__name__}, expected text", 400)
        text = self._remove_html_tags(value).lower()
        text = self._expand_contractions(text)
        text = self._remove_accented_characters(text)
        text = self._remove_punctuation(text)
        return self._tokenize(text)

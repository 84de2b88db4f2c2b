"""Answers sentences with vectors: those of nearly the same meaning point the same way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException

MAX_TOKENS = 256  # what the model was trained for; the rest of a sentence is cut off
MAX_SENTENCES = 128  # in one request


class EmbeddingsHandler(BaseHandler):
    """Takes a sentence as text, or as JSON a string or a list of strings.

    A sentence is answered with ``{"embedding": [384 numbers]}``, a list with ``{"embeddings":
    [[384 numbers], ...]}``. The sentences of all requests of a batch run through the model at once.
    """

    def initialize(self, context: Any) -> None:
        """Load the model and the tokenizer."""
        super().initialize(context)
        folder = Path(context.system_properties["model_dir"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()

    def handle(self, data: Any, context: Any) -> list[dict[str, Any]]:
        """Answer a batch."""
        self.context = context
        requests = [sentences_of(row) for row in data]
        vectors = iter(self.embed([sentence for group, _ in requests for sentence in group]))
        answers: list[dict[str, Any]] = []
        for sentences, is_list in requests:
            own = [next(vectors) for _ in sentences]
            answers.append({"embeddings": own} if is_list else {"embedding": own[0]})
        return answers

    def embed(self, sentences: list[str]) -> list[list[float]]:
        """Return a vector of length 1 for each sentence."""
        if not sentences:
            return []
        encoded = self.tokenizer.encode_batch(sentences)
        tokens = torch.tensor([each.ids for each in encoded], device=self.device)
        is_token = torch.tensor([each.attention_mask for each in encoded], device=self.device)
        with torch.inference_mode():
            vectors: list[list[float]] = self.model(tokens, is_token.bool()).tolist()
        # Six digits are what float32 knows, and keep the answer short.
        return [[round(value, 6) for value in vector] for vector in vectors]


def sentences_of(row: dict[str, Any]) -> tuple[list[str], bool]:
    """Return the sentences of a request, and whether they came as a list.

    Raises:
        PredictionException: 400, they are neither text nor a list of texts, or too many.
    """
    value = row.get("data") or row.get("body")
    if isinstance(value, (bytes, bytearray)):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as e:
            raise PredictionException(f"The body is not text in UTF-8: {e}", 400) from e
    is_list = isinstance(value, list)
    sentences: list[Any] = value if isinstance(value, list) else [value]
    if len(sentences) > MAX_SENTENCES:
        raise PredictionException(f"{len(sentences)} sentences, at most {MAX_SENTENCES}", 400)
    for sentence in sentences:
        if not isinstance(sentence, str) or not sentence.strip():
            shown = json.dumps(sentence, default=str)[:80]
            raise PredictionException(f"A sentence is {shown}, expected text", 400)
    return sentences, is_list

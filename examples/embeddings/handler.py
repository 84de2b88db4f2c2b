"""Answers sentences with vectors: those of nearly the same meaning point the same way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from ts.openai import (
    EMBEDDINGS,
    EmbeddingRequest,
    Embeddings,
    OpenAIError,
    embeddings_response,
    error_result,
)
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException

MAX_TOKENS = 256  # what the model was trained for; the rest of a sentence is cut off
MAX_SENTENCES = 128  # in one request
Vector = tuple[list[float], int]
AT_ONCE = 64  # sentences that the model reads in one call: more take memory and no less time


class EmbeddingsHandler(BaseHandler):
    """Takes a sentence as text, or as JSON a string or a list of strings.

    A sentence is answered with ``{"embedding": [384 numbers]}``, a list with ``{"embeddings":
    [[384 numbers], ...]}``. The sentences of all requests of a batch run through the model at once.
    Requests of the OpenAI API, ``/v1/embeddings``, are answered in its form, in the same batches.
    """

    openai_routes = (EMBEDDINGS,)

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
        requests = [read_request(row, context, index) for index, row in enumerate(data)]
        vectors = iter(self.embed([text for request in requests for text in request.sentences]))
        answers: list[dict[str, Any]] = []
        for index, request in enumerate(requests):
            own = [next(vectors) for _ in request.sentences]
            try:
                answers.append(request.answer(own))
            except OpenAIError as error:
                answers.append(error_result(error, context, index))
        return answers

    def embed(self, sentences: list[str]) -> list[Vector]:
        """Return a vector of length 1 for each sentence, and how many tokens it has."""
        found: list[Vector] = []
        for start in range(0, len(sentences), AT_ONCE):
            encoded = self.tokenizer.encode_batch(sentences[start : start + AT_ONCE])
            tokens = torch.tensor([each.ids for each in encoded], device=self.device)
            is_token = torch.tensor([each.attention_mask for each in encoded], device=self.device)
            with torch.inference_mode():
                vectors = self.model(tokens, is_token.bool()).tolist()
            for vector, count in zip(vectors, is_token.sum(dim=1).tolist()):
                # Six digits are what float32 knows, and keep the answer short.
                found.append(([round(value, 6) for value in vector], count))
        return found


class Sentences(NamedTuple):
    """A request of this example's own form.

    Attributes:
        sentences: To turn into vectors.
        is_list: Whether they came as a list.
    """

    sentences: list[str]
    is_list: bool

    def answer(self, vectors: list[Vector]) -> dict[str, Any]:
        """Return the response for the vectors of the sentences."""
        own = [vector for vector, _ in vectors]
        return {"embeddings": own} if self.is_list else {"embedding": own[0]}


class OpenAISentences(NamedTuple):
    """A request of the OpenAI API, or the error that it has."""

    sentences: list[str]
    request: EmbeddingRequest | None = None
    error: OpenAIError | None = None

    def answer(self, vectors: list[Vector]) -> dict[str, Any]:
        """Return the response for the vectors of the sentences."""
        if self.request is None or self.error is not None:
            raise self.error or OpenAIError(400, "There is no request.")
        tokens = sum(count for _, count in vectors)
        return embeddings_response(self.request, Embeddings([v for v, _ in vectors], tokens))


def read_request(row: Any, context: Any, index: int) -> Sentences | OpenAISentences:
    """Return what a request of the batch asks."""
    if context.get_request_header(index, "url_path") != EMBEDDINGS:
        return Sentences(*sentences_of(row))
    try:
        request = EmbeddingRequest.of(row.get("body"))
        for text in request.texts:
            if not isinstance(text, str):
                raise OpenAIError(400, "input has ids of tokens, expected texts.", "input")
    except OpenAIError as error:
        return OpenAISentences([], error=error)
    return OpenAISentences([str(text) for text in request.texts], request)


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

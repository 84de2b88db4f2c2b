"""The base of handlers for text."""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from ts.handler_utils.text_utils import get_tokenizer
from ts.torch_handler._loading import load_weights
from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.contractions import CONTRACTION_MAP
from ts.utils._optional import import_optional
from ts.utils.util import CLEANUP_REGEX

CONTRACTIONS_PATTERN = re.compile("|".join(map(re.escape, CONTRACTION_MAP)), re.IGNORECASE)
"""Finds the contractions of `CONTRACTION_MAP`, short forms before longer ones."""

_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


class TextHandler(BaseHandler):
    """Loads a vocabulary beside the model, and cleans and splits texts.

    Attributes:
        source_vocab: From a token to its id; tokens are looked up by ``source_vocab[token]``.
        longest_contraction_first: Whether ``can't've`` counts as itself rather than as ``can't``
            and a rest. Off by default, as models trained for TorchServe expect.
    """

    longest_contraction_first = False

    def __init__(self) -> None:
        super().__init__()
        self.source_vocab: Any = None

    def initialize(self, context: Any) -> None:
        """Load the model and the vocabulary.

        Raises:
            RuntimeError: There is no vocabulary, or it may not be loaded.
        """
        super().initialize(context)
        path = self.get_source_vocab_path(context)
        self.source_vocab = load_weights(path, self._weights_only())

    @functools.cached_property
    def lig(self) -> Any:
        """Captum's Layer Integrated Gradients of ``model.embedding``, made when first needed."""
        captum = import_optional("captum.attr", "An explanation")
        return captum.LayerIntegratedGradients(self.model, self.model.embedding)

    def get_source_vocab_path(self, ctx: Any) -> str:
        """Return the file of the vocabulary: the manifest's ``sourceVocab``, or source_vocab.pt.

        Raises:
            RuntimeError: There is no such file.
        """
        model = ((ctx.manifest or {}).get("model")) or {}
        name = model.get("sourceVocab") or "source_vocab.pt"
        path = Path(ctx.system_properties["model_dir"]) / name
        if not path.is_file():
            raise RuntimeError(f"Missing the source_vocab file: {path}")
        return str(path)

    def get_word_token(self, input_tokens: Iterable[str]) -> list[str]:
        """Return the tokens without the mark that byte-pair tokenizers put for a blank."""
        return [token.replace("\u0120", "") for token in input_tokens]

    def summarize_attributions(self, attributions: torch.Tensor) -> torch.Tensor:
        """Scale attributions [..., D]: softmax, divided by the norm of their sums over D."""
        scaled: torch.Tensor = torch.nn.functional.softmax(attributions, dim=-1)
        norm: torch.Tensor = torch.linalg.vector_norm(scaled.sum(dim=-1))
        return scaled / norm

    def _remove_html_tags(self, text: str) -> str:
        return CLEANUP_REGEX.sub("", text)

    def _expand_contractions(self, text: str) -> str:
        def expand(match: re.Match[str]) -> str:
            found = match.group(0)
            expansion = CONTRACTION_MAP[found.lower()]
            return found[0] + expansion[1:] if found[0].isalpha() else expansion

        return self._contractions_regex.sub(expand, text).replace("'", "")

    @functools.cached_property
    def _contractions_regex(self) -> re.Pattern[str]:
        if not self.longest_contraction_first:
            return CONTRACTIONS_PATTERN
        words = sorted(CONTRACTION_MAP, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, words)), re.IGNORECASE)

    def _remove_accented_characters(self, text: str) -> str:
        return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")

    def _remove_punctuation(self, text: str) -> str:
        return text.translate(_WITHOUT_PUNCTUATION)

    def _remove_puncutation(self, text: str) -> str:
        # The spelling that existing handlers call.
        return self._remove_punctuation(text)

    def _tokenize(self, text: str) -> list[str]:
        return get_tokenizer("basic_english")(text)

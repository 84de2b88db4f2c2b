"""What engines give: tokens and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of generated text.

    Attributes:
        text: What it adds to the text; may be empty, say for the first bytes of a character.
        logprob: Logarithm of its probability, where the engine knows it.
        top: The likeliest tokens in its place with their logarithms, itself among them.
        count: Tokens of the model that it stands for.
        finish_reason: ``stop`` or ``length`` if it is the last one; the text may then be empty.
    """

    text: str
    logprob: float | None = None
    top: Sequence[tuple[str, float]] = ()
    count: int = 1
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors, one for each text, and how many tokens the texts were."""

    vectors: Sequence[Sequence[float]]
    tokens: int = 0

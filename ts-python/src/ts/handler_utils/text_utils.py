"""Tokens and n-grams, without further packages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

Tokenizer = Callable[[str], list[str]]

_SUBSTITUTIONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"'"), " '  "),
    (re.compile(r'"'), ""),
    (re.compile(r"([.,()!?])"), r" \1 "),
    (re.compile(r"<br />|[;:]"), " "),
)


def get_tokenizer(tokenizer: str | Tokenizer | None, language: str = "en") -> Tokenizer:
    """Return a function that splits a text into tokens.

    Args:
        tokenizer: ``None`` splits at white space, ``"basic_english"`` also lower-cases and
            separates punctuation; a function is returned as it is.
        language: Only ``"en"`` for ``"basic_english"``.

    Raises:
        ValueError: There is no such tokenizer, or not for this language.
    """
    if tokenizer is None:
        return str.split
    if callable(tokenizer):
        return tokenizer
    if tokenizer != "basic_english":
        raise ValueError(f"Tokenizer {tokenizer!r}, expected None or 'basic_english'")
    if language != "en":
        raise ValueError(f"Language {language!r} for basic_english, expected 'en'")
    return _basic_english


def ngrams_iterator(token_list: Sequence[str], ngrams: int) -> Iterator[str]:
    """Yield all tokens, then all pairs, and so on up to `ngrams` tokens, joined by a space."""
    yield from token_list
    for size in range(2, ngrams + 1):
        for start in range(len(token_list) - size + 1):
            yield " ".join(token_list[start : start + size])


def _basic_english(text: str) -> list[str]:
    text = text.lower()
    for pattern, replacement in _SUBSTITUTIONS:
        text = pattern.sub(replacement, text)
    return text.split()

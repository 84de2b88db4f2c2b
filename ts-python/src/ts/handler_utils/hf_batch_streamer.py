"""Streams the tokens of a whole batch out of ``generate`` of a transformers model."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class _Row:
    """Tokens of one request that have not been turned into text for good."""

    tokens: list[int] = field(default_factory=list)
    shown: int = 0
    ended: bool = False


class TextIteratorStreamerBatch:
    """A streamer for ``model.generate(..., streamer=...)`` on one thread, iterated on another.

    Each item is a list with ``{"text": new_text}`` for each row. Text is held back until a word is
    complete. A row that has ended gives empty text until all rows have ended.

    Args:
        tokenizer: A transformers tokenizer.
        batch_size: Rows of the batch.
        skip_prompt: Leave out the first tokens ``generate`` reports, which are the prompts.
        timeout: Seconds to wait for the next item, then ``queue.Empty``; ``None`` waits forever.
        **decode_kwargs: Arguments of ``tokenizer.decode``.
    """

    def __init__(
        self,
        tokenizer: Any,
        batch_size: int,
        skip_prompt: bool = False,
        timeout: float | None = None,
        **decode_kwargs: Any,
    ) -> None:
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.skip_prompt = skip_prompt
        self.timeout = timeout
        self.decode_kwargs = decode_kwargs
        eos = tokenizer.eos_token_id
        self._eos = set(eos) if isinstance(eos, (list, tuple)) else {eos}
        self._rows = [_Row() for _ in range(batch_size)]
        self._next_tokens_are_prompt = True
        self._queue: queue.SimpleQueue[list[dict[str, str]] | None] = queue.SimpleQueue()

    def put(self, value: Any) -> None:
        """Take tokens from ``generate``: the prompts [rows, length] first, then one per row."""
        is_prompt, self._next_tokens_are_prompt = self._next_tokens_are_prompt, False
        if is_prompt and self.skip_prompt:
            return
        new = value.tolist()
        if len(new) != self.batch_size:
            raise ValueError(f"{len(new)} rows of tokens, expected {self.batch_size}")
        rows = zip(self._rows, new, strict=True)
        self._queue.put([{"text": self._extend(row, tokens, is_prompt)} for row, tokens in rows])

    def end(self) -> None:
        """Give out what was held back and end the iteration."""
        self._queue.put([{"text": self._flush(row)} for row in self._rows])
        self._next_tokens_are_prompt = True
        self._queue.put(None)

    def __iter__(self) -> Iterator[list[dict[str, str]]]:
        return self

    def __next__(self) -> list[dict[str, str]]:
        item = self._queue.get(timeout=self.timeout)
        if item is None:
            raise StopIteration
        return item

    def _extend(self, row: _Row, tokens: int | list[int], is_prompt: bool) -> str:
        if row.ended:
            return ""
        new = tokens if isinstance(tokens, list) else [tokens]
        row.tokens.extend(new)
        # Padding of a prompt is often the end token.
        if not is_prompt and self._eos.intersection(new):
            row.ended = True
            return self._flush(row)
        text = self._decode(row)
        if text.endswith("\n"):
            return self._flush(row)
        end = len(text) if text and _is_cjk(text[-1]) else text.rfind(" ") + 1
        piece = text[row.shown : end]
        row.shown = max(row.shown, end)
        return piece

    def _flush(self, row: _Row) -> str:
        piece = self._decode(row)[row.shown :]
        row.tokens.clear()
        row.shown = 0
        return piece

    def _decode(self, row: _Row) -> str:
        return str(self.tokenizer.decode(row.tokens, **self.decode_kwargs)) if row.tokens else ""


def _is_cjk(char: str) -> bool:
    """Tell whether `char` belongs to a script without blanks between words."""
    code = ord(char)
    return 0x3040 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF

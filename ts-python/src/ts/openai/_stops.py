"""The text of one choice: where it stops, and what of it may be sent already."""

from __future__ import annotations

from ts.openai._tokens import Token


class ChoiceText:
    """Gathers the tokens of a choice until it is finished.

    Text that may be the beginning of a stop is held back until more of it is known.

    Args:
        stops: The text ends before the first of these.
        max_tokens: It has no more tokens than this.

    Attributes:
        text: What may be sent, so far.
        tokens: How many it has.
        finish_reason: ``stop`` or ``length`` once it is finished.
        kept: The tokens themselves, where their probabilities are wanted.
    """

    __slots__ = (
        "_held",
        "_keep",
        "_max_tokens",
        "_stops",
        "finish_reason",
        "kept",
        "text",
        "tokens",
    )

    def __init__(self, stops: tuple[str, ...], max_tokens: int, *, keep: bool) -> None:
        self._stops = stops
        self._max_tokens = max_tokens
        self._held = ""
        self._keep = keep
        self.text = ""
        self.tokens = 0
        self.finish_reason: str | None = None
        self.kept: list[Token] = []

    def add(self, piece: str | Token) -> str:
        """Take a token; return the text that may be sent now."""
        token = Token(piece) if isinstance(piece, str) else piece
        self.tokens += token.count
        if self._keep and token.text:
            self.kept.append(token)
        text = self._held + token.text
        if not text.isascii():
            # An engine may give half of a surrogate pair, which no response can carry.
            text = text.encode("utf-8", "replace").decode("utf-8")
        end = self._find_stop(text)
        if end is not None:
            self.finish_reason = "stop"
            self._held = ""
            return self._sent(text[:end])
        if token.finish_reason is None and self.tokens >= self._max_tokens:
            self.finish_reason = "length"
        else:
            self.finish_reason = token.finish_reason
        held = 0 if self.finish_reason else self._may_begin_stop(text)
        self._held = text[len(text) - held :]
        return self._sent(text[: len(text) - held])

    def finish(self) -> str:
        """The engine has ended; return the text that was held back."""
        if self.finish_reason is not None:
            return ""
        self.finish_reason = "stop"
        held, self._held = self._held, ""
        return self._sent(held)

    def _sent(self, text: str) -> str:
        self.text += text
        return text

    def _find_stop(self, text: str) -> int | None:
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        return min(places, default=None)

    def _may_begin_stop(self, text: str) -> int:
        """Return how many characters at the end may be the beginning of a stop."""
        longest = 0
        for stop in self._stops:
            for length in range(min(len(stop) - 1, len(text)), longest, -1):
                if stop.startswith(text[len(text) - length :]):
                    longest = length
                    break
        return longest

"""Continues conversations and texts over the OpenAI API, many at once, a token of each per step."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from model import CONTEXT, KeyValueCache, TextModel
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream
from ts.openai import ChatRequest, CompletionRequest, OpenAIError, StepHandler, Token

MARKS = {"system": "<|system|>", "developer": "<|system|>", "user": "<|user|>"}
ASSISTANT, END = "<|assistant|>", "<|end|>"
MAX_SEQUENCES = 32


class Sequence:
    """One text that is generated.

    Attributes:
        slot: Its place in the cache.
        token: The last token, which the model has not read yet.
    """

    def __init__(self, request: ChatRequest | CompletionRequest, token: int, slot: int) -> None:
        self.sampling = request.sampling
        self.token = token
        self.slot = slot
        self.random = random.Random(request.sampling.seed)
        self.text = DecodeStream(skip_special_tokens=True)
        self.counts: torch.Tensor | None = None
        if self.sampling.presence_penalty or self.sampling.frequency_penalty:
            self.counts = torch.zeros(TextModel.vocabulary)

    def penalize(self, scores: torch.Tensor) -> None:
        """Lower the scores [1024] of tokens that the text has, as the request says."""
        if self.counts is not None:
            scores -= self.counts * self.sampling.frequency_penalty
            scores -= (self.counts > 0) * self.sampling.presence_penalty


class TextGenerator(StepHandler):
    """The model, the texts that it generates now, and what their attention has seen."""

    max_tokens = CONTEXT - 1
    max_sequences = MAX_SEQUENCES
    has_logprobs = True

    def initialize(self, context: Any) -> None:
        """Load the tokenizer and the weights."""
        folder = Path(context.system_properties["model_dir"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        # What a client writes is text, also where it looks like one of the marks.
        self.tokenizer.encode_special_tokens = True
        self.end_token = self.tokenizer.token_to_id(END)
        marks = {*MARKS.values(), ASSISTANT}
        self.never = [self.tokenizer.token_to_id(mark) for mark in marks]
        # Threads that wait for each other cost more than so small a model gains by them.
        torch.set_num_threads(1)
        self.model = TextModel()
        weights = torch.load(folder / "textgen.pt", weights_only=True)
        self.model.load_state_dict({name: value.float() for name, value in weights.items()})
        self.model.eval()
        self.cache = KeyValueCache(MAX_SEQUENCES)
        self.sequences: list[Sequence] = []

    @torch.inference_mode()
    def begin(self, request: ChatRequest | CompletionRequest) -> Sequence:
        """Let the model read the prompt, but for its last token."""
        tokens = self.prompt_of(request)
        if len(tokens) >= CONTEXT:
            param = "messages" if isinstance(request, ChatRequest) else "prompt"
            raise OpenAIError(
                400,
                f"{param} has {len(tokens)} tokens, expected at most {CONTEXT - 1}: the model can"
                f" see {CONTEXT} with what it generates.",
                param,
                "context_length_exceeded",
            )
        request.prompt_tokens = len(tokens)
        sequence = Sequence(request, tokens[-1], len(self.sequences))
        self.model.read_prompt(torch.tensor(tokens[:-1]), self.cache, sequence.slot)
        self.sequences.append(sequence)
        return sequence

    @torch.inference_mode()
    def step(self, sequences: list[Sequence]) -> list[Token]:
        """Return the next token of each sequence."""
        last = torch.tensor([sequence.token for sequence in self.sequences])
        scores = self.model.read_tokens(last, self.cache)
        scores[:, self.never] = -torch.inf
        for row, sequence in zip(scores, self.sequences):
            sequence.penalize(row)
        chosen = choose(scores, self.sequences).tolist()
        return [self.token(sequence, scores, chosen[sequence.slot]) for sequence in sequences]

    def end(self, sequence: Sequence) -> None:
        """Give a sequence's slot to the last one, so that those in use stay together."""
        last = self.sequences.pop()
        if last is not sequence:
            self.cache.move(last.slot, sequence.slot)
            self.sequences[sequence.slot] = last
            last.slot = sequence.slot

    def token(self, sequence: Sequence, scores: torch.Tensor, token: int) -> Token:
        """Return what a chosen token is for the client."""
        if token == self.end_token:
            return Token("", count=0, finish_reason="stop")
        sequence.token = token
        if sequence.counts is not None:
            sequence.counts[token] += 1
        is_full = int(self.cache.lengths[sequence.slot]) >= CONTEXT - 1
        text = sequence.text.step(self.tokenizer, token) or ""
        reason = "length" if is_full else None
        if sequence.sampling.logprobs is None:
            return Token(text, finish_reason=reason)
        logarithms = scores[sequence.slot].log_softmax(dim=0)
        top = logarithms.topk(max(1, sequence.sampling.logprobs))
        likeliest = [
            (self.tokenizer.decode([index], skip_special_tokens=False), value)
            for value, index in zip(top.values.tolist(), top.indices.tolist())
        ]
        return Token(text, logarithms[token].item(), likeliest, finish_reason=reason)

    def prompt_of(self, request: ChatRequest | CompletionRequest) -> list[int]:
        """Return the tokens of a prompt; of a conversation, in the form that was trained on."""
        if isinstance(request, CompletionRequest):
            return self.tokens_of_text(request.prompt)
        tokens: list[int] = []
        for message in request.messages:
            mark = MARKS.get(message.role, ASSISTANT)
            tokens += [self.tokenizer.token_to_id(mark), *self.encode(message.content)]
            if mark == ASSISTANT:
                tokens.append(self.end_token)
        return [*tokens, self.tokenizer.token_to_id(ASSISTANT)]

    def tokens_of_text(self, prompt: str | list[int]) -> list[int]:
        """Return the tokens of a text, or check those that a client gave."""
        if isinstance(prompt, str):
            # Something must be read before anything can follow it.
            return self.encode(prompt) or [self.end_token]
        unknown = [token for token in prompt if token >= TextModel.vocabulary]
        if unknown:
            message = (
                f"prompt has the token {unknown[0]}, expected 0 to {TextModel.vocabulary - 1}."
            )
            raise OpenAIError(400, message, "prompt", "invalid_value")
        return prompt

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; of a very long one no more than show that it is."""
        ids: list[int] = self.tokenizer.encode(text[: 64 * CONTEXT]).ids
        return ids


def choose(scores: torch.Tensor, sequences: list[Sequence]) -> torch.Tensor:
    """Return a token for each row of scores [N, 1024], by the sampling of its sequence: [N]."""
    temperatures = torch.tensor([each.sampling.temperature for each in sequences])
    top_p = torch.tensor([each.sampling.top_p for each in sequences])[:, None]
    dice = torch.tensor([each.random.random() for each in sequences])[:, None]
    scaled = scores / temperatures.clamp(min=1e-4)[:, None]
    ordered, tokens = scaled.softmax(dim=1).sort(dim=1, descending=True)
    sums = ordered.cumsum(dim=1)
    # The likeliest token stays, however little top_p is.
    kept = (sums - ordered < top_p) | (torch.arange(scores.shape[1]) == 0)
    sums = (ordered * kept).cumsum(dim=1)
    places = (sums < dice * sums[:, -1:]).sum(dim=1, keepdim=True)
    places[temperatures == 0] = 0
    return tokens.gather(1, places.clamp(max=scores.shape[1] - 1))[:, 0]

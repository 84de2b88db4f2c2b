"""A small decoder of the kind that large language models are, in plain torch."""

from __future__ import annotations

import torch
from torch.nn import functional

VOCABULARY = 1024
WIDTH = 192
LAYERS = 4
HEADS = 6
HEAD_WIDTH = WIDTH // HEADS
INNER_WIDTH = 4 * WIDTH
CONTEXT = 256
"""Tokens of a prompt and its answer together, at most."""


class KeyValueCache:
    """What the attention of earlier tokens left, for sequences that are in slots 0 to `slots` - 1.

    Attributes:
        keys: [layer, slot, head, position, 32], float32. `values` has the same shape.
        lengths: [slot], int64: how many tokens of a slot are known.
    """

    def __init__(self, slots: int) -> None:
        shape = (LAYERS, slots, HEADS, CONTEXT, HEAD_WIDTH)
        self.keys = torch.zeros(shape)
        self.values = torch.zeros(shape)
        self.lengths = torch.zeros(slots, dtype=torch.int64)

    def move(self, source: int, target: int) -> None:
        """Let a sequence take another slot; those in use stay together at the front."""
        length = int(self.lengths[source])
        for tensor in (self.keys, self.values):
            tensor[:, target, :, :length] = tensor[:, source, :, :length]
        self.lengths[target] = length


class Block(torch.nn.Module):
    """Attention and two linear layers, each behind a norm and added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = torch.nn.RMSNorm(WIDTH)
        self.projections = torch.nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.inner_norm = torch.nn.RMSNorm(WIDTH)
        self.widen = torch.nn.Linear(WIDTH, INNER_WIDTH, bias=False)
        self.narrow = torch.nn.Linear(INNER_WIDTH, WIDTH, bias=False)

    def project(
        self, hidden: torch.Tensor, rotation: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return queries, keys and values of hidden states [N, T, 192]: each [N, 6, T, 32]."""
        rows, tokens, _ = hidden.shape
        joined = self.projections(self.attention_norm(hidden))
        parts = joined.view(rows, tokens, 3, HEADS, HEAD_WIDTH).permute(2, 0, 3, 1, 4)
        return rotate(parts[0], rotation), rotate(parts[1], rotation), parts[2]

    def finish(self, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Return the block's result for what the attention found, [N, 6, T, 32]."""
        hidden = hidden + self.out(attended.transpose(1, 2).flatten(2))
        return hidden + self.narrow(functional.gelu(self.widen(self.inner_norm(hidden))))


class TextModel(torch.nn.Module):
    """From token ids to the scores of the token that comes next."""

    vocabulary = VOCABULARY

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(VOCABULARY, WIDTH)
        torch.nn.init.normal_(self.words.weight, std=0.02)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = torch.nn.RMSNorm(WIDTH)
        self.register_buffer("angles", rotation_angles(), persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the scores [N, T, 1024] after each of the tokens [N, T], int64."""
        hidden = self.words(tokens)
        rotation = self.angles[: tokens.shape[1]]
        for block in self.blocks:
            queries, keys, values = block.project(hidden, rotation)
            attended = functional.scaled_dot_product_attention(
                queries, keys, values, is_causal=True
            )
            hidden = block.finish(hidden, attended)
        return self.scores(hidden)

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the scores of hidden states: the words' own vectors are the last layer, too."""
        return functional.linear(self.norm(hidden), self.words.weight)

    def read_prompt(self, tokens: torch.Tensor, cache: KeyValueCache, slot: int) -> None:
        """Take a prompt [T], int64, into a slot. It may be empty."""
        count = tokens.shape[0]
        cache.lengths[slot] = count
        if count == 0:
            return
        hidden = self.words(tokens)[None]
        for index, block in enumerate(self.blocks):
            queries, keys, values = block.project(hidden, self.angles[:count])
            cache.keys[index, slot, :, :count] = keys[0]
            cache.values[index, slot, :, :count] = values[0]
            attended = functional.scaled_dot_product_attention(
                queries, keys, values, is_causal=True
            )
            hidden = block.finish(hidden, attended)

    def read_tokens(self, tokens: torch.Tensor, cache: KeyValueCache) -> torch.Tensor:
        """Take one more token of each of the first N slots; return the scores of the next ones.

        Args:
            tokens: [N], int64.
            cache: Of the sequences; each grows by one.

        Returns:
            [N, 1024], float32.
        """
        count = tokens.shape[0]
        places = cache.lengths[:count]
        longest = int(places.max()) + 1
        known = torch.arange(longest) <= places[:, None]
        rows = torch.arange(count)
        hidden = self.words(tokens)[:, None]
        rotation = self.angles[places][:, None, None]
        for index, block in enumerate(self.blocks):
            queries, keys, values = block.project(hidden, rotation)
            cache.keys[index, rows, :, places] = keys[:, :, 0]
            cache.values[index, rows, :, places] = values[:, :, 0]
            attended = functional.scaled_dot_product_attention(
                queries,
                cache.keys[index, :count, :, :longest],
                cache.values[index, :count, :, :longest],
                attn_mask=known[:, None, None],
            )
            hidden = block.finish(hidden, attended)
        cache.lengths[:count] += 1
        scores: torch.Tensor = self.scores(hidden[:, 0])
        return scores


def rotation_angles() -> torch.Tensor:
    """Return how far each pair of numbers is turned at each position: [256, 16] (RoPE)."""
    speeds = 10_000.0 ** -(torch.arange(0, HEAD_WIDTH, 2) / HEAD_WIDTH)
    return torch.arange(CONTEXT)[:, None] * speeds


def rotate(vectors: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn vectors [..., T, 32] by the angles [T, 16] of their positions."""
    first, second = vectors.chunk(2, dim=-1)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)

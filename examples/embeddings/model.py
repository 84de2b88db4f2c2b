"""A small BERT that turns sentences into vectors (all-MiniLM-L6-v2), in plain torch."""

from __future__ import annotations

import torch

WORDS = 30522
POSITIONS = 512
WIDTH = 384
LAYERS = 6
HEADS = 12
INNER_WIDTH = 1536
EPSILON = 1e-12


class SentenceEncoder(torch.nn.Module):
    """From token ids to one vector of length 1 per sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, WIDTH)
        self.positions = torch.nn.Embedding(POSITIONS, WIDTH)
        self.norm = torch.nn.LayerNorm(WIDTH, eps=EPSILON)
        layer = torch.nn.TransformerEncoderLayer(
            WIDTH, HEADS, INNER_WIDTH, activation="gelu", layer_norm_eps=EPSILON, batch_first=True
        )
        self.encoder = torch.nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(self, tokens: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """Return the mean over the tokens of each sentence, normalised.

        Args:
            tokens: Ids [N, T], int64, T at most 512; the shorter sentences are filled up.
            is_token: [N, T], bool, false where a sentence is filled up.

        Returns:
            [N, 384], float32.
        """
        places = torch.arange(tokens.shape[1], device=tokens.device)
        hidden = self.norm(self.words(tokens) + self.positions(places))
        hidden = self.encoder(hidden, src_key_padding_mask=~is_token)
        weights = is_token.unsqueeze(-1).to(hidden.dtype)
        means = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
        return torch.nn.functional.normalize(means, dim=1)
